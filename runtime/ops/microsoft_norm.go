package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// microsoftNorms holds the normalizations that ONNX Runtime adds:
// SimplifiedLayerNormalization (which it writes in ai.onnx), the two with a
// residual connection, and EmbedLayerNormalization of BERT.
var microsoftNorms = []Operator{
	{Name: "SimplifiedLayerNormalization", MinInputs: 2, MaxInputs: 2, Build: buildSimplifiedNorm, Infer: inferSame},
	{Domain: microsoft, Name: "SimplifiedLayerNormalization", MinInputs: 2, MaxInputs: 2, Build: buildSimplifiedNorm, Infer: inferSame},
	{Domain: microsoft, Name: "LayerNormalization", MinInputs: 2, MaxInputs: 3, Build: asOpset(17, buildLayerNorm), Infer: asOpsetInfer(17, inferLayerNorm)},
	{Domain: microsoft, Name: "SkipLayerNormalization", MinInputs: 3, MaxInputs: 5, Build: buildSkipNorm("LayerNormalization"), Infer: inferSkipNorm},
	{Domain: microsoft, Name: "SkipSimplifiedLayerNormalization", MinInputs: 3, MaxInputs: 4, Build: buildSkipNorm("RMSNormalization"), Infer: inferSkipNorm},
	{Domain: microsoft, Name: "EmbedLayerNormalization", MinInputs: 1, MaxInputs: 9, Build: buildEmbedNorm, Infer: inferEmbedNorm},
}

// buildSimplifiedNorm is RMSNormalization, with the inverse of the root mean
// square as a second output.
func buildSimplifiedNorm(n *Node) (Kernel, error) {
	v := &layerNorm{axis: n.Int("axis", -1), epsilon: n.Float("epsilon", 1e-5), rms: true, stash: onnx.Float32}
	if n.Wants(1) {
		return nil, fmt.Errorf("the output inv_std_var is not supported")
	}
	return v.run, n.Err()
}

// skipNorm is SkipLayerNormalization: the normalized sum of the input, a
// residual (skip) and a bias. The sum is output 3.
type skipNorm struct{ add, norm *part }

func buildSkipNorm(name string) func(n *Node) (Kernel, error) {
	return func(n *Node) (Kernel, error) {
		attrs := []onnx.Attribute{onnx.FloatAttr("epsilon", n.Float("epsilon", 1e-12)), onnx.IntAttr("axis", -1)}
		v, bias := &skipNorm{}, 4
		opset, from := 17, []int{-1, 2, 3}
		if name == "RMSNormalization" {
			opset, from, bias = 23, []int{-1, 2}, 3
		}
		var err error
		if v.add, err = newPart(n, "Add", 14, 1, nil, -1, -1); err != nil {
			return nil, err
		}
		if v.norm, err = newPart(n, name, opset, 1, attrs, from...); err != nil {
			return nil, err
		}
		return func(c *Call) error { return v.run(c, bias) }, n.Err()
	}
}

func (v *skipNorm) run(c *Call, bias int) error {
	x, skip := c.Tensor(0), c.Tensor(1)
	if c.Wants(1) || c.Wants(2) {
		return fmt.Errorf("the outputs mean and inv_std_var are not supported")
	}
	if !broadcastsTo(skip.Shape, x.Shape) {
		return c.ShapeError(1, fmt.Sprintf("one that broadcasts to %v", x.Shape))
	}
	sum, err := v.add.one(c, x, skip)
	if err != nil {
		return err
	}
	if b := c.Tensor(bias); b != nil {
		if b.Rank() != 1 || !broadcastsTo(b.Shape, x.Shape) {
			return c.ShapeError(bias, "one element for each of the last axis of input 0")
		}
		if sum, err = v.add.one(c, sum, b); err != nil {
			return err
		}
	}
	in := []onnx.Value{sum, c.Tensor(2)}
	if bias == 4 {
		in = append(in, c.Tensor(3))
	}
	if _, err := v.norm.finish(c, in...); err != nil {
		return err
	}
	if c.Wants(3) {
		c.Set(3, sum)
	}
	return nil
}

func inferSkipNorm(_ *Node, in []Info) ([]Info, error) {
	y := infoLike(elemOf(in[0]), in[0])
	return []Info{y, unknownInfo, unknownInfo, y}, nil
}

// buildEmbedNorm is EmbedLayerNormalization: the sum of the embeddings of
// tokens, positions and segments, normalized over the last axis. Inputs:
// input_ids and segment_ids [batch, length], the three tables, gamma, beta,
// mask and position_ids. Outputs: the result, the number of tokens that are
// not masked, and the sum.
func buildEmbedNorm(n *Node) (Kernel, error) {
	if err := needInputs(n, 2, 3, 5, 6); err != nil {
		return nil, err
	}
	attrs := []onnx.Attribute{onnx.FloatAttr("epsilon", n.Float("epsilon", 1e-12)), onnx.IntAttr("axis", -1)}
	norm, err := newPart(n, "LayerNormalization", 17, 1, attrs, -1, 5, 6)
	if err != nil {
		return nil, err
	}
	gather, err := newPart(n, "Gather", 13, 1, nil, -1, -1)
	if err != nil {
		return nil, err
	}
	add, err := newPart(n, "Add", 14, 1, nil, -1, -1)
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		ids := c.Tensor(0)
		if ids.Rank() != 2 {
			return c.ShapeError(0, "[batch, length]")
		}
		positions := c.Tensor(8)
		if positions == nil {
			positions = countingUp(ids.Shape[1])
		}
		sum, err := gather.one(c, c.Tensor(2), ids)
		if err != nil {
			return err
		}
		for _, table := range [][2]*onnx.Tensor{{c.Tensor(3), positions}, {c.Tensor(4), c.Tensor(1)}} {
			if table[0] == nil || table[1] == nil {
				continue
			}
			rows, err := gather.one(c, table[0], table[1])
			if err != nil {
				return err
			}
			if sum, err = add.one(c, sum, rows); err != nil {
				return err
			}
		}
		if _, err := norm.finish(c, sum, c.Tensor(5), c.Tensor(6)); err != nil {
			return err
		}
		if c.Wants(2) {
			c.Set(2, sum)
		}
		return maskIndex(c, 1, ids.Shape, c.Tensor(7))
	}, n.Err()
}

// countingUp returns the tensor [1,n] of 0 to n-1.
func countingUp(n int) *onnx.Tensor {
	t := onnx.NewTensor(onnx.Int64, 1, n)
	for i := range t.Int64s() {
		t.Int64s()[i] = int64(i)
	}
	return t
}

// maskIndex makes output i the number of ones in each row of the mask, 0
// without a mask.
func maskIndex(c *Call, i int, shape []int, mask *onnx.Tensor) error {
	if !c.Wants(i) {
		return nil
	}
	y, err := c.Zeroed(i, onnx.Int32, shape[0])
	if err != nil || mask == nil {
		return err
	}
	if mask.Type != onnx.Int32 || !sameShape(mask.Shape, shape) {
		return c.ShapeError(7, fmt.Sprintf("int32%v", shape))
	}
	counts := onnx.View[int32](y)
	for at, v := range onnx.View[int32](mask) {
		if v == 1 {
			counts[at/shape[1]]++
		}
	}
	return nil
}

func inferEmbedNorm(_ *Node, in []Info) ([]Info, error) {
	if len(in) < 3 {
		return nil, nil
	}
	t := elemOf(in[2])
	ids, ok := shapeOf(in[0])
	table, known := shapeOf(in[2])
	if !ok || !known || len(ids) != 2 || len(table) != 2 {
		return []Info{UnknownShape(t)}, nil
	}
	y := TensorInfo(t, []onnx.Dim{ids[0], ids[1], table[1]})
	return []Info{y, TensorInfo(onnx.Int32, ids[:1]), y}, nil
}
