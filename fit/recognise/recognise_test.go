package recognise

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

// dense is a matrix [out, in] in float64, for the tests.
type dense struct {
	out, in int
	w       []float64
}

func newDense(out, in int, value func(i, j int) float64) dense {
	d := dense{out, in, make([]float64, out*in)}
	for i := range out {
		for j := range in {
			d.w[i*in+j] = value(i, j)
		}
	}
	return d
}

func (d dense) at(i, j int) float64 { return d.w[i*d.in+j] }

func (d dense) transposed() dense {
	return newDense(d.in, d.out, func(i, j int) float64 { return d.at(j, i) })
}

func (d dense) rows(order []int) dense {
	return newDense(len(order), d.in, func(i, j int) float64 { return d.at(order[i], j) })
}

func (d dense) scaled(r *rand.Rand) dense {
	rows, columns := scales(r, d.out), scales(r, d.in)
	return newDense(d.out, d.in, func(i, j int) float64 { return rows[i] * d.at(i, j) * columns[j] })
}

func scales(r *rand.Rand, n int) []float64 {
	s := make([]float64, n)
	for i := range s {
		s[i] = math.Exp(r.NormFloat64()/2) * float64(1-2*r.IntN(2))
	}
	return s
}

func (d dense) float32s() []float32 {
	w := make([]float32, len(d.w))
	for i, v := range d.w {
		w[i] = float32(v)
	}
	return w
}

func (d dense) float16s() []float32 {
	w := d.float32s()
	for i, v := range w {
		w[i] = onnx.Float16Value(onnx.Float16Bits(v))
	}
	return w
}

func gaussian(r *rand.Rand, out, in int) dense {
	return newDense(out, in, func(int, int) float64 { return r.NormFloat64() })
}

func shuffled(r *rand.Rand, n int) []int { return r.Perm(n) }

// dft is [cos; sin] of the frequencies up to n/2, as exporters write it.
func dft(n int) dense {
	half := n/2 + 1
	return newDense(2*half, n, func(i, j int) float64 {
		sin, cos := math.Sincos(2 * math.Pi * float64(i%half*j%n) / float64(n))
		if i < half {
			return cos
		}
		return -sin
	})
}

func hann(n int) []float64 {
	w := make([]float64, n)
	for j := range w {
		w[j] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(j)/float64(n))
	}
	return w
}

func windowed(d dense, w []float64) dense {
	return newDense(d.out, d.in, func(i, j int) float64 { return d.at(i, j) * w[j] })
}

// wave is a cosine or sine transform: f(pi (a i + b)(c j + d) / n).
func wave(n int, f func(float64) float64, di, dj float64, period int) dense {
	return newDense(n, n, func(i, j int) float64 {
		return f(math.Pi * math.Mod((float64(i)+di)*(float64(j)+dj), 2*float64(period)) / float64(period))
	})
}

func circ(column []float64) dense {
	n := len(column)
	return newDense(n, n, func(i, j int) float64 { return column[(i-j+n)%n] })
}

func numbers(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return x
}

func kron(a, b dense) dense {
	return newDense(a.out*b.out, a.in*b.in, func(i, j int) float64 {
		return a.at(i/b.out, j/b.in) * b.at(i%b.out, j%b.in)
	})
}

func hadamardMatrix(n int) dense {
	return newDense(n, n, func(i, j int) float64 { return sign(i & j) })
}

func haarMatrix(n int) dense {
	return newDense(n, n, func(i, j int) float64 {
		if i == 0 {
			return 1
		}
		size := n
		for half := n / 2; i&(half-1) != 0; half /= 2 {
			size /= 2
		}
		for size = n; (i/(size/2))%2 == 0 || i%(size/2) != 0; {
			size /= 2
		}
		from := i - size/2
		switch {
		case j < from || j >= from+size:
			return 0
		case j < i:
			return 1 / math.Sqrt(float64(size))
		}
		return -1 / math.Sqrt(float64(size))
	})
}

func product(a, b dense) dense {
	return newDense(a.out, b.in, func(i, j int) float64 {
		sum := 0.0
		for k := range a.in {
			sum += a.at(i, k) * b.at(k, j)
		}
		return sum
	})
}

// construction is a matrix and a word of the kind that it must be found as.
type construction struct {
	name, kind string
	d          dense
	// free says which changes keep the structure findable.
	scalable, permutable bool
}

func constructions(r *rand.Rand, n int) []construction {
	band := newDense(n, n, func(i, j int) float64 {
		if d := j - i; d >= -1 && d <= 1 {
			return 1 + r.Float64()
		}
		return 0
	})
	few := newDense(n, n, func(i, j int) float64 {
		if r.IntN(50) == 0 {
			return r.NormFloat64()
		}
		return 0
	})
	list := []construction{
		{"diagonal", "diagonal", newDense(n, n, func(i, j int) float64 {
			if i == j {
				return 1 + r.Float64()
			}
			return 0
		}), true, false},
		{"permutation", "permutation", newDense(n, n, func(i, j int) float64 { return 0 }).selecting(shuffled(r, n)), true, true},
		{"low rank", "rank 3", product(gaussian(r, n, 3), gaussian(r, 3, n)), true, true},
		{"DFT", "DFT", dft(n), true, true},
		{"windowed DFT", "DFT", windowed(dft(n), hann(n)), true, true},
		{"some rows", "DFT", dft(n).rows(shuffled(r, n)[:n/2+3]), true, true},
		{"two-sided DFT", "DFT", newDense(2*n, n, func(i, j int) float64 {
			return math.Cos(2*math.Pi*float64(i/2*j%n)/float64(n) + float64(i%2)*math.Pi/2)
		}), true, true},
		{"inverse DFT", "DFT", dft(n).transposed(), true, false},
		{"Hartley", "DFT", newDense(n, n, func(i, j int) float64 {
			sin, cos := math.Sincos(2 * math.Pi * float64(i*j%n) / float64(n))
			return sin + cos
		}), true, true},
		{"DCT-I", "", wave(n, math.Cos, 0, 0, n-1), true, true},
		{"DCT-II", "DCT-II", wave(n, math.Cos, 0, 0.5, n), true, true},
		{"DCT-III", "DCT-II", wave(n, math.Cos, 0.5, 0, n), true, true},
		{"DCT-IV", "DCT-IV", wave(n, math.Cos, 0.5, 0.5, n), true, true},
		{"DST-I", "", wave(n, math.Sin, 1, 1, n+1), true, true},
		{"DST-II", "D", wave(n, math.Sin, 1, 0.5, n), true, true},
		{"DST-III", "D", wave(n, math.Sin, 0.5, 1, n), true, true},
		{"DST-IV", "D", wave(n, math.Sin, 0.5, 0.5, n), true, true},
		{"circulant", "circulant", circ(numbers(r, n)), true, true},
		{"Toeplitz", "Toeplitz", toeplitzMatrix(r, n, n+n/4), true, false},
		{"Kronecker", "", kron(gaussian(r, 8, 8), gaussian(r, n/8, n/8)), true, false},
		{"banded", "banded", band, true, true},
		{"sparse", "sparse", few, true, true},
		{"blocks", "blocks", kron(newDense(4, 4, func(i, j int) float64 {
			if i == j {
				return 1
			}
			return 0
		}), gaussian(r, n/4, n/4)), true, false},
	}
	if n&(n-1) == 0 {
		list = append(list,
			construction{"Hadamard", "", hadamardMatrix(n), true, true},
			construction{"Haar", "Haar", haarMatrix(n), true, true},
			construction{"Hadamard, some rows", "Hadamard", hadamardMatrix(n).rows(shuffled(r, n)[:n/2+1]), true, true})
	}
	return list
}

func (d dense) selecting(order []int) dense {
	return newDense(d.out, d.in, func(i, j int) float64 {
		if order[i] == j {
			return 1
		}
		return 0
	})
}

func toeplitzMatrix(r *rand.Rand, out, in int) dense {
	t := numbers(r, out+in)
	return newDense(out, in, func(i, j int) float64 { return t[i-j+in] })
}

// wantFound checks that a matrix is found, as the kind, and that the structure
// gives it back: in float64, by none of the code that verified it.
func wantFound(t *testing.T, what, kind string, d dense, w []float32, tolerance float64) {
	t.Helper()
	s := Recognise(w, d.out, d.in)
	if s == nil {
		t.Errorf("%s: not found", what)
		return
	}
	if !strings.Contains(s.Kind, kind) {
		t.Errorf("%s: found as %q", what, s.Kind)
	}
	difference, norm := 0.0, 0.0
	for j := range d.in {
		y := s.apply64(j, d.in)
		for i := range d.out {
			difference += (y[i] - float64(w[i*d.in+j])) * (y[i] - float64(w[i*d.in+j]))
			norm += float64(w[i*d.in+j]) * float64(w[i*d.in+j])
		}
	}
	if e := math.Sqrt(difference / norm); !(e <= tolerance) {
		t.Errorf("%s: found as %s with an error of %g", what, s.Kind, e)
	}
}

// apply64 is column j of the structure, by the definition of factors.
func (s *Structure) apply64(j, in int) []float64 {
	x := make([]float64, in)
	x[j] = 1
	for _, f := range s.Chain.Factors {
		x = append(x, make([]float64, max(0, f.Columns()-len(x)))...)
		y := make([]float64, f.Rows())
		for k, from := range f.Indexes {
			y[k/f.D] += x[from]
		}
		for i := range f.A {
			for l := range f.D {
				for p := range f.B {
					for q := range f.C {
						y[(i*f.B+p)*f.D+l] += float64(f.Values[((i*f.D+l)*f.B+p)*f.C+q]) * x[(i*f.C+q)*f.D+l]
					}
				}
			}
		}
		x = y
	}
	return x[:s.Chain.Out]
}

func TestEveryConstructionIsFound(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for _, n := range []int{64, 80, 128} {
		for _, c := range constructions(r, n) {
			what := fmt.Sprintf("%s, n=%d", c.name, n)
			wantFound(t, what, c.kind, c.d, c.d.float32s(), 1.1e-5)
			wantFound(t, what+", float16", "", c.d, c.d.float16s(), 5e-4)
			if c.scalable {
				d := c.d.scaled(r)
				wantFound(t, what+", scaled", "", d, d.float32s(), 1.1e-5)
			}
			if c.permutable {
				d := c.d.rows(shuffled(r, c.d.out))
				wantFound(t, what+", rows permuted", "", d, d.float32s(), 1.1e-5)
			}
			d := c.d.transposed()
			wantFound(t, what+", transposed", "", d, d.float32s(), 1.1e-5)
		}
	}
}

func TestLargeOnesPay(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 6))
	for _, c := range constructions(r, 512) {
		s := Recognise(c.d.float32s(), c.d.out, c.d.in)
		if s == nil {
			t.Errorf("%s: not found", c.name)
			continue
		}
		int8Bytes := c.d.out*c.d.in + 4*c.d.out
		t.Logf("%-20s %-40s %8d bytes of %8d, work %.3f, error %.1g", c.name, s.Kind, s.Bytes(), int8Bytes, float64(s.Work())/float64(c.d.out*c.d.in), s.Error)
		if !s.Pays(c.d.out, c.d.in, int8Bytes) {
			t.Errorf("%s as %s does not pay: %d bytes of %d", c.name, s.Kind, s.Bytes(), int8Bytes)
		}
	}
}
