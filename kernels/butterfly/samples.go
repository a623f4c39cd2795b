package butterfly

import "fmt"

// Samples are inputs and wanted results of chains of one design, laid out in
// tiles for SquaredError. They are read only and may be shared by goroutines.
type Samples struct {
	width, features, out, tiles int
	src, target                 []float32 // [tiles, features, width] and [tiles, out, width]
}

// NewSamples copies src [In, columns] and target [Out, columns], both
// feature-major. To fit a chain K to a weight W on inputs with the second
// moment S = L L', src is L and target is W L. It reports an invalid design
// and slices of another length.
func NewSamples(d Design, src, target []float32, columns int) (*Samples, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	if columns < 1 || len(src)/columns != d.In || len(src)%columns != 0 {
		return nil, fmt.Errorf("samples: source of %d numbers, want %d inputs x %d columns", len(src), d.In, columns)
	}
	if len(target)/columns != d.Out || len(target)%columns != 0 {
		return nil, fmt.Errorf("samples: target of %d numbers, want %d outputs x %d columns", len(target), d.Out, columns)
	}
	s := &Samples{width: tileWidth(d), features: d.Patterns[0].Columns(), out: d.Out}
	s.tiles = (columns + s.width - 1) / s.width
	s.src = make([]float32, s.tiles*s.features*s.width)
	s.target = make([]float32, s.tiles*s.out*s.width)
	for tile := range s.tiles {
		from := tile * s.width
		n := min(s.width, columns-from)
		window{FeatureMajor, d.In, columns, from, n}.load(s.srcTile(tile), src, s.width)
		window{FeatureMajor, d.Out, columns, from, n}.load(s.targetTile(tile), target, s.width)
	}
	return s, nil
}

// Tiles is the number of parts into which the samples can be split.
func (s *Samples) Tiles() int { return s.tiles }

func (s *Samples) srcTile(tile int) []float32 {
	size := s.features * s.width
	return s.src[tile*size:][:size]
}

func (s *Samples) targetTile(tile int) []float32 {
	size := s.out * s.width
	return s.target[tile*size:][:size]
}

// SquaredError returns the sum over the samples of the tiles [from, to) of
// |K x - t|^2, where t is wanted for x, and adds its gradient with respect to
// the values of each factor to gradient (nil: the error alone). It is the
// whole of a step of gradient descent but for the step itself.
//
// For the same bits on any number of threads, split the tiles in the same way
// for each, give every part a gradient of its own, and add the parts in order.
func (w *Workspace) SquaredError(c *Chain, gradient [][]float32, s *Samples, from, to int) float64 {
	w.check(c)
	if gradient != nil {
		w.checkGradient(gradient)
	}
	if s.width != w.width || s.features*w.width != len(w.input) || s.out != c.Out || from < 0 || to > s.tiles {
		panic(fmt.Sprintf("butterfly: tiles [%d, %d) of %d of samples of another design than %v", from, to, s.tiles, w.design))
	}
	sum := 0.0
	for tile := from; tile < to; tile++ {
		x := s.srcTile(tile)
		w.forwardTile(c, x)
		sum += w.residualTile(c, s.targetTile(tile))
		if gradient != nil {
			w.backwardTile(c, gradient, x, false)
		}
	}
	return sum
}

// residualNumbers is how many squares are added in float32 before the sum
// goes on in float64. It is a multiple of every tile width.
const residualNumbers = 1024

// residualTile puts the gradient of the squared error with respect to the
// result into back[0] and returns the squared error.
func (w *Workspace) residualTile(c *Chain, target []float32) float64 {
	result, d := w.states[len(c.Factors)-1], w.back[0]
	sum := 0.0
	for from := 0; from < len(target); from += residualNumbers {
		to := min(from+residualNumbers, len(target))
		sum += float64(residual(d[from:to], result[from:to], target[from:to]))
	}
	clear(d[len(target):len(result)])
	return sum
}
