package factorise

import (
	"math/rand/v2"

	"github.com/kcompress/kcompress/kernels/gemm"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"
)

const (
	// exactSide is the largest smaller side of a layer whose singular vectors
	// are all computed, without a random subspace.
	exactSide = 256
	// powerSteps is the number of times the random subspace is multiplied by
	// T T'. Two are enough for slowly falling spectra (arXiv 0909.4061, 4.5).
	powerSteps = 3
	// subspaceSeed is the seed of the random subspace.
	subspaceSeed = 0x73756273
	// shift keeps the Cholesky factor of a nearly singular Gram matrix of
	// float32 numbers finite.
	shift = 1e-6
)

// findDirections returns the first `count` left singular vectors of the target
// T [Out, columns], in order, as [Out, count]: by a subspace iteration that
// starts from random vectors (arXiv 0909.4061, Algorithm 4.4) and ends with
// the singular vectors of T within that subspace. If count is the smaller
// side of the layer, the subspace is the whole range of T.
func (p *Problem) findDirections(count int) ([]float32, error) {
	out, columns := p.layer.Out, p.columns
	basis := make([]float32, out*count)
	if count == out {
		for i := range out {
			basis[i*out+i] = 1
		}
	} else {
		p.randomBasis(basis, count)
		if err := exactlyOrthonormal(basis, out, count); err != nil {
			return nil, err
		}
	}
	seen := make([]float32, columns*count) // T' basis
	gemm.Multiply(seen, p.target, basis, columns, count, out, gemm.Options{TransposeA: true})
	rotation, err := principalAxes(seen, columns, count)
	if err != nil {
		return nil, err
	}
	u := make([]float32, out*count)
	gemm.Multiply(u, basis, rotation, out, count, count, gemm.Options{})
	return u, nil
}

// randomBasis fills basis [Out, count] with (T T')^powerSteps T applied to
// random vectors, nearly orthonormal.
func (p *Problem) randomBasis(basis []float32, count int) {
	out, columns := p.layer.Out, p.columns
	r := rand.New(rand.NewPCG(subspaceSeed, uint64(count)))
	seen := make([]float32, columns*count)
	for i := range seen {
		seen[i] = float32(r.NormFloat64())
	}
	gemm.Multiply(basis, p.target, seen, out, count, columns, gemm.Options{})
	for range powerSteps {
		nearlyOrthonormal(basis, out, count)
		gemm.Multiply(seen, p.target, basis, columns, count, out, gemm.Options{TransposeA: true})
		nearlyOrthonormal(seen, columns, count)
		gemm.Multiply(basis, p.target, seen, out, count, columns, gemm.Options{})
	}
}

// nearlyOrthonormal multiplies x [rows, n] by the inverse of the Cholesky
// factor of its Gram matrix.
func nearlyOrthonormal(x []float32, rows, n int) {
	g := mat.NewSymDense(n, gram(x, rows, n))
	largest := 0.0
	for i := range n {
		largest = max(largest, g.At(i, i))
	}
	for i := range n {
		g.SetSym(i, i, g.At(i, i)+shift*largest)
	}
	var c mat.Cholesky
	if !c.Factorize(g) {
		return // x as it is spans the same space
	}
	var upper, inverse mat.TriDense
	c.UTo(&upper)
	if inverse.InverseTri(&upper) != nil {
		return
	}
	narrow := make([]float32, n*n)
	for i := range n {
		for j := i; j < n; j++ {
			narrow[i*n+j] = float32(inverse.At(i, j))
		}
	}
	y := make([]float32, len(x))
	gemm.Multiply(y, x, narrow, rows, n, n, gemm.Options{})
	copy(x, y)
}

// gram is x' x for x [rows, n].
func gram(x []float32, rows, n int) []float64 {
	g := make([]float64, n*n)
	gemm.SymmetricUpdate(g, x, rows, n, 0, n)
	return g
}

// exactlyOrthonormal replaces x [rows, n], n <= rows, by an orthonormal basis
// of a space that holds its columns, also if they are dependent.
func exactlyOrthonormal(x []float32, rows, n int) error {
	wide := make([]float64, len(x))
	for i, v := range x {
		if !isFinite(float64(v)) {
			return errDecomposition
		}
		wide[i] = float64(v)
	}
	m := blas64.General{Rows: rows, Cols: n, Stride: n, Data: wide}
	reflectors := make([]float64, n)
	size := make([]float64, 1)
	lapack64.Geqrf(m, reflectors, size, -1)
	work := make([]float64, int(size[0]))
	lapack64.Geqrf(m, reflectors, work, len(work))
	lapack64.Orgqr(m, reflectors, size, -1)
	work = make([]float64, max(len(work), int(size[0])))
	lapack64.Orgqr(m, reflectors, work, len(work))
	for i, v := range wide {
		x[i] = float32(v)
	}
	return nil
}

// principalAxes returns the eigenvectors [n, n] of x' x, x [rows, n], as
// columns, largest eigenvalue first.
func principalAxes(x []float32, rows, n int) ([]float32, error) {
	var e mat.EigenSym
	if !e.Factorize(mat.NewSymDense(n, gram(x, rows, n)), true) {
		return nil, errDecomposition
	}
	var vectors mat.Dense
	e.VectorsTo(&vectors)
	axes := make([]float32, n*n)
	for i := range n {
		for j := range n {
			axes[i*n+j] = float32(vectors.At(i, n-1-j))
		}
	}
	return axes, nil
}
