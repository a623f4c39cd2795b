//go:build amd64 && !noasm

package butterfly

import "github.com/kcompress/kcompress/kernels/cpu"

// blockKernel is one of the routines that multiply blocks.
type blockKernel int

const (
	anyBlock     blockKernel = iota // for a width that is a multiple of tileStep
	unrolled2                       // the same for blocks of 2x2
	unrolled4                       // the same for blocks of 4x4
	narrowTile                      // for a width that is a multiple of 8
	singleColumn                    // for any width
)

func kernelFor(outputs, inputs, width int) blockKernel {
	switch {
	case width%8 != 0:
		return singleColumn
	case width%tileStep != 0:
		return narrowTile
	case outputs == 2 && inputs == 2:
		return unrolled2
	case outputs == 4 && inputs == 4:
		return unrolled4
	}
	return anyBlock
}

// multiply is multiplyGeneric at the level of this processor.
func multiply(dst, src, values []float32, p Pattern, width int, transposed bool) {
	if cpu.Current() < cpu.AVX2 {
		multiplyGeneric(dst, src, values, p, width, transposed)
		return
	}
	outputs, inputs, outputStep, inputStep := p.B, p.C, p.C*floatBytes, floatBytes
	if transposed {
		outputs, inputs, outputStep, inputStep = p.C, p.B, floatBytes, p.C*floatBytes
	}
	// The assembly does not check bounds.
	_, _, _ = dst[p.A*outputs*p.D*width-1], src[p.A*inputs*p.D*width-1], values[p.Values()-1]
	row := p.D * width * floatBytes
	kernel := kernelFor(outputs, inputs, width)
	for index := range min(p.A, p.D) {
		r := run(p, outputs, inputs, width, index)
		d, s, v := &dst[r.outputOffset], &src[r.inputOffset], &values[r.valueOffset]
		switch kernel {
		case unrolled2:
			blocks2AVX2(d, s, v, r.count, width*floatBytes, r.outputBlock, r.inputBlock, r.valueBy, row, outputStep, inputStep)
		case unrolled4:
			blocks4AVX2(d, s, v, r.count, width*floatBytes, r.outputBlock, r.inputBlock, r.valueBy, row, outputStep, inputStep)
		case narrowTile:
			blocksNarrowAVX2(d, s, v, r.count, width*floatBytes, outputs, inputs, r.outputBlock, r.inputBlock, r.valueBy, row, outputStep, inputStep)
		case singleColumn:
			blocksSingleAVX2(d, s, v, r.count, width*floatBytes, outputs, inputs, r.outputBlock, r.inputBlock, r.valueBy, row, outputStep, inputStep)
		default:
			blocksAVX2(d, s, v, r.count, width*floatBytes, outputs, inputs, r.outputBlock, r.inputBlock, r.valueBy, row, outputStep, inputStep)
		}
	}
}

// accumulate is accumulateGeneric at the level of this processor.
func accumulate(gradient, dDst, src []float32, p Pattern, width int) {
	if cpu.Current() < cpu.AVX2 {
		accumulateGeneric(gradient, dDst, src, p, width)
		return
	}
	_, _, _ = gradient[p.Values()-1], dDst[p.Rows()*width-1], src[p.Columns()*width-1]
	row := p.D * width * floatBytes
	for index := range min(p.A, p.D) {
		r := run(p, p.B, p.C, width, index)
		g, d, s := &gradient[r.valueOffset], &dDst[r.outputOffset], &src[r.inputOffset]
		if p.B == 2 && p.C == 2 {
			accumulate2AVX2(g, d, s, r.count, width*floatBytes, r.outputBlock, r.inputBlock, r.valueBy, row)
		} else {
			accumulateAVX2(g, d, s, r.count, width*floatBytes, p.B, p.C, r.outputBlock, r.inputBlock, r.valueBy, row)
		}
	}
}

// narrowTiles tells if there are kernels for tiles of fewer than tileStep columns.
func narrowTiles() bool { return true }
