package gemm

import (
	"math/rand/v2"
	"sync"
	"testing"
)

// TestConcurrentUse shares one weight and one input between goroutines that
// split the columns, the rows, or multiply on their own; all get the same bits.
func TestConcurrentUse(t *testing.T) {
	const m, n, k, workers = 30, 100, 400, 4
	r := rand.New(rand.NewPCG(25, 26))
	a, b := newMatrix(r, m, k, 0).data, newMatrix(r, k, n, 0).data
	p := Pack(b, k, n, false)
	e := Epilogue{Activation: Relu}
	want := make([]float32, m*n)
	p.Multiply(want, n, a, k, m, 0, n, e)
	byColumns, byRows := make([]float32, m*n), make([]float32, m*n)
	dynamic := make([][]float32, workers)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			from, to := w*2*panelWidth, min((w+1)*2*panelWidth, n)
			p.Multiply(byColumns, n, a, k, m, from, to, e)
			first, last := w*m/workers, (w+1)*m/workers
			p.Multiply(byRows[first*n:last*n], n, a[first*k:], k, last-first, 0, n, e)
			dynamic[w] = make([]float32, m*n)
			Multiply(dynamic[w], a, b, m, n, k, Options{})
			e.finish(dynamic[w], n, m, 0, n)
		})
	}
	group.Wait()
	for i := range want {
		if byColumns[i] != want[i] || byRows[i] != want[i] {
			t.Fatalf("[%d]: %v by columns, %v by rows, want %v", i, byColumns[i], byRows[i], want[i])
		}
		for w := range workers {
			if dynamic[w][i] != want[i] {
				t.Fatalf("[%d]: %v in worker %d, want %v", i, dynamic[w][i], w, want[i])
			}
		}
	}
}
