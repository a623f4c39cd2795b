package pool

import (
	"sync/atomic"
	"testing"
)

func TestForCoversEveryIndexOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		p := New(threads)
		for n := range 70 {
			for grain := 1; grain < 9; grain++ {
				seen := make([]atomic.Int32, n)
				p.For(n, grain, func(from, to int) {
					if from%grain != 0 || to-from > grain {
						t.Errorf("range %d:%d does not lie on the grid of %d", from, to, grain)
					}
					for i := from; i < to; i++ {
						seen[i].Add(1)
					}
				})
				for i := range seen {
					if got := seen[i].Load(); got != 1 {
						t.Fatalf("threads %d, n %d, grain %d: index %d visited %d times", threads, n, grain, i, got)
					}
				}
			}
		}
		p.Close()
	}
}

func TestForNestedAndConcurrent(t *testing.T) {
	p := New(3)
	defer p.Close()
	var total atomic.Int64
	p.For(8, 1, func(from, to int) {
		p.For(100, 7, func(from, to int) { total.Add(int64(to - from)) })
	})
	if total.Load() != 800 {
		t.Errorf("nested loops visited %d indices, want 800", total.Load())
	}
}

func TestForRaisesPanic(t *testing.T) {
	p := New(2)
	defer p.Close()
	defer func() {
		if r, ok := recover().(*Panic); !ok || r.Value != "broken" {
			t.Errorf("recovered %v, want the panic of the body", r)
		}
	}()
	p.For(10, 1, func(from, _ int) {
		if from == 7 {
			panic("broken")
		}
	})
	t.Error("no panic reached the caller")
}

func TestNilPool(t *testing.T) {
	var p *Pool
	n := 0
	p.For(5, 2, func(from, to int) { n += to - from })
	if n != 5 || p.Threads() != 1 {
		t.Errorf("nil pool visited %d of 5 on %d threads", n, p.Threads())
	}
}
