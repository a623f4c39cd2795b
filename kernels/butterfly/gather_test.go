package butterfly

import (
	"math"
	"testing"
)

// gatherDesigns have gathers at the start, between factors and at the end, with
// zeros, repeated and dropped features.
func gatherDesigns() []Design {
	return []Design{
		designOf(GatherPattern(7, 5, 1)),
		designOf(GatherPattern(12, 9, 2), Pattern{3, 2, 4, 1}),
		{In: 8, Out: 7, Patterns: []Pattern{GatherPattern(12, 9, 1), {3, 2, 4, 1}, GatherPattern(9, 7, 3)}},
		{In: 15, Out: 20, Patterns: []Pattern{{2, 8, 8, 1}, GatherPattern(24, 17, 1), {3, 1, 1, 8}, GatherPattern(31, 24, 1)}},
		{In: 3, Out: 2, Patterns: []Pattern{GatherPattern(4, 4, 2), GatherPattern(9, 6, 1), GatherPattern(3, 9, 4)}},
	}
}

func randomGatherChain(seed uint64, d Design) *Chain {
	r := newRand(seed)
	c := randomChain(r, d)
	for _, f := range c.Factors {
		for i := range f.Indexes {
			f.Indexes[i] = int32(r.IntN(f.C))
		}
	}
	return c
}

func TestGathersRunAsTheirMatrix(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		for seed, d := range gatherDesigns() {
			c := randomGatherChain(uint64(seed), d)
			if err := c.Validate(); err != nil {
				t.Fatal(err)
			}
			dense, k := c.Dense(), prepare(t, c)
			for _, rows := range []int{1, 3, 5, 16, 37} {
				x := normal(newRand(7), rows*d.In)
				y := apply(t, k, x, rows, Epilogue{})
				for i := range rows {
					checkClose(t, name(d), y[i*d.Out:][:d.Out], matrixProduct(dense, d.Out, d.In, x[i*d.In:][:d.In]), 1e-5)
				}
			}
		}
	})
}

func TestGathersTranspose(t *testing.T) {
	for seed, d := range gatherDesigns() {
		c := randomGatherChain(uint64(seed), d)
		transposed := c.Transposed()
		if err := transposed.Validate(); err != nil {
			t.Fatalf("%s: %v", name(d), err)
		}
		dense, want := transposed.Dense(), c.Dense()
		for i := range d.Out {
			for j := range d.In {
				if math.Abs(float64(dense[j*d.Out+i]-want[i*d.In+j])) > 1e-6 {
					t.Fatalf("%s: entry %d,%d is %v transposed, %v before", name(d), i, j, dense[j*d.Out+i], want[i*d.In+j])
				}
			}
		}
	}
}

// The gradient with respect to the input is the transposed matrix times that of
// the result.
func TestGathersHaveAGradient(t *testing.T) {
	const count = 21
	for seed, d := range gatherDesigns() {
		c := randomGatherChain(uint64(seed), d)
		w, err := NewWorkspace(d)
		if err != nil {
			t.Fatal(err)
		}
		r := newRand(3)
		x, dy, dx := normal(r, count*d.In), normal(r, count*d.Out), make([]float32, count*d.In)
		w.Backward(c, d.NewGradient(), dx, x, dy, RowMajor, count)
		transposed := c.Transposed().Dense()
		for i := range count {
			checkClose(t, name(d), dx[i*d.In:][:d.In], matrixProduct(transposed, d.In, d.Out, dy[i*d.Out:][:d.Out]), 1e-5)
		}
	}
}

func TestGatherRejects(t *testing.T) {
	for _, bad := range []struct {
		order []int
		in    int
	}{{nil, 3}, {[]int{0}, 0}, {[]int{-2}, 3}, {[]int{3}, 3}, {[]int{0}, MaxSide}} {
		if _, err := Gather(bad.order, bad.in); err == nil {
			t.Errorf("no error for %v of %d", bad.order, bad.in)
		}
	}
	for _, c := range []*Chain{
		{In: 2, Out: 2, Factors: []Factor{{Pattern: GatherPattern(2, 2, 1), Indexes: []int32{0, 2}}}},
		{In: 2, Out: 2, Factors: []Factor{{Pattern: GatherPattern(2, 2, 1), Indexes: []int32{-1, 0}}}},
		{In: 2, Out: 2, Factors: []Factor{{Pattern: GatherPattern(2, 2, 1), Indexes: []int32{0}}}},
		{In: 2, Out: 2, Factors: []Factor{{Pattern: GatherPattern(0, 2, 1)}}},
		{In: 2, Out: 2, Factors: []Factor{{Pattern: Pattern{1, 2, 2, 1}, Values: make([]float32, 4), Indexes: []int32{0, 1}}}},
		{In: 2, Out: 2, Factors: []Factor{{Pattern: Pattern{1, 3, 2, 1}, Values: make([]float32, 6)}, {Pattern: GatherPattern(2, 2, 1), Indexes: []int32{0, 1}}}},
	} {
		if _, err := Prepare(c); err == nil {
			t.Errorf("no error for %v", c)
		}
	}
}

func TestGathersArePrinted(t *testing.T) {
	for _, d := range gatherDesigns() {
		back, err := ParseDesign(d.String())
		if err != nil || back.String() != d.String() {
			t.Errorf("%v is read back as %v, %v", d, back, err)
		}
	}
	for _, text := range []string{"0x2x2x0", "1x2x2x0", "0x0x2x1", "0x2x0x1", "0x9999999x2x9999999"} {
		if _, err := ParseDesign(text); err == nil {
			t.Errorf("no error for %s", text)
		}
	}
}
