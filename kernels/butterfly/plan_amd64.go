//go:build !noasm

package butterfly

import "github.com/kcompress/kcompress/kernels/cpu"

// rowKernelsFor returns the kernels of a level.
func rowKernelsFor(level cpu.Level) rowKernels {
	var k rowKernels
	if level >= cpu.AVX512 {
		k = rowKernels{
			lanes: []lanesKernel{{16, lanes16AVX512, radix4x16AVX512}},
			dense: []denseKernel{
				{16, 1, dense16x1AVX512}, {16, 2, dense16x2AVX512}, {16, 4, dense16x4AVX512}, {16, 8, dense16x8AVX512},
			},
			fused: []fusedKernel{{16, fusedAVX512}},
		}
	}
	if level >= cpu.AVX2 {
		k.lanes = append(k.lanes, lanesKernel{8, lanes8AVX2, radix4x8AVX2}, lanesKernel{4, lanes4AVX2, nil})
		k.dense = append(k.dense, denseKernel{8, 1, dense8x1AVX2}, denseKernel{8, 2, dense8x2AVX2}, denseKernel{8, 4, dense8x4AVX2}, denseKernel{4, 1, dense4x1AVX2})
		k.permute = []permuteKernel{{2, permute2AVX2}, {4, permute4AVX2}}
		k.fused = append(k.fused, fusedKernel{8, fusedAVX2})
	}
	return k
}
