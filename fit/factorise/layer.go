package factorise

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/kernels/butterfly"
)

// MaxInputs is the largest number of inputs of a layer: the root of the
// moment has the square of it.
const MaxInputs = 1 << 14

// Layer is a dense layer y = W x with what is known of its inputs.
type Layer struct {
	In, Out int
	Weight  []float32 // W, [Out, In] row by row
	// Moment is the mean of x x' over the calibration inputs, [In, In],
	// symmetric and positive semidefinite. Only its upper triangle is read.
	// Nil means no data: all inputs count alike.
	Moment []float64
}

// validate reports sizes that are not positive or too large, slices of other
// lengths, and values that are not finite.
func (l Layer) validate() error {
	if l.In < 1 || l.Out < 1 {
		return fmt.Errorf("layer: %d inputs and %d outputs must be positive", l.In, l.Out)
	}
	if l.In > MaxInputs {
		return fmt.Errorf("layer: %d inputs, at most %d can be fitted", l.In, MaxInputs)
	}
	if l.Out > butterfly.MaxValues/l.In {
		return fmt.Errorf("layer: %d inputs and %d outputs make more than %d weights", l.In, l.Out, butterfly.MaxValues)
	}
	if len(l.Weight) != l.In*l.Out {
		return fmt.Errorf("layer: %d weights for %d inputs and %d outputs, want %d", len(l.Weight), l.In, l.Out, l.In*l.Out)
	}
	for i, w := range l.Weight {
		if !isFinite(float64(w)) {
			return fmt.Errorf("layer: weight[%d,%d] is %v", i/l.In, i%l.In, w)
		}
	}
	if l.Moment == nil {
		return nil
	}
	if len(l.Moment) != l.In*l.In {
		return fmt.Errorf("layer: moment of %d values for %d inputs", len(l.Moment), l.In)
	}
	for i, s := range l.Moment {
		if !isFinite(s) {
			return fmt.Errorf("layer: moment[%d,%d] is %v", i/l.In, i%l.In, s)
		}
	}
	for i := range l.In {
		if s := l.Moment[i*l.In+i]; s < 0 {
			return fmt.Errorf("layer: moment[%d,%d] is %v, a mean of squares must not be negative", i, i, s)
		}
	}
	return nil
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
