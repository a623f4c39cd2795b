package butterfly

// The kernels of pass.go read the values of a factor from the first to the
// last, in the order in which these functions pack them.

const (
	// lanesTile is how many outputs a lanes kernel computes at a time.
	lanesTile = 4
	// denseTile is how many vectors of outputs a dense kernel computes at a time.
	denseTile = 2
)

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
			eachTile(f.B, lanesTile, func(from, tile int) {
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

// packDense orders the values by (i, tile of vectors of the outputs p*D+l, q,
// vector in the tile, lane). The last vector ends at the last output.
func packDense(f Factor, lanes int) []float32 {
	outputs := f.B * f.D
	n := vectors(outputs, lanes)
	packed := make([]float32, 0, f.A*n*lanes*f.C)
	for i := range f.A {
		eachTile(n, denseTile, func(from, tile int) {
			for q := range f.C {
				for v := from; v < from+tile; v++ {
					first := min(v*lanes, outputs-lanes)
					for o := first; o < first+lanes; o++ {
						packed = append(packed, f.value(i, o%f.D, o/f.D, q))
					}
				}
			}
		})
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

// eachTile splits n into tiles of a size, the last one smaller.
func eachTile(n, size int, do func(from, tile int)) {
	for from := 0; from < n; from += size {
		do(from, min(size, n-from))
	}
}
