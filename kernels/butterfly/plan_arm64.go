//go:build !noasm

package butterfly

import "github.com/kcompress/kcompress/kernels/cpu"

// rowKernelsFor returns the kernels of a level.
func rowKernelsFor(level cpu.Level) rowKernels {
	if level != cpu.NEON {
		return rowKernels{}
	}
	return rowKernels{
		lanes: []lanesKernel{{4, lanes4NEON, nil}},
		dense: []denseKernel{{4, 1, dense4x1NEON}, {4, 2, dense4x2NEON}},
	}
}

// lanes4NEON multiplies activations with a pattern of stride d >= 4, four blocks
// at a time:
//
//	for i := range count { for l := range stride/4 { for o := range outputs { for r := range rows {
//		sum := float32(0)
//		for q := range inputs { sum = fma(value(i,l,o,q), src[r*srcRow+(i*inputs+q)*stride+l], sum) }
//		dst[r*dstRow+(i*outputs+o)*stride+l] = sum
//	} } } }
//
// stride (d numbers), dstRow and srcRow are in bytes. The values are as packLanes
// leaves them. The last vector overlaps the one before if d is no multiple of 4.
//
//go:noescape
func lanes4NEON(dst, src, values *float32, rows, dstRow, srcRow, count, outputs, inputs, stride int)

// dense4x1NEON multiplies activations with blocks of stride d = 1; outputs >= 4
// is the number of outputs of d neighbouring blocks:
//
//	for i := range count { for o := range outputs { for r := range rows {
//		sum := float32(0)
//		for q := range inputs { sum = fma(value(i,o,q), src[r*srcRow+(i*inputs+q)*d+o%d], sum) }
//		dst[r*dstRow+i*outputs+o] = sum
//	} } }
//
// dstRow and srcRow are in bytes. The values are as packDense leaves them. The last
// vector overlaps the one before if outputs is no multiple of 4.
//
//go:noescape
func dense4x1NEON(dst, src, values *float32, rows, dstRow, srcRow, count, outputs, inputs int)

// dense4x2NEON is dense4x1NEON for stride d = 2.
//
//go:noescape
func dense4x2NEON(dst, src, values *float32, rows, dstRow, srcRow, count, outputs, inputs int)
