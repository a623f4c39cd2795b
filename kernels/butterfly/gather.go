package butterfly

import (
	"fmt"
	"math"
)

// A gather is a factor without values: it selects features, y[i] = x[index[i]],
// as ONNX's Gather does. Permutations would otherwise cost a Benes network, and
// Fourier transforms end in one. Its pattern is (0, rows, columns, 0). If the
// state before it has fewer features than it has columns, zeros follow them, so
// that a gather can also select zeros.

// GatherPattern is the pattern of a gather of this many rows out of columns.
func GatherPattern(rows, columns int) Pattern { return Pattern{B: rows, C: columns} }

// IsGather tells a gather from a factor with values.
func (p Pattern) IsGather() bool { return p.A == 0 && p.D == 0 }

// Gather returns the chain of y[i] = x[order[i]] for x of `in` features. An
// entry of -1 gives zero; entries may repeat and be left out. It reports sizes
// over the limits and other entries outside [0, in).
func Gather(order []int, in int) (*Chain, error) {
	if in < 1 || len(order) < 1 || in >= MaxSide || len(order) > MaxSide {
		return nil, fmt.Errorf("gather: %d inputs and %d outputs must be between 1 and %d", in, len(order), MaxSide-1)
	}
	for i, from := range order {
		if from < -1 || from >= in {
			return nil, fmt.Errorf("gather: entry %d is %d, not an input from 0 to %d or -1", i, from, in-1)
		}
	}
	return &Chain{In: in, Out: len(order), Factors: []Factor{gatherFactor(order, in)}}, nil
}

// gatherFactor is the factor of Gather.
func gatherFactor(order []int, in int) Factor {
	f := Factor{Pattern: GatherPattern(len(order), in), Indexes: make([]int32, len(order))}
	for i, from := range order {
		if from < 0 {
			f.C, from = in+1, in
		}
		f.Indexes[i] = int32(from)
	}
	return f
}

func (p Pattern) validateGather() error {
	if p.B < 1 || p.C < 1 || p.B > MaxSide || p.C > MaxSide {
		return fmt.Errorf("pattern %v: rows and columns of a gather must be between 1 and %d", p, MaxSide)
	}
	return nil
}

// checkIndexes reports indexes that do not fit the pattern.
func (f Factor) checkIndexes() error {
	if !f.IsGather() {
		if f.Indexes != nil {
			return fmt.Errorf("%d indexes in a factor that is no gather", len(f.Indexes))
		}
		return nil
	}
	if len(f.Indexes) != f.B {
		return fmt.Errorf("%d indexes, want %d", len(f.Indexes), f.B)
	}
	for i, from := range f.Indexes {
		if from < 0 || int(from) >= f.C {
			return fmt.Errorf("index %d is %d, not from 0 to %d", i, from, f.C-1)
		}
	}
	return nil
}

// gather copies rows of a tile of this width; what lies behind src is zero.
func gather(dst, src []float32, indexes []int32, width int) {
	if width == 1 {
		for i, from := range indexes {
			dst[i] = 0
			if int(from) < len(src) {
				dst[i] = src[from]
			}
		}
		return
	}
	for i, from := range indexes {
		row := dst[i*width:][:width]
		if at := int(from) * width; at < len(src) {
			copy(row, src[at:at+width])
		} else {
			clear(row)
		}
	}
}

// scatter is the transposed gather: it clears dst and adds the rows of src.
func scatter(dst, src []float32, indexes []int32, width int) {
	clear(dst)
	for i, to := range indexes {
		at := int(to) * width
		if at >= len(dst) {
			continue
		}
		row := dst[at:][:width]
		for j, v := range src[i*width:][:width] {
			row[j] += v
		}
	}
}

// gatherTransposed returns the transposed gather as factors that turn f.B
// features into the `features` that were before it. Features that it repeats
// are gathered side by side and added.
func (f Factor) gatherTransposed(features int) []Factor {
	takers := make([][]int, features)
	most := 1
	for row, from := range f.Indexes {
		if int(from) < features {
			takers[from] = append(takers[from], row)
			most = max(most, len(takers[from]))
		}
	}
	order := make([]int, features*most)
	for i := range order {
		order[i] = -1
		if t := takers[i/most]; i%most < len(t) {
			order[i] = t[i%most]
		}
	}
	factors := []Factor{gatherFactor(order, f.B)}
	if most > 1 {
		sum := Factor{Pattern: Pattern{features, 1, most, 1}}
		sum.Values = make([]float32, sum.Pattern.Values())
		for i := range sum.Values {
			sum.Values[i] = 1
		}
		factors = append(factors, sum)
	}
	return factors
}

// finite reports whether all values are.
func finite(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
