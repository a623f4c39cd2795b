package grad

import (
	"context"
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// moveDerivatives holds operators whose outputs are elements of input 0, or
// zeros, in another place. Where each element comes from is found by running
// the operator on the numbers 1, 2, 3... in place of the elements.
var moveDerivatives = moves("Slice", "Split", "Gather", "GatherElements", "GatherND", "Tile", "Pad", "DepthToSpace", "SpaceToDepth", "Trilu", "Compress", "ReverseSequence")

func moves(names ...string) map[string]*derivative {
	all := map[string]*derivative{}
	for _, name := range names {
		all[name] = &derivative{inputs: []int{1, 2, 3, 4}, backward: backwardMove}
	}
	all["Gather"].backward = backwardGather
	all["Resize"] = &derivative{inputs: []int{1, 2, 3}, backward: backwardMove, accepts: isNearest}
	return all
}

func isNearest(n *ops.Node) bool { return n.Text("mode", "nearest") == "nearest" }

func backwardMove(c *call) error {
	if slices.Contains(c.needs[1:], true) {
		return fmt.Errorf("only the first input has a derivative")
	}
	sources, err := c.sources()
	if err != nil {
		return err
	}
	g := c.zeroGradient(0)
	for i, dy := range c.grads {
		if dy == nil {
			continue
		}
		for j, from := range sources[i] {
			if from > 0 {
				g[from-1] += dy[j]
			}
		}
	}
	return nil
}

// maxMoved keeps the numbers of elements within int32.
const maxMoved = 1 << 31

// moveCache holds the sources found for some input shapes and values.
type moveCache struct {
	shape   []int
	inputs  [][]byte
	sources [][]int32
}

// sources returns for each output and element the number, from 1, of the
// element of input 0 that it is a copy of, 0 for none.
func (c *call) sources() ([][]int32, error) {
	if k, ok := c.cache["move"].(*moveCache); ok && k.fits(c) {
		return k.sources, nil
	}
	shape := c.inShapes[0]
	n := sizeOf(shape)
	if n >= maxMoved {
		return nil, fmt.Errorf("a tensor of %d elements is too large", n)
	}
	numbers := make([]int32, n)
	for i := range numbers {
		numbers[i] = int32(i + 1)
	}
	in := []onnx.Value{onnx.FromSlice(numbers, shape...)}
	constants := []*onnx.Tensor{nil}
	k := &moveCache{shape: slices.Clone(shape)}
	for i, t := range c.in[1:] {
		if c.node.Op == "Pad" && i == 1 {
			t = nil // the value to pad with: a number that is no element
		}
		constants = append(constants, nil)
		if t == nil {
			in = append(in, nil)
			k.inputs = append(k.inputs, nil)
			continue
		}
		in = append(in, t)
		k.inputs = append(k.inputs, slices.Clone(t.Raw()))
	}
	node := &ops.Node{Node: c.node.Node, Opset: c.node.Opset, Constants: constants, Types: make([]ops.Info, len(in))}
	op := ops.Lookup(node.Domain, node.Op, node.Opset)
	if op == nil {
		return nil, fmt.Errorf("no such operator")
	}
	kernel, err := op.Build(node)
	if err != nil {
		return nil, err
	}
	run := ops.NewCall(context.Background(), in, len(c.outShapes))
	run.Pool = c.pool
	if err := kernel(run); err != nil {
		return nil, err
	}
	for i, v := range run.Out {
		t, isTensor := v.(*onnx.Tensor)
		if !isTensor || t.Type != onnx.Int32 || c.grads[i] != nil && t.Len() != len(c.grads[i]) {
			return nil, fmt.Errorf("output %d can not be traced back to the input", i)
		}
		k.sources = append(k.sources, onnx.View[int32](t))
	}
	c.cache["move"] = k
	return k.sources, nil
}

// fits reports whether the sources are those of this call.
func (k *moveCache) fits(c *call) bool {
	if !slices.Equal(k.shape, c.inShapes[0]) || len(k.inputs) != len(c.in)-1 {
		return false
	}
	for i, raw := range k.inputs {
		t := c.in[i+1]
		if c.node.Op == "Pad" && i == 1 {
			continue
		}
		if (t == nil) != (raw == nil) || t != nil && string(t.Raw()) != string(raw) {
			return false
		}
	}
	return true
}

// backwardGather adds rows of dy to the rows that they were gathered from.
func backwardGather(c *call) error {
	if c.needed(1) {
		return fmt.Errorf("indices have no derivative")
	}
	axis, err := ops.Axis(c.node.Int("axis", 0), len(c.inShapes[0]))
	if err != nil {
		return err
	}
	indices, err := ops.IntsOf(c.in[1])
	if err != nil {
		return err
	}
	shape, dy, g := c.inShapes[0], c.grads[0], c.zeroGradient(0)
	size, row := shape[axis], sizeOf(shape[axis+1:])
	for outer := range sizeOf(shape[:axis]) {
		for i, index := range indices {
			if index < 0 {
				index += size
			}
			to := g[(outer*size+index)*row:][:row]
			vec.Add(to, to, dy[(outer*len(indices)+i)*row:][:row])
		}
	}
	return nil
}
