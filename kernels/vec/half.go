package vec

// Float16ToFloat32 converts IEEE 754 binary16 values, given by their bits. The
// result is exact; a signalling NaN becomes quiet.
func Float16ToFloat32(dst []float32, src []uint16) {
	sameLength("Float16ToFloat32", "src", len(src), len(dst))
	float16ToFloat32(dst, src)
}

// Float32ToFloat16 converts to the bits of IEEE 754 binary16, rounding to
// nearest, ties to even. Values beyond the range become infinite.
func Float32ToFloat16(dst []uint16, src []float32) {
	sameLength("Float32ToFloat16", "src", len(src), len(dst))
	float32ToFloat16(dst, src)
}

// Bfloat16ToFloat32 converts bfloat16 values, given by their bits. The result
// is exact.
func Bfloat16ToFloat32(dst []float32, src []uint16) {
	sameLength("Bfloat16ToFloat32", "src", len(src), len(dst))
	bfloat16ToFloat32(dst, src)
}

// Float32ToBfloat16 converts to the bits of bfloat16, rounding to nearest, ties
// to even. Values beyond the range become infinite; NaN becomes quiet.
func Float32ToBfloat16(dst []uint16, src []float32) {
	sameLength("Float32ToBfloat16", "src", len(src), len(dst))
	float32ToBfloat16(dst, src)
}
