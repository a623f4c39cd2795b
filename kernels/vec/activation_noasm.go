//go:build !amd64 || noasm

package vec

func exp(dst, a []float32)      { expGeneric(dst, a) }
func tanh(dst, a []float32)     { tanhGeneric(dst, a) }
func sigmoid(dst, a []float32)  { sigmoidGeneric(dst, a) }
func erf(dst, a []float32)      { erfGeneric(dst, a) }
func gelu(dst, a []float32)     { geluGeneric(dst, a) }
func geluTanh(dst, a []float32) { geluTanhGeneric(dst, a) }
func silu(dst, a []float32)     { siluGeneric(dst, a) }
