package butterfly

import (
	"fmt"
	"slices"
)

// workspaceBytes is how much memory the states of one tile may take, so that
// a pass over a tile stays in the second-level cache.
const workspaceBytes = 384 << 10

// Workspace multiplies chains of one design by many activations and computes
// gradients, tile by tile: a tile goes through all factors, and back, before
// the next one starts. Nothing is allocated after NewWorkspace. A Workspace
// must not be used by two goroutines at once; for work on several threads,
// give each its own and its own part of the activations.
type Workspace struct {
	design Design
	width  int
	states [][]float32  // states[i] is the input of factor i, the last is the result
	back   [2][]float32 // gradients with respect to two neighbouring states
	target []float32    // the target of SquaredError, one feature of a tile
}

// NewWorkspace returns a workspace for chains of this design, or the error of
// Design.Validate.
func NewWorkspace(d Design) (*Workspace, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	w := &Workspace{design: Design{d.In, d.Out, slices.Clone(d.Patterns)}, width: tileWidth(d)}
	w.states = append(w.states, make([]float32, d.Patterns[0].Columns()*w.width))
	for _, p := range d.Patterns {
		w.states = append(w.states, make([]float32, p.Rows()*w.width))
	}
	for i := range w.back {
		w.back[i] = make([]float32, d.LargestState()*w.width)
	}
	w.target = make([]float32, w.width)
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

// TileWidth is the number of activations that are processed together. Parts
// of a matrix that begin at multiples of it give the same bits as the whole.
func (w *Workspace) TileWidth() int { return w.width }

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
		w.forwardTile(c, src, window{layout, c.In, count, from, n})
		window{layout, c.Out, count, from, n}.store(dst, w.states[len(c.Factors)], w.width)
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
		w.forwardTile(c, src, in)
		last := c.Factors[len(c.Factors)-1]
		out.load(w.back[0][:last.Rows()*w.width], dDst, w.width)
		d := w.backwardTile(c, gradient, dSrc != nil)
		if dSrc != nil {
			in.store(dSrc, d, w.width)
		}
	}
}

// SquaredError returns the sum over the columns [from, to) of |K x - t|^2,
// where x and t are the columns of src [In, columns] and target
// [Out, columns], both feature-major, and adds its gradient to gradient (nil:
// the error alone). It is the whole step of fitting K to W on L by gradient
// descent, with src = L and target = W L.
//
// For the same bits on any number of threads, split the columns in the same
// way for each, at multiples of TileWidth, give every part a gradient of its
// own, and add the parts in order.
func (w *Workspace) SquaredError(c *Chain, gradient [][]float32, src, target []float32, columns, from, to int) float64 {
	w.check(c)
	if gradient != nil {
		w.checkGradient(gradient)
	}
	checkLength("source", src, c.In, columns)
	checkLength("target", target, c.Out, columns)
	if from < 0 || to > columns || from > to {
		panic(fmt.Sprintf("butterfly: columns [%d, %d) of %d", from, to, columns))
	}
	sum := 0.0
	for ; from < to; from += w.width {
		n := min(w.width, to-from)
		w.forwardTile(c, src, window{FeatureMajor, c.In, columns, from, n})
		sum += w.residualTile(c, target, window{FeatureMajor, c.Out, columns, from, n})
		if gradient != nil {
			w.backwardTile(c, gradient, false)
		}
	}
	return sum
}

// forwardTile fills the states from a window of src.
func (w *Workspace) forwardTile(c *Chain, src []float32, in window) {
	in.load(w.states[0], src, w.width)
	for i, f := range c.Factors {
		multiply(w.states[i+1], w.states[i], f.Values, f.Pattern, w.width, false)
	}
}

// residualTile puts the gradient of the squared error with respect to the
// result into back[0] and returns the squared error.
func (w *Workspace) residualTile(c *Chain, target []float32, out window) float64 {
	sum := 0.0
	result, d := w.states[len(c.Factors)], w.back[0]
	for f := range c.Out {
		t := target[f*out.total+out.from:][:out.count]
		if out.count < w.width {
			n := copy(w.target, t)
			clear(w.target[n:])
			t = w.target
		}
		sum += float64(residual(d[f*w.width:][:w.width], result[f*w.width:][:w.width], t))
	}
	clear(d[c.Out*w.width : len(result)])
	return sum
}

// backwardTile goes back from the gradient in back[0] and returns the
// gradient with respect to the inputs, if that is wanted.
func (w *Workspace) backwardTile(c *Chain, gradient [][]float32, inputs bool) []float32 {
	d, next := w.back[0], w.back[1]
	for i := len(c.Factors) - 1; i >= 0; i-- {
		f := c.Factors[i]
		accumulate(gradient[i], d, w.states[i], f.Pattern, w.width)
		if i == 0 && !inputs {
			break
		}
		multiply(next, d, f.Values, f.Pattern, w.width, true)
		d, next = next, d
	}
	return d
}

// check panics if the chain is not of the design of the workspace.
func (w *Workspace) check(c *Chain) {
	ok := c.In == w.design.In && c.Out == w.design.Out && len(c.Factors) == len(w.design.Patterns)
	for i := 0; ok && i < len(c.Factors); i++ {
		f := c.Factors[i]
		ok = f.Pattern == w.design.Patterns[i] && len(f.Values) == f.Pattern.Values()
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
