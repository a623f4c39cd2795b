package butterfly

import "fmt"

// A gather is a factor without values: it selects features and adds the
// selected ones m at a time,
//
//	y[i] = x[index[i*m]] + ... + x[index[i*m+m-1]],
//
// which for m = 1 is ONNX's Gather. Permutations would otherwise cost a Benes
// network, and Fourier transforms end in one. Its pattern is (0, rows, columns,
// m). If the state before it has fewer features than it has columns, zeros
// follow them, so that a gather can also select zeros.

// GatherPattern is the pattern of a gather with this many rows and columns that
// adds `terms` features for each row.
func GatherPattern(rows, columns, terms int) Pattern { return Pattern{B: rows, C: columns, D: terms} }

// IsGather tells a gather from a factor with values.
func (p Pattern) IsGather() bool { return p.A == 0 }

// Indexes is the number of indexes of a gather, and zero for other factors.
func (p Pattern) Indexes() int {
	if p.IsGather() {
		return p.B * p.D
	}
	return 0
}

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
	return &Chain{In: in, Out: len(order), Factors: []Factor{gatherFactor(order, in, 1)}}, nil
}

// gatherFactor is the factor of Gather, with some terms in each row.
func gatherFactor(order []int, in, terms int) Factor {
	f := newFactor(GatherPattern(len(order)/terms, in, terms))
	for i, from := range order {
		if from < 0 {
			f.C, from = in+1, in
		}
		f.Indexes[i] = int32(from)
	}
	return f
}

// order undoes gatherFactor for a gather that comes after `in` features.
func (f Factor) order(in int) []int {
	order := make([]int, len(f.Indexes))
	for i, from := range f.Indexes {
		if order[i] = int(from); order[i] >= in {
			order[i] = -1
		}
	}
	return order
}

func (p Pattern) validateGather() error {
	if p.B < 1 || p.C < 1 || p.D < 1 || p.C > MaxSide {
		return fmt.Errorf("pattern %v: sizes of a gather must be positive and its columns at most %d", p, MaxSide)
	}
	if _, ok := product(MaxSide, p.B, p.D); !ok {
		return fmt.Errorf("pattern %v: more than %d indexes", p, MaxSide)
	}
	return nil
}

// checkIndexes reports indexes that do not fit the pattern.
func (f Factor) checkIndexes() error {
	if len(f.Indexes) != f.Pattern.Indexes() {
		return fmt.Errorf("%d indexes, want %d", len(f.Indexes), f.Pattern.Indexes())
	}
	for i, from := range f.Indexes {
		if from < 0 || int(from) >= f.C {
			return fmt.Errorf("index %d is %d, not from 0 to %d", i, from, f.C-1)
		}
	}
	return nil
}

// gather computes the rows of a tile of this width; what lies behind src is
// zero.
func (f *Factor) gather(dst, src []float32, width int) {
	if width == 1 {
		f.gatherSingle(dst, src)
		return
	}
	for i, from := range f.Indexes {
		row := dst[i/f.D*width:][:width]
		at, first := int(from)*width, i%f.D == 0
		switch {
		case at >= len(src) && first:
			clear(row)
		case at >= len(src):
		case first:
			copy(row, src[at:at+width])
		default:
			addTo(row, src[at:at+width])
		}
	}
}

func (f *Factor) gatherSingle(dst, src []float32) {
	if f.D == 1 {
		gatherOnes(dst, src, f.Indexes)
		return
	}
	dst = dst[:f.B]
	for i := range dst {
		sum := float32(0)
		for _, from := range f.Indexes[i*f.D:][:f.D] {
			if uint(from) < uint(len(src)) {
				sum += src[from]
			}
		}
		dst[i] = sum
	}
}

// gatherOnes gathers single features, four at a time.
func gatherOnes(dst, src []float32, indexes []int32) {
	for len(indexes) >= 4 && len(dst) >= 4 {
		a, b, c, d := uint(indexes[0]), uint(indexes[1]), uint(indexes[2]), uint(indexes[3])
		n := uint(len(src))
		if a < n && b < n && c < n && d < n {
			dst[0], dst[1], dst[2], dst[3] = src[a], src[b], src[c], src[d]
		} else {
			gatherSome(dst[:4], src, indexes[:4])
		}
		indexes, dst = indexes[4:], dst[4:]
	}
	gatherSome(dst, src, indexes)
}

// gatherSome is gatherOnes one by one.
func gatherSome(dst, src []float32, indexes []int32) {
	for i, from := range indexes {
		dst[i] = 0
		if int(from) < len(src) {
			dst[i] = src[from]
		}
	}
}

// scatter is the transposed gather: it sets dst to the sums of the rows of src
// that dst's rows went to.
func (f *Factor) scatter(dst, src []float32, width int) {
	clear(dst)
	for i, to := range f.Indexes {
		if at := int(to) * width; at < len(dst) {
			addTo(dst[at:at+width], src[i/f.D*width:][:width])
		}
	}
}

func addTo(dst, src []float32) {
	for i, v := range src {
		dst[i] += v
	}
}

// gatherTransposed returns the transposed gather, which turns f.B features into
// the `features` that were before it.
func (f Factor) gatherTransposed(features int) Factor {
	takers := make([][]int, features)
	most := 1
	for i, from := range f.Indexes {
		if int(from) < features {
			takers[from] = append(takers[from], i/f.D)
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
	return gatherFactor(order, f.B, most)
}
