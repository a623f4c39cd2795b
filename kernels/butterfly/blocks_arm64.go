//go:build !noasm

package butterfly

import "github.com/kcompress/kcompress/kernels/cpu"

// blocksNEON multiplies count blocks, each with all columns of a tile:
//
//	for ; count > 0; count-- {
//		for o := range outputs { for j := range width/4 {
//			sum := float32(0)
//			for q := range inputs { sum = fma(values[o*outputStep+q*inputStep], src[q*row+j], sum) }
//			dst[o*row+j] = sum
//		} }
//		dst += dstBlock; src += srcBlock; values += valueBlock
//	}
//
// Everything but count, outputs and inputs is in bytes; width is a multiple of
// 16 columns.
//
//go:noescape
func blocksNEON(dst, src, values *float32, count, width, outputs, inputs, dstBlock, srcBlock, valueBlock, row, outputStep, inputStep int)

// multiply is multiplyGeneric at the level of this processor.
func multiply(dst, src, values []float32, p Pattern, width int, transposed bool) {
	if cpu.Current() != cpu.NEON || width%tileStep != 0 {
		multiplyGeneric(dst, src, values, p, width, transposed)
		return
	}
	outputs, inputs, outputStep, inputStep := p.B, p.C, p.C*floatBytes, floatBytes
	if transposed {
		outputs, inputs, outputStep, inputStep = p.C, p.B, floatBytes, p.C*floatBytes
	}
	// The assembly does not check bounds.
	_, _, _ = dst[p.A*outputs*p.D*width-1], src[p.A*inputs*p.D*width-1], values[p.Values()-1]
	for index := range min(p.A, p.D) {
		r := run(p, outputs, inputs, width, index)
		blocksNEON(&dst[r.outputOffset], &src[r.inputOffset], &values[r.valueOffset], r.count, width*floatBytes, outputs, inputs,
			r.outputBlock, r.inputBlock, r.valueBy, p.D*width*floatBytes, outputStep, inputStep)
	}
}

// narrowTiles tells if there are kernels for tiles of fewer than tileStep columns.
func narrowTiles() bool { return cpu.Current() != cpu.NEON }
