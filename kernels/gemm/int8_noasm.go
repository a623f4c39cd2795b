//go:build !amd64 || noasm

package gemm

func int8ReadsBytes() bool { return false }

func int8TileRows() int { return int8Height }

func int8Panels(int, int) int { return 1 }

func int8Tile(dst []int32, dstStride int, a int8Rows, b []int8, panelStride, rows, panels, steps, strips int) {
	int8TileGeneric(dst, dstStride, a.words, a.stride, b, panelStride, rows, panels, steps, strips)
}

func (f sumScale) apply(dst []float32, sums []int32) { f.applyGeneric(dst, sums, 0) }
