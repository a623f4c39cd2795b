package gemm

import "fmt"

const (
	// symmetricRows is how many rows are summed in float32 before they are
	// added to the float64 sums.
	symmetricRows = 1024
	// symmetricTile is the number of rows of the result computed at a time.
	symmetricTile = 96
)

// SymmetricUpdate adds x^T x to s for x [rows, n], row-major without gaps:
//
//	s[i*n+j] += sum over r of x[r,i]*x[r,j]
//
// for from <= i < to and all j >= i, and keeps s[j*n+i] = s[i*n+j]. s has n*n
// elements. Parts of 1024 rows are summed in float32 (one chain each), the
// parts in float64. Threads may share the range 0..n: the work for a row i is
// in proportion to n-i, and the result does not depend on the split. x must
// not change meanwhile.
func SymmetricUpdate(s []float64, x []float32, rows, n, from, to int) {
	if from < 0 || from > to || to > n {
		panic(fmt.Sprintf("gemm: rows %d to %d of a matrix of %d", from, to, n))
	}
	if from == to || rows <= 0 {
		return
	}
	if len(s)/n < n {
		panic(fmt.Sprintf("gemm: s: %d elements cannot hold %d x %d", len(s), n, n))
	}
	checkMatrix("x", len(x), n, rows, n)
	products := scratchPool.Get().(*scratch)
	defer scratchPool.Put(products)
	for r := 0; r < rows; r += symmetricRows {
		part := min(symmetricRows, rows-r)
		for i := from; i < to; i += symmetricTile {
			height := min(symmetricTile, to-i)
			block := x[r*n+i:]
			c := grow(&products.a, height*(n-i))
			Multiply(c, block, block, height, n-i, part, Options{TransposeA: true, AStride: n, BStride: n})
			addUpper(s, c, n, i, height)
		}
	}
}

// addUpper adds rows i.. of a product, given from column i on, to the upper
// triangle of s and copies it to the lower one, some columns at a time, so that
// the rows written stay in the cache.
func addUpper(s []float64, c []float32, n, i, height int) {
	const columns = 8
	for first := 0; first < n-i; first += columns {
		end := min(first+columns, n-i)
		for r := range min(height, end) {
			row := c[r*(n-i):][:n-i]
			for j := max(first, r); j < end; j++ {
				sum := s[(i+r)*n+i+j] + float64(row[j])
				s[(i+r)*n+i+j] = sum
				s[(i+j)*n+i+r] = sum
			}
		}
	}
}
