package vec

import "unsafe"

// QuantizeInt8 sets dst[i] = src[i]/scale rounded to the nearest integer, ties
// to even, plus zeroPoint, limited to -128..127 (ONNX QuantizeLinear). NaN
// becomes -128.
func QuantizeInt8(dst []int8, src []float32, scale float32, zeroPoint int8) {
	sameLength("QuantizeInt8", "src", len(src), len(dst))
	zero := float32(zeroPoint)
	quantizeInt8(bytes(dst), src, scale, zero, -128-zero, 127-zero)
}

// QuantizeUint8 is QuantizeInt8 for the range 0..255. NaN becomes 0.
func QuantizeUint8(dst []uint8, src []float32, scale float32, zeroPoint uint8) {
	sameLength("QuantizeUint8", "src", len(src), len(dst))
	zero := float32(zeroPoint)
	quantizeUint8(dst, src, scale, zero, -zero, 255-zero)
}

// DequantizeInt8 sets dst[i] = (src[i] - zeroPoint) scale (ONNX
// DequantizeLinear).
func DequantizeInt8(dst []float32, src []int8, scale float32, zeroPoint int8) {
	sameLength("DequantizeInt8", "src", len(src), len(dst))
	dequantizeInt8(dst, bytes(src), scale, float32(zeroPoint))
}

// DequantizeUint8 is DequantizeInt8 for unsigned values.
func DequantizeUint8(dst []float32, src []uint8, scale float32, zeroPoint uint8) {
	sameLength("DequantizeUint8", "src", len(src), len(dst))
	dequantizeUint8(dst, src, scale, float32(zeroPoint))
}

// bytes returns the same memory as unsigned bytes.
func bytes(x []int8) []uint8 {
	return unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}
