//go:build !amd64 || noasm

package gemm

// Without tiles for float16 no weight is packed as such.
func hasHalfTiles() bool { return false }

func halfPanels(int, int) int { return 1 }

func halfTile([]float32, int, []float32, int, []uint16, int, int, int) {
	panic("gemm: there are no tiles for float16")
}
