package butterfly

import (
	"fmt"
	"math"
	"testing"
)

func normals(seed uint64, n int) []float64 {
	r := newRand(seed)
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return x
}

func TestRealCirculantOfEverySize(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 7, 16, 31, 36, 37, 48, 60, 64, 97, 100, 101, 127, 128, 134} {
		column := normals(uint64(n), n)
		c, err := RealCirculant(column)
		checkMatrix(t, fmt.Sprint("circulant ", n), c, err, n, n, func(i, j int) float64 { return column[modulo(i-j, n)] })
	}
	for _, column := range [][]float64{make([]float64, 48), {0, 1, 0, 0}} {
		n := len(column)
		c, err := RealCirculant(column)
		checkMatrix(t, "simple circulant", c, err, n, n, func(i, j int) float64 { return column[modulo(i-j, n)] })
	}
}

// A circulant matrix whose spectrum is mostly zero needs those frequencies alone.
func TestNarrowCirculantIsSmaller(t *testing.T) {
	const n = 256
	wide, narrow := normals(3, n), make([]float64, n)
	for i := range narrow {
		narrow[i] = cosOf(2*3*i, n) + sinOf(2*5*i, n)
	}
	a, err := RealCirculant(wide)
	if err != nil {
		t.Fatal(err)
	}
	b, err := RealCirculant(narrow)
	checkMatrix(t, "narrow circulant", b, err, n, n, func(i, j int) float64 { return narrow[modulo(i-j, n)] })
	if b.Design().Values() > a.Design().Values()/2 {
		t.Errorf("%d values for two frequencies, %d for all", b.Design().Values(), a.Design().Values())
	}
}

func TestToeplitzOfAnySides(t *testing.T) {
	for _, sides := range [][2]int{{1, 1}, {1, 9}, {9, 1}, {40, 40}, {64, 64}, {100, 37}, {37, 100}, {67, 61}} {
		out, in := sides[0], sides[1]
		diagonals := normals(uint64(out), out+in-1)
		c, err := Toeplitz(out, in, diagonals)
		checkMatrix(t, fmt.Sprint("Toeplitz ", sides), c, err, out, in, func(i, j int) float64 { return diagonals[i-j+in-1] })
	}
}

func TestConvolution1D(t *testing.T) {
	for _, n := range []int{1, 5, 48, 70} {
		for _, size := range []int{1, 3, 4, 45} {
			kernel := normals(uint64(n+size), size)
			for _, pad := range [][2]int{{0, 0}, {1, 1}, {size / 2, (size - 1) / 2}, {0, 2}} {
				out := n + pad[0] + pad[1] - size + 1
				if out < 1 || max(pad[0], pad[1]) > n {
					continue
				}
				for _, circular := range []bool{false, true} {
					rows := out
					if circular {
						rows = n
					}
					c, err := Convolution1D(n, kernel, pad[0], pad[1], circular)
					what := fmt.Sprintf("convolution of %d by %d, padding %v, circular %v", n, size, pad, circular)
					checkMatrix(t, what, c, err, rows, n, func(i, j int) float64 {
						sum := 0.0
						for k, v := range kernel {
							from := i + k - pad[0]
							if from == j || circular && modulo(from, n) == j {
								sum += v
							}
						}
						return sum
					})
				}
			}
		}
	}
}

func TestConvolutionsReject(t *testing.T) {
	nan := []float64{1, math.NaN(), 2}
	for name, err := range map[string]error{
		"NaN circulant":    second(RealCirculant(nan)),
		"empty circulant":  second(RealCirculant(nil)),
		"NaN Toeplitz":     second(Toeplitz(2, 2, nan)),
		"short Toeplitz":   second(Toeplitz(2, 2, []float64{1})),
		"no sides":         second(Toeplitz(0, 1, nil)),
		"NaN kernel":       second(Convolution1D(5, nan, 1, 1, false)),
		"empty kernel":     second(Convolution1D(5, nil, 1, 1, false)),
		"kernel too long":  second(Convolution1D(2, []float64{1, 2, 3}, 0, 0, false)),
		"negative padding": second(Convolution1D(5, []float64{1}, -1, 0, false)),
		"huge padding":     second(Convolution1D(5, []float64{1}, 1<<40, 0, false)),
	} {
		if err == nil {
			t.Errorf("no error for %s", name)
		}
	}
}
