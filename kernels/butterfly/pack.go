package butterfly

// singleKind is how a factor is multiplied with a single activation.
type singleKind uint8

const (
	singleScalar  singleKind = iota // one output at a time, values not packed
	singleLanes                     // neighbouring blocks in the lanes of a vector
	singleDense                     // neighbouring outputs of a block in the lanes
	singlePermute                   // several small blocks within a vector
)

// preparedFactor is a factor with its values once more in the order in which
// the kernel for single activations reads them.
type preparedFactor struct {
	Factor
	kind    singleKind
	lanes   int       // 8 or 4, for singleLanes and singleDense
	packed  []float32 // nil for singleScalar
	indexes []uint32  // for singlePermute: the lane of input q for output lane j at 8*q+j
}

// mostOutputs is how many vectors of outputs the kernels compute at a time.
const mostOutputs = 8

func prepareFactor(f Factor) preparedFactor {
	prepared := preparedFactor{Factor: f}
	if f.IsGather() {
		return prepared
	}
	switch {
	case f.D >= 8:
		prepared.kind, prepared.lanes = singleLanes, 8
	case f.D == 1 && f.B >= 8:
		prepared.kind, prepared.lanes = singleDense, 8
	case (f.B == 2 || f.B == 4) && f.B == f.C && f.B*f.D <= 8 && 8%(f.B*f.D) == 0 && f.Rows() >= 8:
		prepared.kind, prepared.lanes = singlePermute, 8
	case f.D >= 4:
		prepared.kind, prepared.lanes = singleLanes, 4
	case f.B >= 8:
		prepared.kind, prepared.lanes = singleDense, 8
	case f.B >= 4:
		prepared.kind, prepared.lanes = singleDense, 4
	}
	switch prepared.kind {
	case singleLanes:
		prepared.packed = packLanes(f, prepared.lanes)
	case singleDense:
		prepared.packed = packDense(f, prepared.lanes)
	case singlePermute:
		prepared.packed, prepared.indexes = packPermute(f), permuteIndexes(f.Pattern)
	}
	return prepared
}

// value is the value of input q and output p of block (i,l).
func (f Factor) value(i, l, p, q int) float32 {
	return f.Values[((i*f.D+l)*f.B+p)*f.C+q]
}

// packLanes orders the values by (i, vector of l, tile of outputs, q, output
// in the tile, lane). The last vector ends at the last l.
func packLanes(f Factor, lanes int) []float32 {
	packed := make([]float32, 0, f.A*vectors(f.D, lanes)*lanes*f.B*f.C)
	for i := range f.A {
		for v := range vectors(f.D, lanes) {
			first := min(v*lanes, f.D-lanes)
			eachTile(f.B, func(from, tile int) {
				for q := range f.C {
					for p := from; p < from+tile; p++ {
						for l := first; l < first+lanes; l++ {
							packed = append(packed, f.value(i, l, p, q))
						}
					}
				}
			})
		}
	}
	return packed
}

// packDense orders the values by (l, i, tile of vectors of outputs, q, vector
// in the tile, lane). The last vector ends at the last output.
func packDense(f Factor, lanes int) []float32 {
	n := vectors(f.B, lanes)
	packed := make([]float32, 0, f.A*f.D*n*lanes*f.C)
	for l := range f.D {
		for i := range f.A {
			eachTile(n, func(from, tile int) {
				for q := range f.C {
					for v := from; v < from+tile; v++ {
						first := min(v*lanes, f.B-lanes)
						for p := first; p < first+lanes; p++ {
							packed = append(packed, f.value(i, l, p, q))
						}
					}
				}
			})
		}
	}
	return packed
}

// packPermute orders the values by (vector of outputs, q, lane). The last
// vector ends at the last output.
func packPermute(f Factor) []float32 {
	rows := f.Rows()
	packed := make([]float32, 0, vectors(rows, 8)*8*f.C)
	for v := range vectors(rows, 8) {
		first := min(8*v, rows-8)
		for q := range f.C {
			for row := first; row < first+8; row++ {
				packed = append(packed, f.value(row/(f.B*f.D), row%f.D, row/f.D%f.B, q))
			}
		}
	}
	return packed
}

func permuteIndexes(p Pattern) []uint32 {
	indexes := make([]uint32, 0, 8*p.C)
	for q := range p.C {
		for j := range 8 {
			group, l := j/(p.B*p.D), j%p.D
			indexes = append(indexes, uint32((group*p.C+q)*p.D+l))
		}
	}
	return indexes
}

// vectors is how many vectors hold n numbers.
func vectors(n, lanes int) int { return (n + lanes - 1) / lanes }

// eachTile splits n into tiles as the kernels do, full ones first.
func eachTile(n int, do func(from, tile int)) {
	for from := 0; from < n; from += mostOutputs {
		do(from, min(mostOutputs, n-from))
	}
}
