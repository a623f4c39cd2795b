package recognise

import (
	"math"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
)

// leastRow is the share of the largest row's norm that the error of a row is at
// least relative to: rows that are nothing but rounding noise may become zero.
const leastRow = 1e-3

// checked returns the structure with its error, or nil if it does not give the
// weight back. Whatever a detector says, nothing else leaves this package.
func (m *matrix) checked(s *Structure) *Structure {
	if s == nil || s.Chain.Validate() != nil || s.Chain.In != m.in || s.Chain.Out != m.out {
		return nil
	}
	c := &comparison{m: m}
	if !columns(s.Chain, c.add) || !c.close() {
		return nil
	}
	s.Error = math.Sqrt(c.difference / c.norm)
	return s
}

// comparison sums up squared differences, by row.
type comparison struct {
	m                *matrix
	rows             []float64
	difference, norm float64
	// worst is the largest difference in units of half a rounding step of the
	// element, or of its row; rounding is the sum of the squares of those.
	worst, rounding float64
}

// add compares column j with the weight's; it returns false once the rest does
// not matter.
func (c *comparison) add(j int, column []float32) bool {
	if c.rows == nil {
		c.rows = make([]float64, c.m.out)
	}
	for i, v := range column {
		want := float64(c.m.w[i*c.m.in+j])
		d := float64(v) - want
		c.rows[i] += d * d
		c.difference += d * d
		c.norm += want * want
		if c.m.grid.kind != noGrid {
			half := c.m.grid.half(want)
			c.rounding += half * half
			typical := c.m.grid.half(c.m.rowNorms[i] / math.Sqrt(float64(c.m.in)))
			c.worst = max(c.worst, math.Abs(d)/max(half, typical))
		}
	}
	return c.difference <= 1e-2*c.m.largest*c.m.largest*float64(c.m.out) && !math.IsNaN(c.difference)
}

// close reports whether the weight is given back: within Tolerance as a whole
// and in every row, or within the rounding that the weight went through.
func (c *comparison) close() bool {
	if c.norm == 0 || math.IsNaN(c.difference) {
		return false
	}
	if c.m.grid.kind != noGrid && c.worst <= mostHalfSteps && c.difference <= meanHalfSteps*meanHalfSteps*c.rounding {
		return true
	}
	if c.difference > Tolerance*Tolerance*c.norm {
		return false
	}
	for i, d := range c.rows {
		if math.Sqrt(d) > Tolerance*max(c.m.rowNorms[i], leastRow*c.m.largest) {
			return false
		}
	}
	return true
}

// A rounded number is at most half a step from the one before, on average 0.58
// of half a step. What is estimated from rounded numbers is a little off too.
const (
	mostHalfSteps = 2
	meanHalfSteps = 0.65
)

// columns calls visit with the columns of the chain's matrix until it returns
// false, and reports whether it saw them all.
func columns(chain *butterfly.Chain, visit func(j int, column []float32) bool) bool {
	kernel, err := butterfly.Prepare(chain)
	if err != nil {
		return false
	}
	const batch = 16
	x, y := make([]float32, batch*chain.In), make([]float32, batch*chain.Out)
	scratch := make([]float32, kernel.ScratchSize(batch))
	for j := 0; j < chain.In; j += batch {
		n := min(batch, chain.In-j)
		clear(x)
		for r := range n {
			x[r*chain.In+j+r] = 1
		}
		kernel.Apply(y, x, n, butterfly.Epilogue{}, scratch)
		for r := range n {
			if !visit(j+r, y[r*chain.Out:][:chain.Out]) {
				return false
			}
		}
	}
	return true
}

// grid is the set of numbers that the weight was rounded to.
type grid struct {
	kind gridKind
	step float64 // of an int8Grid
}

type gridKind uint8

const (
	noGrid gridKind = iota
	float16Grid
	int8Grid
)

// half is half the distance of the numbers of the grid around v.
func (g grid) half(v float64) float64 {
	if g.kind == int8Grid {
		return g.step / 2
	}
	_, exponent := math.Frexp(v) // v = f 2^exponent, 1/2 <= f < 1
	return math.Ldexp(1, max(exponent, -13)-12)
}

// findGrid reports whether all elements are numbers of float16, or multiples of
// one step up to 255 of it. A step that is large beside the largest element is
// none: small whole numbers are exact.
func findGrid(m *matrix) grid {
	if step := int8Step(m); step > 0 {
		return grid{int8Grid, step}
	}
	for _, v := range m.w {
		if v != onnx.Float16Value(onnx.Float16Bits(v)) {
			return grid{}
		}
	}
	return grid{kind: float16Grid}
}

// The largest whole numbers that rounding to int8 or uint8 leaves.
const (
	leastInt8, mostInt8 = 64, 255
)

// int8Step returns the step of a weight that was rounded to int8 with one scale,
// 0 if it was not.
func int8Step(m *matrix) float64 {
	largest := 0.0
	for _, v := range m.w {
		largest = max(largest, math.Abs(float64(v)))
	}
	for count := leastInt8; count <= mostInt8; count++ {
		step := largest / float64(count)
		whole := true
		for _, v := range m.w {
			x := float64(v) / step
			if math.Abs(x-math.Round(x)) > 1e-3 {
				whole = false
				break
			}
		}
		if whole {
			return step
		}
	}
	return 0
}
