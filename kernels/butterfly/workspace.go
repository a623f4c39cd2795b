package butterfly

import (
	"fmt"
	"slices"
)

// workspaceBytes is how much memory the states of one tile may take, so that
// a pass over a tile stays in the second-level cache.
const workspaceBytes = 1 << 20

// Workspace multiplies chains of one design by many activations and computes
// gradients, tile by tile: a tile goes through all factors, and back, before
// the next one starts. Nothing is allocated after NewWorkspace. A Workspace
// must not be used by two goroutines at once; for work on several threads,
// give each its own and its own part of the activations.
type Workspace struct {
	design Design
	width  int
	input  []float32    // the input of the first factor
	states [][]float32  // states[i] is the result of factor i
	back   [2][]float32 // gradients with respect to two neighbouring states
}

// NewWorkspace returns a workspace for chains of this design, or the error of
// Design.Validate.
func NewWorkspace(d Design) (*Workspace, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	w := &Workspace{design: Design{d.In, d.Out, slices.Clone(d.Patterns)}, width: tileWidth(d)}
	w.input = make([]float32, d.Patterns[0].Columns()*w.width)
	for _, p := range d.Patterns {
		w.states = append(w.states, make([]float32, p.Rows()*w.width))
	}
	for i := range w.back {
		w.back[i] = make([]float32, d.LargestState()*w.width)
	}
	return w, nil
}

// tileWidth is the widest tile whose states fit in workspaceBytes. It depends
// on the design alone, so that results do.
func tileWidth(d Design) int {
	features := d.Patterns[0].Columns()
	for _, p := range d.Patterns {
		features += p.Rows()
	}
	width := 4 * tileStep
	for width > tileStep && features*width*4 > workspaceBytes {
		width /= 2
	}
	return width
}

// NewGradient returns zeros for the values of each factor of the design, the
// form in which gradients are accumulated.
func (d Design) NewGradient() [][]float32 {
	gradient := make([][]float32, len(d.Patterns))
	for i, p := range d.Patterns {
		gradient[i] = make([]float32, p.Values())
	}
	return gradient
}

// Forward computes dst = K src for count activations: src has In features,
// dst has Out features, both in the given layout. The slices must not overlap.
func (w *Workspace) Forward(c *Chain, dst, src []float32, layout Layout, count int) {
	w.check(c)
	checkLength("source", src, c.In, count)
	checkLength("destination", dst, c.Out, count)
	for from := 0; from < count; from += w.width {
		n := min(w.width, count-from)
		window{layout, c.In, count, from, n}.load(w.input, src, w.width)
		w.forwardTile(c, w.input)
		window{layout, c.Out, count, from, n}.store(dst, w.states[len(c.Factors)-1], w.width)
	}
}

// Backward adds to gradient the gradient of the values of each factor, given
// the inputs src [In] and the gradient dDst [Out] with respect to the results
// of count activations, and stores in dSrc [In] the gradient with respect to
// the inputs, unless dSrc is nil. The states between the factors are computed
// again instead of being kept since the forward pass.
func (w *Workspace) Backward(c *Chain, gradient [][]float32, dSrc, src, dDst []float32, layout Layout, count int) {
	w.check(c)
	w.checkGradient(gradient)
	checkLength("source", src, c.In, count)
	checkLength("gradient of the result", dDst, c.Out, count)
	if dSrc != nil {
		checkLength("gradient of the source", dSrc, c.In, count)
	}
	for from := 0; from < count; from += w.width {
		n := min(w.width, count-from)
		in, out := window{layout, c.In, count, from, n}, window{layout, c.Out, count, from, n}
		in.load(w.input, src, w.width)
		w.forwardTile(c, w.input)
		last := c.Factors[len(c.Factors)-1]
		out.load(w.back[0][:last.Rows()*w.width], dDst, w.width)
		d := w.backwardTile(c, gradient, w.input, dSrc != nil)
		if dSrc != nil {
			in.store(dSrc, d, w.width)
		}
	}
}

// forwardTile fills the states from the tile of inputs x.
func (w *Workspace) forwardTile(c *Chain, x []float32) {
	for i, f := range c.Factors {
		if f.IsGather() {
			f.gather(w.states[i], x, w.width)
		} else {
			multiply(w.states[i], x, f.Values, f.Pattern, w.width, false)
		}
		x = w.states[i]
	}
}

// backwardTile goes back from the gradient in back[0] to the tile of inputs x
// and returns the gradient with respect to them, if that is wanted.
func (w *Workspace) backwardTile(c *Chain, gradient [][]float32, x []float32, inputs bool) []float32 {
	d, next := w.back[0], w.back[1]
	for i := len(c.Factors) - 1; i >= 0; i-- {
		f, input := c.Factors[i], x
		if i > 0 {
			input = w.states[i-1]
		}
		if !f.IsGather() {
			accumulate(gradient[i], d, input, f.Pattern, w.width)
		}
		if i == 0 && !inputs {
			break
		}
		if f.IsGather() {
			f.scatter(next[:len(input)], d, w.width)
		} else {
			multiply(next, d, f.Values, f.Pattern, w.width, true)
		}
		d, next = next, d
	}
	return d
}

// check panics if the chain is not of the design of the workspace.
func (w *Workspace) check(c *Chain) {
	ok := c.In == w.design.In && c.Out == w.design.Out && len(c.Factors) == len(w.design.Patterns)
	for i := 0; ok && i < len(c.Factors); i++ {
		f := c.Factors[i]
		ok = f.Pattern == w.design.Patterns[i] && len(f.Values) == f.Pattern.Values() && f.checkIndexes() == nil
	}
	if !ok {
		panic(fmt.Sprintf("butterfly: chain %v in a workspace for %v", c.Design(), w.design))
	}
}

func (w *Workspace) checkGradient(gradient [][]float32) {
	ok := len(gradient) == len(w.design.Patterns)
	for i := 0; ok && i < len(gradient); i++ {
		ok = len(gradient[i]) == w.design.Patterns[i].Values()
	}
	if !ok {
		panic(fmt.Sprintf("butterfly: the gradient does not fit the design %v", w.design))
	}
}

// checkLength panics unless m holds features x count numbers; the kernels
// behind do not check bounds.
func checkLength(what string, m []float32, features, count int) {
	if count < 0 || len(m) < features*count {
		panic(fmt.Sprintf("butterfly: %s of %d numbers, want %d features x %d", what, len(m), features, count))
	}
}
