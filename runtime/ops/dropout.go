package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// dropouts is the operator Dropout. In inference it copies its input.
//
//   - Versions 1 and 6: the attribute is_test says that it is inference; the
//     ratio is an attribute and the mask has the type of the input.
//   - Versions 7 and 10: always inference; the mask is of truth values from 10 on.
//   - Versions 12 to 22: ratio and training_mode are optional inputs.
//
// In training an element is dropped where a uniform random number is below the
// ratio, and the others are divided by 1 - ratio.
var dropouts = []Operator{
	{Name: "Dropout", Until: 11, Random: true, MinInputs: 1, MaxInputs: 1, Build: buildDropout, Infer: inferDropout},
	{Name: "Dropout", Since: 12, Random: true, MinInputs: 1, MaxInputs: 3, Build: buildDropout, Infer: inferDropout},
}

// dropMode says what one run of Dropout does.
type dropMode struct {
	training bool
	ratio    float64
}

func buildDropout(n *Node) (Kernel, error) {
	seed, opset := readSeed(n), n.Opset
	attributes := dropMode{training: opset < 7 && !n.Bool("is_test", false), ratio: float64(n.Float("ratio", 0.5))}
	return func(c *Call) error {
		mode := attributes
		if opset >= 12 {
			var err error
			if mode, err = dropInputs(c); err != nil {
				return err
			}
		}
		if !(mode.ratio >= 0 && mode.ratio < 1) && mode.training {
			return fmt.Errorf("ratio is %g, expected 0 or more and less than 1", mode.ratio)
		}
		maskType := onnx.Bool
		if opset < 10 {
			maskType = c.Tensor(0).Type
		}
		keep, err := dropMask(c, mode, seed, maskType)
		if err != nil {
			return err
		}
		if keep == nil {
			return c.Alias(0, 0, c.Tensor(0).Shape...)
		}
		return dropElements(c, keep, 1/(1-mode.ratio))
	}, n.Err()
}

// dropInputs reads ratio and training_mode.
func dropInputs(c *Call) (dropMode, error) {
	mode := dropMode{ratio: 0.5}
	if t := c.Tensor(1); t != nil {
		wide, err := t.ConvertTo(onnx.Float64)
		if err != nil {
			return mode, err
		}
		if wide.Len() != 1 {
			return mode, c.ShapeError(1, "a scalar")
		}
		mode.ratio = onnx.View[float64](wide)[0]
	}
	if t := c.Tensor(2); t != nil {
		if t.Type != onnx.Bool {
			return mode, c.TypeError(2)
		}
		if t.Len() != 1 {
			return mode, c.ShapeError(2, "a scalar")
		}
		mode.training = onnx.View[bool](t)[0]
	}
	return mode, nil
}

// dropMask returns which elements are kept, nil for all, and sets output 1.
func dropMask(c *Call, mode dropMode, seed func() *mersenne, t onnx.DType) ([]bool, error) {
	x := c.Tensor(0)
	var keep []bool
	if mode.training && mode.ratio > 0 {
		m := seed()
		keep = make([]bool, x.Len())
		for i := range keep {
			keep[i] = m.uniform() >= mode.ratio
		}
	}
	if !c.Wants(1) {
		return keep, nil
	}
	mask := onnx.NewTensor(onnx.Bool, x.Shape...)
	for i := range onnx.View[bool](mask) {
		onnx.View[bool](mask)[i] = keep == nil || keep[i]
	}
	mask, err := mask.ConvertTo(t)
	if err == nil {
		c.Set(1, mask)
	}
	return keep, err
}

// dropElements sets output 0 to the kept elements times scale, and 0 elsewhere.
func dropElements(c *Call, keep []bool, scale float64) error {
	x := c.Tensor(0)
	if !x.Type.IsFloat() {
		return c.TypeError(0)
	}
	wide, err := x.ConvertTo(onnx.Float64)
	if err != nil {
		return err
	}
	kept := onnx.NewTensor(onnx.Float64, x.Shape...)
	dst := onnx.View[float64](kept)
	for i, v := range onnx.View[float64](wide) {
		if keep[i] {
			dst[i] = v * scale
		}
	}
	if kept, err = kept.ConvertTo(x.Type); err == nil {
		c.Set(0, kept)
	}
	return err
}

func inferDropout(n *Node, in []Info) ([]Info, error) {
	if len(in) == 0 {
		return nil, nil
	}
	mask := onnx.Bool
	if n.Opset < 10 {
		mask = elemOf(in[0])
	}
	return []Info{infoLike(elemOf(in[0]), in[0]), infoLike(mask, in[0])}, nil
}
