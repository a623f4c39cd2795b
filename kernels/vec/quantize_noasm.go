//go:build !amd64 || noasm

package vec

func quantizeInt8(dst []uint8, src []float32, scale, zero, low, high float32) {
	quantizeInt8Generic(dst, src, scale, zero, low, high)
}

func dequantizeInt8(dst []float32, src []uint8, scale, zero float32) {
	dequantizeInt8Generic(dst, src, scale, zero)
}

func quantizeUint8(dst []uint8, src []float32, scale, zero, low, high float32) {
	quantizeUint8Generic(dst, src, scale, zero, low, high)
}

func dequantizeUint8(dst []float32, src []uint8, scale, zero float32) {
	dequantizeUint8Generic(dst, src, scale, zero)
}
