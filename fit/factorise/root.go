package factorise

import (
	"errors"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// ridge is added to the moment, in units of its mean diagonal. It keeps the
// root invertible and K small in directions that the calibration data never
// took.
const ridge = 1e-4

// mixingSeed is the seed of the random signs in mixColumns.
const mixingSeed = 0x6b636f6d7072

// momentRoot returns R [n, n] with R R' = S + ridge*mean(diagonal of S)*I, scaled
// so that ||R||_F^2 = n but for the ridge. A moment of zeros says nothing about
// the inputs and is taken as the identity, as is nil.
func momentRoot(moment []float64, n int) (root []float64, err error) {
	trace := 0.0
	if moment != nil {
		for i := range n {
			trace += moment[i*n+i]
		}
	}
	if trace < math.SmallestNonzeroFloat32 {
		return identity(n), nil
	}
	scale := float64(n) / trace
	if scale == 0 {
		return nil, errors.New("layer: the moment is too large")
	}
	root = make([]float64, n*n)
	// Rounding can make a moment slightly indefinite, then a larger ridge helps.
	for _, r := range []float64{ridge, 10 * ridge, 100 * ridge} {
		for i := range n {
			for j := range i {
				root[i*n+j] = moment[j*n+i] * scale
			}
			root[i*n+i] = moment[i*n+i]*scale + r
		}
		lower := blas64.Symmetric{N: n, Stride: n, Data: root, Uplo: blas.Lower}
		if _, ok := lapack64.Potrf(lower); ok {
			return root, nil
		}
	}
	return nil, errors.New("layer: the moment is not positive semidefinite")
}

func identity(n int) []float64 {
	root := make([]float64, n*n)
	for i := range n {
		root[i*n+i] = 1
	}
	return root
}

// mixColumns multiplies root [n, n] by an orthogonal matrix from the right:
// random signs, then a Walsh-Hadamard transform over a power of two of
// columns. Every column of the result, [n, columns], is a random combination
// of all columns of root, and R R' stays the same.
func mixColumns(root []float64, n, columns int) []float32 {
	r := rand.New(rand.NewPCG(mixingSeed, uint64(n)))
	signs := make([]float64, n)
	for i := range signs {
		signs[i] = float64(2*r.IntN(2)-1) / math.Sqrt(float64(columns))
	}
	mixed := make([]float32, n*columns)
	row := make([]float64, columns)
	for i := range n {
		clear(row)
		for j, v := range root[i*n:][:n] {
			row[j] = v * signs[j]
		}
		walshHadamard(row)
		for j, v := range row {
			mixed[i*columns+j] = float32(v)
		}
	}
	return mixed
}

// walshHadamard multiplies x, of a power-of-two length, by the matrix of +1
// and -1 of Sylvester's construction.
func walshHadamard(x []float64) {
	for stride := 1; stride < len(x); stride *= 2 {
		for from := 0; from < len(x); from += 2 * stride {
			a, b := x[from:][:stride], x[from+stride:][:stride]
			for i, v := range a {
				w := b[i]
				a[i], b[i] = v+w, v-w
			}
		}
	}
}
