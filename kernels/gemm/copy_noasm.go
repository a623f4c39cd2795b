//go:build !amd64 || noasm

package gemm

func copyPanel(panel, b []float32, bStride, rows int) {
	copyPanelGeneric(panel, b, bStride, rows)
}
