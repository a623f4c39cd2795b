//go:build !noasm

package gemm

import "github.com/kcompress/kcompress/kernels/cpu"

func copyPanel(panel, b []float32, bStride, rows int) {
	if cpu.Current() < cpu.AVX2 {
		copyPanelGeneric(panel, b, bStride, rows)
		return
	}
	copyPanelAVX2(&panel[0], &b[0], bStride, rows)
}
