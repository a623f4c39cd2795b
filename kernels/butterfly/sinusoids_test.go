package butterfly

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// checkSinusoidChain compares a chain with the sums in float64.
func checkSinusoidChain(t *testing.T, what string, in, period int, rows []Sinusoid, window []float64) *Chain {
	t.Helper()
	c, err := Sinusoids(in, period, rows, window)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	dense := c.Dense()
	for i, r := range rows {
		for j := range in {
			sin, cos := math.Sincos(math.Pi * float64(r.Twice*j%(2*period)) / float64(period))
			want := r.Cos*cos + r.Sin*sin
			if window != nil {
				want *= window[j]
			}
			if got := float64(dense[i*in+j]); math.Abs(got-want) > 1e-5 {
				t.Fatalf("%s: row %d (%+v), input %d: %v, want %v (%v)", what, i, r, j, got, want, c.Design())
			}
		}
	}
	return c
}

func TestRealFourierTransformOfEverySize(t *testing.T) {
	for n := 1; n <= 130; n++ {
		var rows []Sinusoid
		for k := range n/2 + 1 {
			rows = append(rows, Sinusoid{2 * k, 1, 0})
		}
		for k := range n/2 + 1 {
			rows = append(rows, Sinusoid{2 * k, 0, -1})
		}
		checkSinusoidChain(t, fmt.Sprint("DFT ", n), n, n, rows, nil)
	}
}

func TestSinusoidsOfAnyPhase(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, n := range []int{2, 3, 8, 12, 30, 64, 100, 105, 128, 240} {
		for range 6 {
			in := 1 + r.IntN(n)
			half := r.IntN(2)
			window := make([]float64, in)
			for j := range window {
				window[j] = r.NormFloat64()
			}
			var rows []Sinusoid
			for range 1 + r.IntN(2*n) {
				s := Sinusoid{2*(r.IntN(3*n)-n) + half, r.NormFloat64(), r.NormFloat64()}
				if r.IntN(8) == 0 {
					s.Cos, s.Sin = 0, 0
				}
				if r.IntN(3) == 0 {
					s.Sin = 0
				}
				rows = append(rows, s)
			}
			checkSinusoidChain(t, fmt.Sprintf("period %d, %d inputs, half %d", n, in, half), in, n, rows, window)
		}
	}
}

func TestSinusoidsAreSmall(t *testing.T) {
	for _, n := range []int{256, 400, 480, 512, 960, 1024, 2048} {
		var rows []Sinusoid
		for k := range n/2 + 1 {
			rows = append(rows, Sinusoid{2 * k, 1, 0}, Sinusoid{2 * k, 0, -1})
		}
		c, err := Sinusoids(n, n, rows, nil)
		if err != nil {
			t.Fatal(err)
		}
		if share := float64(c.Design().Values()) / float64(n*len(rows)); share > 60/float64(n)+0.01 {
			t.Errorf("the real DFT of %d takes %.1f%% of the dense matrix: %v", n, 100*share, c.Design())
		}
		t.Logf("real DFT %d: %d values, %v", n, c.Design().Values(), c.Design())
	}
}

func TestSinusoidsReject(t *testing.T) {
	one := []Sinusoid{{0, 1, 0}}
	for _, c := range []struct {
		in, period int
		rows       []Sinusoid
		window     []float64
	}{
		{0, 4, one, nil}, {5, 4, one, nil}, {4, 4, nil, nil}, {4, 1 << 40, one, nil},
		{4, 4, one, []float64{1}}, {4, 4, []Sinusoid{{0, 1, 0}, {1, 1, 0}}, nil}, {4, 4, []Sinusoid{{0, math.NaN(), 0}}, nil},
	} {
		if _, err := Sinusoids(c.in, c.period, c.rows, c.window); err == nil {
			t.Errorf("no error for %+v", c)
		}
	}
}
