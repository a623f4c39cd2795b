package butterfly

import "fmt"

// Fastfood returns diag(s) H diag(g) P H diag(b), where H is the Hadamard matrix
// and P the permutation y[i] = x[order[i]] (Le, Sarlos and Smola, Fastfood,
// 2013; without its factor 1/(sigma sqrt n), which belongs to s). The diagonals
// go into the factors: there are 4 n log2 n values, the paper's (BB*)^2 has
// 8 n log2 n. n must be a power of two of at least 2.
func Fastfood(s, g []float64, order []int, b []float64) (*Chain, error) {
	n := len(s)
	h, err := Hadamard(n)
	if err != nil {
		return nil, fmt.Errorf("Fastfood: %w", err)
	}
	if len(order) != n {
		return nil, fmt.Errorf("Fastfood: a permutation of %d for %d features", len(order), n)
	}
	if err := checkPermutation(order); err != nil {
		return nil, fmt.Errorf("Fastfood: %w", err)
	}
	p, err := Gather(order, n)
	if err != nil {
		return nil, err
	}
	diagonals := [3]*Chain{}
	for i, values := range [][]float64{b, g, s} {
		if len(values) != n {
			return nil, fmt.Errorf("Fastfood: a diagonal of %d for %d features", len(values), n)
		}
		if diagonals[i], err = Diagonal(values); err != nil {
			return nil, fmt.Errorf("Fastfood: %w", err)
		}
	}
	return Product(diagonals[0], h, p, diagonals[1], h, diagonals[2])
}

// ACDC returns C' diag(d) C diag(a), where C is the orthonormal DCT of kind 2
// (Moczulski et al., ACDC: A structured efficient linear layer, arXiv
// 1511.05946). It has about 8 n log2 n values for any n; in the paper it is a
// product of real parts of two (BB*)^2.
func ACDC(a, d []float64) (*Chain, error) {
	n := len(a)
	if len(d) != n {
		return nil, fmt.Errorf("ACDC: diagonals of %d and %d", n, len(d))
	}
	c, err := DCT(n, 2)
	if err != nil {
		return nil, fmt.Errorf("ACDC: %w", err)
	}
	if err := checkFinite("ACDC", a, n); err != nil {
		return nil, err
	}
	if err := checkFinite("ACDC", d, n); err != nil {
		return nil, err
	}
	weights := make([]float64, n)
	for k := range weights {
		weights[k] = d[k] * conjugates(2*k, 4*n) / float64(n) // the squared scale of row k
	}
	scaled, err := c.ScaledRows(weights)
	if err != nil {
		return nil, err
	}
	if scaled, err = scaled.ScaledColumns(a); err != nil {
		return nil, err
	}
	return Product(scaled, c.Transposed())
}
