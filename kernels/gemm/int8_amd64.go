//go:build !noasm

package gemm

import "github.com/kcompress/kcompress/kernels/cpu"

// int8ReadsBytes tells if the tiles of this processor read a as bytes.
func int8ReadsBytes() bool { return cpu.VNNI() }

// int8TileRows is the largest height of a tile at the level in use.
func int8TileRows() int {
	if cpu.VNNI() {
		return len(int8Tiles16AVX512)
	}
	return int8Height
}

// int8Panels is how many of the panels that remain a tile takes for some rows.
// VNNI has 24 registers for sums: six rows of four panels, or twelve of two,
// which read the weight half as often.
func int8Panels(rows, remain int) int {
	switch {
	case !cpu.VNNI():
		return 1
	case rows <= len(int8Tiles64AVX512) && remain >= 4:
		return 4
	}
	return min(2, remain)
}

// int8Tile is int8TileGeneric at the level of this processor, for as many
// panels as int8Panels says and rows up to int8TileRows.
func int8Tile(dst []int32, dstStride int, a int8Rows, b []int8, panelStride, rows, panels, steps, strips int) {
	last := rows*strips - 1
	_, _ = dst[last*dstStride+panels*panelWidth-1], b[(panels-1)*panelStride+steps*panelWidth*int8Steps-1]
	switch {
	case a.bytes != nil:
		_ = a.bytes[last*a.stride+steps*int8Steps-1]
		int8TileAVX512(&dst[0], dstStride, &a.bytes[0], a.stride, &b[0], panelStride, rows, panels, steps, strips)
	case cpu.Current() >= cpu.AVX2:
		_ = a.words[last*a.stride+steps*int8Steps-1]
		int8TileAVX2(dst, dstStride, &a.words[0], a.stride, b, rows, steps, strips)
	default:
		int8TileGeneric(dst, dstStride, a.words, a.stride, b, panelStride, rows, panels, steps, strips)
	}
}

// int8HalfPanel is the distance of the first and the ninth column in a panel.
const int8HalfPanel = panelWidth / 2 * int8Steps

// int8TileAVX2 does one panel: at once for one or two rows, in halves for more,
// for which there are not enough registers.
func int8TileAVX2(dst []int32, dstStride int, a *int16, aStride int, b []int8, rows, steps, strips int) {
	switch rows {
	case 1:
		int8Tile1x16AVX2(&dst[0], dstStride, a, aStride, &b[0], steps, strips)
		return
	case 2:
		int8Tile2x16AVX2(&dst[0], dstStride, a, aStride, &b[0], steps, strips)
		return
	}
	for half := range 2 {
		d, v := &dst[half*panelWidth/2], &b[half*int8HalfPanel]
		switch rows {
		case 3:
			int8Tile3x8AVX2(d, dstStride, a, aStride, v, steps, strips)
		case 4:
			int8Tile4x8AVX2(d, dstStride, a, aStride, v, steps, strips)
		case 5:
			int8Tile5x8AVX2(d, dstStride, a, aStride, v, steps, strips)
		default:
			int8Tile6x8AVX2(d, dstStride, a, aStride, v, steps, strips)
		}
	}
}

// int8TileAVX512 does one, two or four panels with VNNI.
func int8TileAVX512(dst *int32, dstStride int, a *uint8, aStride int, b *int8, panelStride, rows, panels, steps, strips int) {
	kernel := int8Tiles16AVX512[rows-1]
	switch panels {
	case 2:
		kernel = int8Tiles32AVX512[rows-1]
	case 4:
		kernel = int8Tiles64AVX512[rows-1]
	}
	kernel(dst, dstStride, a, aStride, b, panelStride, steps, strips)
}

type int8Kernel = func(dst *int32, dstStride int, a *uint8, aStride int, b *int8, panelStride int, k int, strips int)

// The kernels by rows less one.
var (
	int8Tiles16AVX512 = [12]int8Kernel{
		int8Tile1x16AVX512, int8Tile2x16AVX512, int8Tile3x16AVX512, int8Tile4x16AVX512, int8Tile5x16AVX512, int8Tile6x16AVX512,
		int8Tile7x16AVX512, int8Tile8x16AVX512, int8Tile9x16AVX512, int8Tile10x16AVX512, int8Tile11x16AVX512, int8Tile12x16AVX512,
	}
	int8Tiles32AVX512 = [12]int8Kernel{
		int8Tile1x32AVX512, int8Tile2x32AVX512, int8Tile3x32AVX512, int8Tile4x32AVX512, int8Tile5x32AVX512, int8Tile6x32AVX512,
		int8Tile7x32AVX512, int8Tile8x32AVX512, int8Tile9x32AVX512, int8Tile10x32AVX512, int8Tile11x32AVX512, int8Tile12x32AVX512,
	}
	int8Tiles64AVX512 = [6]int8Kernel{
		int8Tile1x64AVX512, int8Tile2x64AVX512, int8Tile3x64AVX512, int8Tile4x64AVX512, int8Tile5x64AVX512, int8Tile6x64AVX512,
	}
)

// apply is applyGeneric at the level of this processor.
func (f sumScale) apply(dst []float32, sums []int32) {
	n := len(dst) &^ 7
	if cpu.Current() < cpu.AVX2 || n == 0 {
		f.applyGeneric(dst, sums, 0)
		return
	}
	_, _ = sums[n-1], f.columns[n-1]
	var scales, bias *float32
	if f.scales != nil {
		scales = &f.scales[0]
	}
	if f.bias != nil {
		bias = &f.bias[0]
	}
	scaleSumsAVX2(&dst[0], &sums[0], &f.columns[0], n, f.zero, f.scale, scales, bias)
	f.applyGeneric(dst, sums, n)
}
