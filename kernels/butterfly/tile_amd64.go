//go:build amd64 && !noasm

package butterfly

import "github.com/kcompress/kcompress/kernels/cpu"

// residual is residualGeneric at the level of this processor, for a multiple
// of 16 numbers.
func residual(dst, y, target []float32) float32 {
	if cpu.Current() < cpu.AVX2 || len(y)%tileStep != 0 || len(y) == 0 {
		return residualGeneric(dst, y, target)
	}
	n := len(y)
	_, _ = dst[n-1], target[n-1]
	return residualAVX2(&dst[0], &y[0], &target[0], n)
}

// transposeIn is transposeInGeneric at the level of this processor.
func transposeIn(tile []float32, width int, src []float32, stride, features, count int) {
	if cpu.Current() < cpu.AVX2 || features < 8 || count < 8 {
		transposeInGeneric(tile, width, src, stride, features, count)
		return
	}
	_, _ = tile[features*width-1], src[(count-1)*stride+features-1]
	squares, rows := features/8, count/8*8
	for j := 0; j < rows; j += 8 {
		transpose8AVX2(&tile[j], &src[j*stride], squares, width*floatBytes, stride*floatBytes, 8*width*floatBytes, 8*floatBytes)
	}
	for f := squares * 8; f < features; f++ {
		for j := range rows {
			tile[f*width+j] = src[j*stride+f]
		}
	}
	transposeColumns(tile, width, src, stride, features, rows, count)
}

// transposeColumns does the columns of a tile from `from` on.
func transposeColumns(tile []float32, width int, src []float32, stride, features, from, count int) {
	for j := from; j < count; j++ {
		for f, v := range src[j*stride:][:features] {
			tile[f*width+j] = v
		}
	}
	if count < width {
		for f := range features {
			clear(tile[f*width+count : (f+1)*width])
		}
	}
}

// transposeOut is transposeOutGeneric at the level of this processor.
func transposeOut(dst []float32, stride, features, count int, tile []float32, width int) {
	if cpu.Current() < cpu.AVX2 || features < 8 || count < 8 {
		transposeOutGeneric(dst, stride, features, count, tile, width)
		return
	}
	_, _ = tile[features*width-1], dst[(count-1)*stride+features-1]
	squares, rows := features/8, count/8*8
	for j := 0; j < rows; j += 8 {
		transpose8AVX2(&dst[j*stride], &tile[j], squares, stride*floatBytes, width*floatBytes, 8*floatBytes, 8*width*floatBytes)
		for f := squares * 8; f < features; f++ {
			for i := j; i < j+8; i++ {
				dst[i*stride+f] = tile[f*width+i]
			}
		}
	}
	if rows < count {
		transposeOutGeneric(dst[rows*stride:], stride, features, count-rows, tile[rows:], width)
	}
}

// apply is applyGeneric at the level of this processor.
func (e Epilogue) apply(y []float32) {
	n := len(y) / 8 * 8
	if cpu.Current() < cpu.AVX2 || n == 0 {
		e.applyGeneric(y, 0)
		return
	}
	if e.Bias != nil {
		_ = e.Bias[len(y)-1]
		addBiasAVX2(&y[0], &e.Bias[0], n)
	}
	if e.Activation == Relu {
		reluAVX2(&y[0], n)
	}
	e.applyGeneric(y, n)
}
