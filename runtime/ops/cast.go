package ops

import (
	"fmt"
	"strings"

	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
)

// casting is the family Cast, CastLike (opset version 15) and BitCast (26).
//
// Cast-1 names the type in a string; from version 6 on it is a number. Strings
// came with version 9, the 8-bit floats and the attribute saturate with 19, 4-
// and 2-bit types and round_mode later: all types are taken in every version.
var casting = []Operator{
	{Name: "Cast", Until: 5, MinInputs: 1, MaxInputs: 1, Build: buildCast, Infer: inferCast},
	{Name: "Cast", Since: 6, MinInputs: 1, MaxInputs: 1, Build: buildCast, Infer: inferCast},
	{Name: "CastLike", Since: 15, MinInputs: 2, MaxInputs: 2, Build: buildCastLike, Infer: inferCastLike},
	{Name: "BitCast", Since: 26, MinInputs: 1, MaxInputs: 1, Build: buildBitCast, Infer: inferBitCast},
}

// castTarget reads the attribute to.
func castTarget(n *Node) (onnx.DType, error) {
	var to onnx.DType
	if n.Opset < 6 && n.Domain == "" {
		var err error
		if to, err = onnx.ParseDType(strings.ToLower(n.Text("to", ""))); err != nil {
			return to, err
		}
		return to, n.Err()
	}
	if v := n.Int("to", 0); v > 0 && v < 1<<16 {
		to = onnx.DType(v)
	}
	if !to.Valid() {
		return to, fmt.Errorf("attribute to is %d, which is not an element type", n.Int("to", 0))
	}
	return to, n.Err()
}

// castOptions reads the attributes saturate and round_mode.
func castOptions(n *Node) ([]onnx.ConvertOption, error) {
	options := []onnx.ConvertOption{onnx.Saturate(n.Bool("saturate", true))}
	switch mode := n.Text("round_mode", "up"); mode {
	case "up":
		options = append(options, onnx.Round(onnx.RoundUp))
	case "down":
		options = append(options, onnx.Round(onnx.RoundDown))
	case "nearest":
		options = append(options, onnx.Round(onnx.RoundNearest))
	default:
		return nil, fmt.Errorf("attribute round_mode is %q, expected up, down or nearest", mode)
	}
	return options, n.Err()
}

func buildCast(n *Node) (Kernel, error) {
	to, err := castTarget(n)
	if err != nil {
		return nil, err
	}
	options, err := castOptions(n)
	return func(c *Call) error { return cast(c, to, options) }, err
}

func buildCastLike(n *Node) (Kernel, error) {
	options, err := castOptions(n)
	return func(c *Call) error { return cast(c, c.Tensor(1).Type, options) }, err
}

// cast sets output 0 to input 0 converted to another type.
func cast(c *Call, to onnx.DType, options []onnx.ConvertOption) error {
	x := c.Tensor(0)
	switch {
	case x.Type == to:
		return c.Alias(0, 0, x.Shape...)
	case x.Type == onnx.String || to == onnx.String:
		return castStrings(c, to, options)
	}
	if f := fastCasts[[2]onnx.DType{x.Type, to}]; f != nil {
		y, err := c.Output(0, to, x.Shape...)
		if err != nil {
			return err
		}
		parallelOn(c, castWork{f, y, x}, x.Len(), elementGrain, castWork.part)
		return nil
	}
	if limit := c.limit(); limit > 0 && onnx.RawSize(to, x.Len()) > limit {
		return fmt.Errorf("output of %v%v exceeds the limit of %d bytes for one tensor", to, x.Shape, limit)
	}
	y, err := x.ConvertTo(to, options...)
	if err != nil {
		return err
	}
	c.Set(0, y)
	return nil
}

// castWork is a conversion to be done in parts.
type castWork struct {
	f    castPart
	y, x *onnx.Tensor
}

func (w castWork) part(from, to int) { w.f(w.y, w.x, from, to) }

// castPart converts the elements from to to-1 of x into those of y.
type castPart func(y, x *onnx.Tensor, from, to int)

// fastCasts holds the conversions that models use most; the rest is left to
// onnx.Tensor.ConvertTo, of which these are equal, faster forms.
var fastCasts = map[[2]onnx.DType]castPart{
	{onnx.Int64, onnx.Float32}: castElements[int64, float32],
	{onnx.Int32, onnx.Float32}: castElements[int32, float32],
	{onnx.Uint8, onnx.Float32}: castElements[uint8, float32],
	{onnx.Int8, onnx.Float32}:  castElements[int8, float32],
	{onnx.Bool, onnx.Float32}:  castElements[uint8, float32], // a truth value is the byte 0 or 1
	{onnx.Bool, onnx.Int64}:    castElements[uint8, int64],
	{onnx.Bool, onnx.Int32}:    castElements[uint8, int32],
	{onnx.Int32, onnx.Int64}:   castElements[int32, int64],
	{onnx.Int64, onnx.Int32}:   castElements[int64, int32],
	{onnx.Float32, onnx.Bool}:  castTruth[float32],
	{onnx.Int64, onnx.Bool}:    castTruth[int64],
	{onnx.Int32, onnx.Bool}:    castTruth[int32],
	{onnx.Float16, onnx.Float32}: func(y, x *onnx.Tensor, from, to int) {
		vec.Float16ToFloat32(y.Float32s()[from:to], onnx.View[uint16](x)[from:to])
	},
	{onnx.BFloat16, onnx.Float32}: func(y, x *onnx.Tensor, from, to int) {
		vec.Bfloat16ToFloat32(y.Float32s()[from:to], onnx.View[uint16](x)[from:to])
	},
	{onnx.Float32, onnx.Float16}: func(y, x *onnx.Tensor, from, to int) {
		vec.Float32ToFloat16(onnx.View[uint16](y)[from:to], x.Float32s()[from:to])
	},
	{onnx.Float32, onnx.BFloat16}: func(y, x *onnx.Tensor, from, to int) {
		vec.Float32ToBfloat16(onnx.View[uint16](y)[from:to], x.Float32s()[from:to])
	},
}

func castElements[S, D number](y, x *onnx.Tensor, from, to int) {
	dst := onnx.View[D](y)[from:to]
	for i, v := range onnx.View[S](x)[from:to] {
		dst[i] = D(v)
	}
}

func castTruth[S number](y, x *onnx.Tensor, from, to int) {
	dst := onnx.View[bool](y)[from:to]
	for i, v := range onnx.View[S](x)[from:to] {
		dst[i] = v != 0
	}
}

// buildBitCast builds BitCast: the same bits as another type of that width.
func buildBitCast(n *Node) (Kernel, error) {
	to, err := castTarget(n)
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		x := c.Tensor(0)
		if x.Type == onnx.String || x.Type.Bits() != to.Bits() {
			return fmt.Errorf("%v can not be seen as %v, which has another width", x.Type, to)
		}
		y, err := c.Output(0, to, x.Shape...)
		if err == nil {
			copy(y.Raw(), x.Raw())
		}
		return err
	}, nil
}

// inferCast infers Cast. Integers that make up a shape are followed.
func inferCast(n *Node, in []Info) ([]Info, error) {
	to, err := castTarget(n)
	if err != nil || len(in) == 0 {
		return nil, err
	}
	return []Info{castInfo(to, in[0])}, nil
}

func castInfo(to onnx.DType, in Info) Info {
	out := infoLike(to, in)
	if from := elemOf(in); (to == onnx.Int64 || to == onnx.Int32) && (from == onnx.Int64 || from == onnx.Int32) {
		out.Dims = elementDims(elementsOf(in))
	}
	return out
}

func inferCastLike(_ *Node, in []Info) ([]Info, error) {
	if len(in) < 2 {
		return nil, nil
	}
	return []Info{castInfo(elemOf(in[1]), in[0])}, nil
}

func inferBitCast(n *Node, in []Info) ([]Info, error) {
	to, err := castTarget(n)
	if err != nil || len(in) == 0 {
		return nil, err
	}
	return []Info{infoLike(to, in[0])}, nil
}
