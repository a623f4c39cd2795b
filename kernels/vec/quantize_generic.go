package vec

import "math"

func quantizeInt8Generic(dst []uint8, src []float32, scale, zero, low, high float32) {
	for i, x := range src {
		dst[i] = uint8(int8(quantized(x/scale, zero, low, high)))
	}
}

func quantizeUint8Generic(dst []uint8, src []float32, scale, zero, low, high float32) {
	for i, x := range src {
		dst[i] = uint8(quantized(x/scale, zero, low, high))
	}
}

// quantized returns x limited to low..high and rounded, plus zero. The limits
// are whole numbers, so that it does not matter that they come first.
func quantized(x, zero, low, high float32) int {
	if !(x > low) {
		x = low
	}
	if x > high {
		x = high
	}
	return int(math.RoundToEven(float64(x)) + float64(zero))
}

func dequantizeInt8Generic(dst []float32, src []uint8, scale, zero float32) {
	for i, q := range src {
		dst[i] = (float32(int8(q)) - zero) * scale
	}
}

func dequantizeUint8Generic(dst []float32, src []uint8, scale, zero float32) {
	for i, q := range src {
		dst[i] = (float32(q) - zero) * scale
	}
}
