package gemm

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestMultiply(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 12))
		for m := 1; m <= 18; m++ {
			for _, n := range []int{1, 3, 8, 15, 16, 17, 33, 64} {
				for _, k := range []int{0, 1, 2, 7, 16, 29} {
					testMultiply(t, r, m, n, k)
				}
			}
		}
		for range 30 {
			testMultiply(t, r, 1+r.IntN(260), 1+r.IntN(200), 1+r.IntN(400))
		}
		testMultiply(t, r, 2, packedColumns+40, 3)
		testMultiply(t, r, 30, packedColumns+40, blockDepth+3)
	})
}

func testMultiply(t *testing.T, r *rand.Rand, m, n, k int) {
	t.Helper()
	flip := func() bool { return r.IntN(2) == 1 }
	o := Options{TransposeA: flip(), TransposeB: flip(), Accumulate: flip()}
	if flip() {
		o.Alpha = []float32{1, -0.125, 0.3}[r.IntN(3)]
	}
	operand := func(rows, columns int, transposed bool) (matrix, func(i, j int) float32) {
		if transposed {
			x := newMatrix(r, columns, rows, r.IntN(3))
			return x, func(i, j int) float32 { return x.at(j, i) }
		}
		x := newMatrix(r, rows, columns, r.IntN(3))
		return x, x.at
	}
	a, atA := operand(m, k, o.TransposeA)
	b, atB := operand(k, n, o.TransposeB)
	dst := newMatrix(r, m, n, r.IntN(3))
	before := dst.clone()
	o.AStride, o.BStride, o.DstStride = a.stride, b.stride, dst.stride
	Multiply(dst.data, a.data, b.data, m, n, k, o)
	for _, x := range []matrix{dst, a, b} {
		x.checkGuards(t, "Multiply")
	}
	alpha := float64(o.Alpha)
	if alpha == 0 {
		alpha = 1
	}
	rows := vectors(m, k, atA)
	columns := vectors(n, k, func(j, p int) float32 { return atB(p, j) })
	for i := range m {
		for j := range n {
			want, magnitude := product64(rows[i], columns[j])
			want, magnitude = alpha*want, math.Abs(alpha)*magnitude
			if o.Accumulate {
				want += float64(before.at(i, j))
				magnitude += math.Abs(float64(before.at(i, j)))
			}
			if !closeTo(dst.at(i, j), want, magnitude, k+1) {
				t.Fatalf("m=%d n=%d k=%d %+v: [%d,%d] = %v, want %v", m, n, k, o, i, j, dst.at(i, j), want)
			}
		}
	}
	if o.Alpha == 0 && !o.Accumulate {
		sameAsPacked(t, dst, atA, atB, k)
	}
}

// sameAsPacked checks that both products have the same bits.
func sameAsPacked(t *testing.T, dst matrix, atA, atB func(i, j int) float32, k int) {
	t.Helper()
	m, n := dst.rows, dst.columns
	a, b, want := make([]float32, m*k), make([]float32, k*n), make([]float32, m*n)
	for p := range k {
		for i := range m {
			a[i*k+p] = atA(i, p)
		}
		for j := range n {
			b[p*n+j] = atB(p, j)
		}
	}
	Pack(b, k, n, false).Multiply(want, n, a, k, m, 0, n, Epilogue{})
	for i := range m {
		for j := range n {
			if dst.at(i, j) != want[i*n+j] {
				t.Fatalf("m=%d n=%d k=%d: [%d,%d] = %v, packed %v", m, n, k, i, j, dst.at(i, j), want[i*n+j])
			}
		}
	}
}

// TestMultiplyByHand uses matrices without gaps in all four forms.
func TestMultiplyByHand(t *testing.T) {
	a, aT := []float32{1, 2, 3, 4, 5, 6}, []float32{1, 4, 2, 5, 3, 6}   // [2,3]
	b, bT := []float32{1, 0, 2, -1, 1, 3}, []float32{1, 2, 1, 0, -1, 3} // [3,2]
	want := []float32{1 + 4 + 3, -2 + 9, 4 + 10 + 6, -5 + 18}
	forLevels(t, func(t *testing.T) {
		for _, test := range []struct {
			a, b []float32
			o    Options
		}{
			{a, b, Options{}},
			{aT, b, Options{TransposeA: true}},
			{a, bT, Options{TransposeB: true}},
			{aT, bT, Options{TransposeA: true, TransposeB: true}},
		} {
			got := make([]float32, 4)
			Multiply(got, test.a, test.b, 2, 2, 3, test.o)
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("%+v: %v, want %v", test.o, got, want)
					break
				}
			}
		}
	})
}

func TestSymmetricUpdate(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(13, 14))
		for _, size := range [][2]int{{1, 1}, {3, 2}, {7, 5}, {40, 17}, {100, 33}, {symmetricRows + 5, 20}, {50, symmetricTile + 9}, {30, 250}} {
			testSymmetric(t, r, size[0], size[1])
		}
	})
}

func testSymmetric(t *testing.T, r *rand.Rand, rows, n int) {
	t.Helper()
	x := newMatrix(r, rows, n, 0)
	whole, split := make([]float64, n*n), make([]float64, n*n)
	for i := range n {
		for j := range i + 1 {
			whole[i*n+j] = r.NormFloat64()
			whole[j*n+i] = whole[i*n+j]
		}
	}
	before := append([]float64(nil), whole...)
	copy(split, whole)
	SymmetricUpdate(whole, x.data, rows, n, 0, n)
	x.checkGuards(t, "x")
	cut := r.IntN(n + 1)
	SymmetricUpdate(split, x.data, rows, n, cut, n)
	SymmetricUpdate(split, x.data, rows, n, 0, cut)
	columns := vectors(n, rows, x.transposedAt)
	for i := range n {
		for j := range n {
			want, magnitude := product64(columns[i], columns[j])
			got := whole[i*n+j]
			if math.Abs(got-before[i*n+j]-want) > float64(min(rows, symmetricRows)+2)*0x1p-23*magnitude {
				t.Fatalf("rows=%d n=%d: [%d,%d] = %v, want %v", rows, n, i, j, got, want+before[i*n+j])
			}
			if got != whole[j*n+i] || got != split[i*n+j] {
				t.Fatalf("rows=%d n=%d cut=%d: [%d,%d] = %v, mirrored %v, split %v", rows, n, cut, i, j, got, whole[j*n+i], split[i*n+j])
			}
		}
	}
}
