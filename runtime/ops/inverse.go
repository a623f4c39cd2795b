package ops

import (
	"fmt"
	"math"
)

// buildInverse is Inverse of com.microsoft: the inverse of each matrix of the
// last two axes, by Gauss and Jordan with partial pivoting, in float64.
func buildInverse(n *Node) (Kernel, error) {
	return throughFloat32(func(c *Call) error {
		x := c.Tensor(0)
		rank := x.Rank()
		if rank < 2 || x.Shape[rank-1] != x.Shape[rank-2] {
			return c.ShapeError(0, "square matrices")
		}
		values, ok := asFloats[float64](x)
		if !ok {
			return c.TypeError(0)
		}
		y, err := c.Output(0, x.Type, x.Shape...)
		if err != nil {
			return err
		}
		size := x.Shape[rank-1]
		inverses := make([]float64, len(values))
		for i := 0; i*size*size < len(values); i++ {
			at := i * size * size
			if !invert(inverses[at:at+size*size], values[at:at+size*size], size) {
				return fmt.Errorf("matrix %d has no inverse", i)
			}
		}
		storeAs(y, inverses)
		return nil
	}), n.Err()
}

// invert writes the inverse of a to dst and reports whether there is one.
func invert(dst, a []float64, n int) bool {
	work := append([]float64(nil), a...)
	for i := range n {
		dst[i*n+i] = 1
	}
	for col := range n {
		pivot := col
		for r := col + 1; r < n; r++ {
			if math.Abs(work[r*n+col]) > math.Abs(work[pivot*n+col]) {
				pivot = r
			}
		}
		if v := work[pivot*n+col]; v == 0 || math.IsNaN(v) {
			return false
		}
		for _, m := range [][]float64{work, dst} {
			swapRows(m, n, col, pivot)
		}
		factor := 1 / work[col*n+col]
		for _, m := range [][]float64{work, dst} {
			for j := range n {
				m[col*n+j] *= factor
			}
		}
		for r := range n {
			if f := work[r*n+col]; r != col && f != 0 {
				subtractRow(work, n, r, col, f)
				subtractRow(dst, n, r, col, f)
			}
		}
	}
	return true
}

func swapRows(m []float64, n, a, b int) {
	for j := range n {
		m[a*n+j], m[b*n+j] = m[b*n+j], m[a*n+j]
	}
}

// subtractRow subtracts f times row b from row a.
func subtractRow(m []float64, n, a, b int, f float64) {
	for j := range n {
		m[a*n+j] -= f * m[b*n+j]
	}
}
