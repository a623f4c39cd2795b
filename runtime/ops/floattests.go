package ops

import (
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// floatTests is the family IsNaN (opset versions 9, 13, 20) and IsInf (10,
// 20). Versions differ in element types: from 20 on 8-bit floats are taken,
// which are looked at as bits.
var floatTests = []Operator{
	{Name: "IsNaN", Since: 9, MinInputs: 1, MaxInputs: 1, Infer: inferSameAs(onnx.Bool), Build: buildIsNaN},
	{Name: "IsInf", Since: 10, MinInputs: 1, MaxInputs: 1, Infer: inferSameAs(onnx.Bool), Build: buildIsInf},
}

func buildIsNaN(n *Node) (Kernel, error) {
	return unaryKernel(unaryTypes{
		onnx.Float32:        onEach(func(v float32) bool { return v != v }),
		onnx.Float64:        onEach(func(v float64) bool { return v != v }),
		onnx.Float16:        onEach(func(v uint16) bool { return v&0x7fff > 0x7c00 }),
		onnx.BFloat16:       onEach(func(v uint16) bool { return v&0x7fff > 0x7f80 }),
		onnx.Float8E4M3FN:   onEach(func(v uint8) bool { return v&0x7f == 0x7f }),
		onnx.Float8E4M3FNUZ: onEach(func(v uint8) bool { return v == 0x80 }),
		onnx.Float8E5M2:     onEach(func(v uint8) bool { return v&0x7f > 0x7c }),
		onnx.Float8E5M2FNUZ: onEach(func(v uint8) bool { return v == 0x80 }),
	}), n.Err()
}

// buildIsInf builds IsInf. Of the 8-bit types only E5M2 has infinities.
func buildIsInf(n *Node) (Kernel, error) {
	positive, negative := n.Bool("detect_positive", true), n.Bool("detect_negative", true)
	float := func(v float64) bool { return positive && math.IsInf(v, 1) || negative && math.IsInf(v, -1) }
	half := func(infinity uint16) func(uint16) bool {
		return func(v uint16) bool { return positive && v == infinity || negative && v == infinity|0x8000 }
	}
	never := onEach(func(uint8) bool { return false })
	return unaryKernel(unaryTypes{
		onnx.Float32:        onEach(func(v float32) bool { return float(float64(v)) }),
		onnx.Float64:        onEach(float),
		onnx.Float16:        onEach(half(0x7c00)),
		onnx.BFloat16:       onEach(half(0x7f80)),
		onnx.Float8E5M2:     onEach(func(v uint8) bool { return positive && v == 0x7c || negative && v == 0xfc }),
		onnx.Float8E4M3FN:   never,
		onnx.Float8E4M3FNUZ: never,
		onnx.Float8E5M2FNUZ: never,
	}), n.Err()
}
