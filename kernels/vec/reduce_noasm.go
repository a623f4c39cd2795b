//go:build (!amd64 && !arm64) || noasm

package vec

func sum(a []float32) float32    { return sumGeneric(a) }
func dot(a, b []float32) float32 { return dotGeneric(a, b) }
func sumSquaredDeviations(a []float32, mean float32) float32 {
	return sumSquaredDeviationsGeneric(a, mean)
}
func largest(a []float32) float32  { return largestGeneric(a) }
func smallest(a []float32) float32 { return smallestGeneric(a) }
