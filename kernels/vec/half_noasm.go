//go:build !amd64 || noasm

package vec

func float16ToFloat32(dst []float32, src []uint16)  { float16ToFloat32Generic(dst, src) }
func float32ToFloat16(dst []uint16, src []float32)  { float32ToFloat16Generic(dst, src) }
func bfloat16ToFloat32(dst []float32, src []uint16) { bfloat16ToFloat32Generic(dst, src) }
func float32ToBfloat16(dst []uint16, src []float32) { float32ToBfloat16Generic(dst, src) }
