package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// logic is the family And, Or, Xor and Not on truth values, BitwiseAnd,
// BitwiseOr, BitwiseXor and BitwiseNot on integers (opset version 18), and
// BitShift on unsigned integers (version 11). And, Or and Xor are broadcast as
// arithmetic is before and since version 7.
var logic = []Operator{
	{Name: "And", MinInputs: 2, MaxInputs: 2, Infer: inferPairs(onnx.Bool),
		Build: buildBinary(pairTypes{onnx.Bool: onPairs(func(a, b bool) bool { return a && b })})},
	{Name: "Or", MinInputs: 2, MaxInputs: 2, Infer: inferPairs(onnx.Bool),
		Build: buildBinary(pairTypes{onnx.Bool: onPairs(func(a, b bool) bool { return a || b })})},
	{Name: "Xor", MinInputs: 2, MaxInputs: 2, Infer: inferPairs(onnx.Bool),
		Build: buildBinary(pairTypes{onnx.Bool: onPairs(func(a, b bool) bool { return a != b })})},
	{Name: "Not", MinInputs: 1, MaxInputs: 1, Infer: inferSame,
		Build: buildUnary(unaryTypes{onnx.Bool: onEach(func(a bool) bool { return !a })})},
	{Name: "BitwiseAnd", Since: 18, MinInputs: 2, MaxInputs: 2, Infer: inferPairs(onnx.Undefined),
		Build: buildBinary(integerPairs(bitAnd, bitAnd, bitAnd, bitAnd, bitAnd, bitAnd, bitAnd, bitAnd))},
	{Name: "BitwiseOr", Since: 18, MinInputs: 2, MaxInputs: 2, Infer: inferPairs(onnx.Undefined),
		Build: buildBinary(integerPairs(bitOr, bitOr, bitOr, bitOr, bitOr, bitOr, bitOr, bitOr))},
	{Name: "BitwiseXor", Since: 18, MinInputs: 2, MaxInputs: 2, Infer: inferPairs(onnx.Undefined),
		Build: buildBinary(integerPairs(bitXor, bitXor, bitXor, bitXor, bitXor, bitXor, bitXor, bitXor))},
	{Name: "BitwiseNot", Since: 18, MinInputs: 1, MaxInputs: 1, Infer: inferSame,
		Build: buildUnary(integerUnary(bitNot, bitNot, bitNot, bitNot, bitNot, bitNot, bitNot, bitNot))},
	{Name: "BitShift", Since: 11, MinInputs: 2, MaxInputs: 2, Infer: inferPairs(onnx.Undefined), Build: buildBitShift},
}

func bitAnd[T integer](a, b T) T { return a & b }
func bitOr[T integer](a, b T) T  { return a | b }
func bitXor[T integer](a, b T) T { return a ^ b }
func bitNot[T integer](a T) T    { return ^a }

// buildBitShift builds BitShift. Shifting by the width of the type or more
// gives 0.
func buildBitShift(n *Node) (Kernel, error) {
	switch direction := n.Text("direction", ""); direction {
	case "LEFT":
		return binaryKernel(shiftPairs(shiftLeft, shiftLeft, shiftLeft, shiftLeft), multidirectional), n.Err()
	case "RIGHT":
		return binaryKernel(shiftPairs(shiftRight, shiftRight, shiftRight, shiftRight), multidirectional), n.Err()
	default:
		return nil, fmt.Errorf("attribute direction is %q, expected LEFT or RIGHT", direction)
	}
}

func shiftLeft[T unsigned](a, b T) T  { return a << b }
func shiftRight[T unsigned](a, b T) T { return a >> b }

func shiftPairs(u8 func(a, b uint8) uint8, u16 func(a, b uint16) uint16, u32 func(a, b uint32) uint32, u64 func(a, b uint64) uint64) pairTypes {
	return pairTypes{onnx.Uint8: onPairs(u8), onnx.Uint16: onPairs(u16), onnx.Uint32: onPairs(u32), onnx.Uint64: onPairs(u64)}
}
