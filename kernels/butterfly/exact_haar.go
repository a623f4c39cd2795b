package butterfly

import "math"

// haarRadix is how many inputs a factor of Haar takes at a time.
const haarRadix = 4

// Haar returns the orthonormal Haar wavelet transform of n inputs with as many
// levels L as n has factors of two. The first m = n/2^L rows are averages of
// 2^L inputs, times 2^(L/2), and the rows m 2^j ... m 2^(j+1)-1 are the details
// of the scale 2^(L-j), coarse before fine. It stores 2 n values for each level,
// as the paper's B does.
func Haar(n int) (*Chain, error) {
	if err := checkSides("Haar transform", n, 1); err != nil {
		return nil, err
	}
	radix := 1
	for radix < haarRadix && n%(2*radix) == 0 {
		radix *= 2
	}
	if radix == 1 {
		return Gather(upTo(n), n)
	}
	blocks := n / radix
	level := newFactor(Pattern{blocks, radix, radix, 1})
	for block := range blocks {
		haarBlock(level.Values[block*radix*radix:], radix)
	}
	averages, err := Haar(blocks)
	if err != nil {
		return nil, err
	}
	details, err := Gather(upTo(n-blocks), n-blocks)
	if err != nil {
		return nil, err
	}
	rest, err := DirectSum(averages, details)
	if err != nil {
		return nil, err
	}
	order := make([]int, n)
	for block := range blocks {
		order[block] = block * radix
		for scale := 1; scale < radix; scale *= 2 {
			for t := range scale {
				order[(blocks+block)*scale+t] = block*radix + scale + t
			}
		}
	}
	sorted, err := single(level).SelectedRows(order)
	if err != nil {
		return nil, err
	}
	return Product(sorted, rest)
}

// haarBlock fills the Haar matrix of a power of two.
func haarBlock(values []float32, n int) {
	for column := range n {
		values[column] = float32(1 / math.Sqrt(float64(n)))
	}
	for scale := 1; scale < n; scale *= 2 {
		width := n / scale // inputs that a detail of this scale sees
		for t := range scale {
			row := values[(scale+t)*n:][:n]
			for k := range width {
				row[t*width+k] = float32(1 / math.Sqrt(float64(width)))
				if k >= width/2 {
					row[t*width+k] *= -1
				}
			}
		}
	}
}
