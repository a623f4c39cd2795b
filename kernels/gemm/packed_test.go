package gemm

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/kernels/cpu"
	"github.com/kcompress/kcompress/kernels/internal/emulate"
)

// sizes are small ones in full and larger ones around the sizes of blocks.
func sizes(r *rand.Rand, visit func(m, n, k int)) {
	for m := 1; m <= 14; m++ {
		for _, n := range []int{1, 15, 16, 17, 32, 33, 48, 63, 64, 65, 80} {
			for _, k := range []int{0, 1, 3, 4, 5, 33} {
				visit(m, n, k)
			}
		}
	}
	for range 25 {
		visit(1+r.IntN(220), 1+r.IntN(300), 1+r.IntN(400))
	}
	visit(rowBlock+7, columnBlock+33, 2*blockDepth+1)
	visit(3, 600, 1500)
}

func TestPackedMultiply(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		sizes(r, func(m, n, k int) { testPacked(t, r, m, n, k) })
	})
}

func testPacked(t *testing.T, r *rand.Rand, m, n, k int) {
	t.Helper()
	transposed := r.IntN(2) == 1
	weight := newMatrix(r, k, n, 0)
	if transposed {
		weight = newMatrix(r, n, k, 0)
	}
	column := weight.transposedAt
	if transposed {
		column = weight.at
	}
	p := Pack(weight.data, k, n, transposed)
	a, dst := newMatrix(r, m, k, r.IntN(4)), newMatrix(r, m, n, r.IntN(4))
	var e Epilogue
	if r.IntN(2) == 1 {
		e.Bias = newMatrix(r, 1, n, 0).data
	}
	if r.IntN(2) == 1 {
		e.Activation = Relu
	}
	p.Multiply(dst.data, dst.stride, a.data, a.stride, m, 0, n, e)
	dst.checkGuards(t, "dst")
	a.checkGuards(t, "a")
	rows, columns := vectors(m, k, a.at), vectors(n, k, column)
	for i := range m {
		for j := range n {
			want, magnitude := product64(rows[i], columns[j])
			if e.Bias != nil {
				want += float64(e.Bias[j])
				magnitude += math.Abs(float64(e.Bias[j]))
			}
			if e.Activation == Relu {
				want = math.Max(want, 0)
			}
			if !closeTo(dst.at(i, j), want, magnitude, k) {
				t.Fatalf("m=%d n=%d k=%d transposed=%v %+v: [%d,%d] = %v, want %v", m, n, k, transposed, e.Activation, i, j, dst.at(i, j), want)
			}
		}
	}
	testSplit(t, r, p, a, dst, e)
}

// testSplit computes the same product in parts of rows and columns, whose
// bits must be the same.
func testSplit(t *testing.T, r *rand.Rand, p *Packed, a, whole matrix, e Epilogue) {
	t.Helper()
	parts := whole.clone()
	for i := range parts.rows {
		clear(parts.data[i*parts.stride:][:parts.columns])
	}
	rowCut, columnCut := r.IntN(a.rows+1), r.IntN(p.n/panelWidth+1)*panelWidth
	for _, rows := range [][2]int{{0, rowCut}, {rowCut, a.rows}} {
		if rows[0] == rows[1] {
			continue
		}
		for _, columns := range [][2]int{{0, columnCut}, {columnCut, p.n}} {
			p.Multiply(parts.data[rows[0]*parts.stride:], parts.stride, a.data[rows[0]*a.stride:], a.stride, rows[1]-rows[0], columns[0], columns[1], e)
		}
	}
	parts.checkGuards(t, "parts")
	for i := range whole.all {
		if math.Float32bits(whole.all[i]) != math.Float32bits(parts.all[i]) {
			t.Fatalf("m=%d n=%d k=%d cut at row %d and column %d: %v, whole %v", a.rows, p.n, p.k, rowCut, columnCut, parts.all[i], whole.all[i])
		}
	}
}

// TestPackedIsTheChain compares with the definition, step by step: on Generic
// two roundings a step, else one. Bits must be the same.
func TestPackedIsTheChain(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		step := func(sum, x, y float32) float32 { return sum + float32(x*y) }
		if cpu.Current() != cpu.Generic {
			step = func(sum, x, y float32) float32 { return emulate.MultiplyAdd(x, y, sum) }
		}
		r := rand.New(rand.NewPCG(3, 4))
		for range 40 {
			m, n, k := 1+r.IntN(20), 1+r.IntN(70), r.IntN(700)
			a, b := newMatrix(r, m, k, 1), newMatrix(r, k, n, 0)
			dst := make([]float32, m*n)
			Pack(b.data, k, n, false).Multiply(dst, n, a.data, a.stride, m, 0, n, Epilogue{})
			rows, columns := vectors(m, k, a.at), vectors(n, k, b.transposedAt)
			for i := range m {
				for j := range n {
					var want float32
					for p, x := range rows[i] {
						want = step(want, x, columns[j][p])
					}
					if dst[i*n+j] != want {
						t.Fatalf("m=%d n=%d k=%d: [%d,%d] = %v, want %v", m, n, k, i, j, dst[i*n+j], want)
					}
				}
			}
		}
	})
}

func TestPackedPropagatesSpecialValues(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	forLevels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		const k, n = 37, 50
		for _, m := range []int{1, 2, 3, 4, 5, 6, 13} {
			for _, value := range []float32{inf, -inf, nan} {
				a, b := newMatrix(r, m, k, 0), newMatrix(r, k, n, 0)
				row, column := r.IntN(m), r.IntN(n)
				a.data[row*k+r.IntN(k)] = value
				b.data[r.IntN(k)*n+column] = value
				dst := make([]float32, m*n)
				Pack(b.data, k, n, false).Multiply(dst, n, a.data, k, m, 0, n, Epilogue{Activation: Relu})
				rows, columns := vectors(m, k, a.at), vectors(n, k, b.transposedAt)
				for i := range m {
					for j := range n {
						want, magnitude := product64(rows[i], columns[j])
						if want < 0 {
							want = 0
						}
						if !closeTo(dst[i*n+j], want, magnitude, k) {
							t.Fatalf("%v in row %d and column %d: [%d,%d] = %v, want %v", value, row, column, i, j, dst[i*n+j], want)
						}
					}
				}
			}
		}
	})
}

func TestEveryActivation(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		const m, n, k = 9, 150, 20
		a, b, bias := newMatrix(r, m, k, 0), newMatrix(r, k, n, 0), newMatrix(r, 1, n, 0).data
		p := Pack(b.data, k, n, false)
		plain := make([]float32, m*n)
		p.Multiply(plain, n, a.data, k, m, 0, n, Epilogue{Bias: bias})
		for activation, apply := range map[Activation]func(x float64) float64{
			None:     func(x float64) float64 { return x },
			Relu:     func(x float64) float64 { return math.Max(x, 0) },
			Gelu:     func(x float64) float64 { return x / 2 * math.Erfc(-x/math.Sqrt2) },
			GeluTanh: func(x float64) float64 { return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))) },
			Silu:     func(x float64) float64 { return x / (1 + math.Exp(-x)) },
			Sigmoid:  func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
			Tanh:     math.Tanh,
		} {
			dst := make([]float32, m*n)
			p.Multiply(dst, n, a.data, k, m, 0, n, Epilogue{Bias: bias, Activation: activation})
			for i, x := range plain {
				want := apply(float64(x))
				if math.Abs(float64(dst[i])-want) > 1e-6*(1+math.Abs(float64(x))) {
					t.Fatalf("activation %d of %v = %v, want %v", activation, x, dst[i], want)
				}
			}
		}
	})
}

func TestPackedRefusesWrongSizes(t *testing.T) {
	p := Pack(make([]float32, 4*40), 4, 40, false)
	x := make([]float32, 200)
	for name, f := range map[string]func(){
		"weight too short":   func() { Pack(x, 10, 40, false) },
		"negative size":      func() { Pack(x, -1, 4, false) },
		"overflow":           func() { Pack(x, math.MaxInt/2, 1<<20, false) },
		"dst too short":      func() { p.Multiply(x[:79], 40, x, 4, 2, 0, 40, Epilogue{}) },
		"dst stride":         func() { p.Multiply(x, 39, x, 4, 2, 0, 40, Epilogue{}) },
		"a too short":        func() { p.Multiply(x, 40, x[:7], 4, 2, 0, 40, Epilogue{}) },
		"columns not panels": func() { p.Multiply(x, 40, x, 4, 1, 0, 17, Epilogue{}) },
		"column start":       func() { p.Multiply(x, 40, x, 4, 1, 3, 40, Epilogue{}) },
		"columns beyond":     func() { p.Multiply(x, 48, x, 4, 1, 0, 48, Epilogue{}) },
		"bias too short":     func() { p.Multiply(x, 40, x, 4, 1, 0, 40, Epilogue{Bias: x[:39]}) },
		"unknown activation": func() { p.Multiply(x, 40, x, 4, 1, 0, 40, Epilogue{Activation: 99}) },
		"dynamic a":          func() { Multiply(x, x[:5], x, 2, 2, 3, Options{}) },
		"dynamic b":          func() { Multiply(x, x, x[:5], 2, 2, 3, Options{TransposeB: true}) },
		"dynamic dst":        func() { Multiply(x[:3], x, x, 2, 2, 3, Options{}) },
		"symmetric s":        func() { SymmetricUpdate(make([]float64, 3), x, 1, 2, 0, 2) },
		"symmetric range":    func() { SymmetricUpdate(make([]float64, 4), x, 1, 2, 0, 3) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("accepted")
				}
			}()
			f()
		})
	}
}

func TestPackedAllocatesNothing(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(9, 10))
		const m, n, k = 20, 70, 400
		a, b, dst := newMatrix(r, m, k, 0).data, newMatrix(r, k, n, 0).data, make([]float32, m*n)
		p := Pack(b, k, n, false)
		e := Epilogue{Bias: make([]float32, n), Activation: Gelu}
		if got := testing.AllocsPerRun(20, func() { p.Multiply(dst, n, a, k, m, 0, n, e) }); got > 0 {
			t.Errorf("Packed.Multiply allocates %v times", got)
		}
	})
}
