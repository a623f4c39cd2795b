package runtime

import (
	"math/rand/v2"
	"testing"
)

// Runs of many sizes do not add up: what an arena holds stays in proportion to
// what a run needs, and a run like the last takes no new memory.
func TestArenaForgets(t *testing.T) {
	const mega = 1 << 20
	var a arena
	r := rand.New(rand.NewPCG(1, 2))
	run := func(size int) {
		var taken []*buffer
		for range 40 {
			taken = append(taken, a.take(size))
		}
		for _, b := range taken {
			a.give(b)
		}
		a.endRun()
	}
	for range 200 {
		size := mega + r.IntN(15*mega)
		run(size)
		_, rounded := classOf(size)
		if limit := (heldShare+1)*40*rounded + heldBytes; a.held > limit {
			t.Fatalf("%d bytes are held after a run of %d", a.held, 40*rounded)
		}
		held := 0
		for _, free := range a.free {
			for _, b := range free {
				held += len(b.raw)
			}
		}
		if held != a.held || a.used != 0 {
			t.Fatalf("%d bytes are free, counted as %d, %d in use", held, a.held, a.used)
		}
	}
	run(mega)
	run(mega)
	if n := testing.AllocsPerRun(5, func() {
		b := a.take(mega)
		a.give(b)
		a.endRun()
	}); n > 0 {
		t.Errorf("%g allocations for a run like the last", n)
	}
}
