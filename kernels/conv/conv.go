// Package conv holds the inner loop of convolutions whose output elements each
// add up few products: depthwise ones, and those of few input channels. They are
// bound by loads where a matrix product would be, since a product would need a
// copy of the image for each kernel element.
package conv

import "fmt"

// Step is what the length of a WeightedSum must be a multiple of.
const Step = 16

// WeightedSum sets dst[j] to bias plus the sum over t of weights[t] times
// src[offsets[t]+j], one product after the other, rounding each step once on
// levels with a fused multiply-add. Offsets are in elements; where src begins is
// up to the caller. len(dst) must be a multiple of Step, and src must hold every
// element that an offset reaches. dst and src must not overlap.
func WeightedSum(dst, src []float32, offsets []int, weights []float32, bias float32) {
	n := len(dst)
	if n%Step != 0 || len(weights) != len(offsets) {
		panic(fmt.Sprintf("conv: %d elements, %d offsets and %d weights", n, len(offsets), len(weights)))
	}
	for _, offset := range offsets {
		if offset < 0 || offset > len(src)-n {
			panic(fmt.Sprintf("conv: offset %d of %d elements in %d", offset, n, len(src)))
		}
	}
	if n > 0 {
		weightedSum(dst, src, offsets, weights, bias)
	}
}

// weightedSumGeneric is the definition of WeightedSum.
func weightedSumGeneric(dst, src []float32, offsets []int, weights []float32, bias float32) {
	for j := range dst {
		dst[j] = bias
	}
	for t, offset := range offsets {
		w := weights[t]
		for j, v := range src[offset:][:len(dst)] {
			dst[j] += w * v
		}
	}
}
