//go:build (!amd64 && !arm64) || noasm

package vec

func add(dst, a, b []float32)                   { addGeneric(dst, a, b) }
func sub(dst, a, b []float32)                   { subGeneric(dst, a, b) }
func mul(dst, a, b []float32)                   { mulGeneric(dst, a, b) }
func div(dst, a, b []float32)                   { divGeneric(dst, a, b) }
func maximum(dst, a, b []float32)               { maximumGeneric(dst, a, b) }
func minimum(dst, a, b []float32)               { minimumGeneric(dst, a, b) }
func addScalar(dst, a []float32, s float32)     { addScalarGeneric(dst, a, s) }
func subScalar(dst, a []float32, s float32)     { subScalarGeneric(dst, a, s) }
func mulScalar(dst, a []float32, s float32)     { mulScalarGeneric(dst, a, s) }
func divScalar(dst, a []float32, s float32)     { divScalarGeneric(dst, a, s) }
func scalarSub(dst, a []float32, s float32)     { scalarSubGeneric(dst, a, s) }
func scalarDiv(dst, a []float32, s float32)     { scalarDivGeneric(dst, a, s) }
func maximumScalar(dst, a []float32, s float32) { maximumScalarGeneric(dst, a, s) }
func minimumScalar(dst, a []float32, s float32) { minimumScalarGeneric(dst, a, s) }
func axpy(dst, a []float32, alpha float32)      { axpyGeneric(dst, a, alpha) }
func relu(dst, a []float32)                     { reluGeneric(dst, a) }
func clamp(dst, a []float32, low, high float32) { clampGeneric(dst, a, low, high) }
