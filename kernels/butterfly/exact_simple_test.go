package butterfly

import (
	"fmt"
	"math"
	"testing"
)

func TestDiagonalDenseAndLowRank(t *testing.T) {
	r := newRand(11)
	for _, n := range []int{1, 2, 3, 16, 37} {
		d, left, right := make([]float64, n), make([]float64, n*2), make([]float64, 2*(n+1))
		for i := range d {
			d[i] = r.NormFloat64()
		}
		for i := range left {
			left[i] = r.NormFloat64()
		}
		for i := range right {
			right[i] = r.NormFloat64()
		}
		c, err := Diagonal(d)
		checkMatrix(t, "diagonal", c, err, n, n, func(row, column int) float64 {
			if row == column {
				return d[row]
			}
			return 0
		})
		c, err = LowRankProduct(left, right, n, n+1, 2)
		checkMatrix(t, "low rank", c, err, n, n+1, func(row, column int) float64 {
			return left[row*2]*right[column] + left[row*2+1]*right[n+1+column]
		})
		if want := min(2*(2*n+1), n*(n+1)); c.Design().Values() != want {
			t.Errorf("low rank of %d has %d values, want %d", n, c.Design().Values(), want)
		}
		c, err = Dense(left, n, 2)
		checkMatrix(t, "dense", c, err, n, 2, func(row, column int) float64 { return left[row*2+column] })
	}
}

func TestHaarOfEverySize(t *testing.T) {
	for n := 1; n <= 130; n++ {
		c, err := Haar(n)
		levels := 0
		for n>>levels&1 == 0 {
			levels++
		}
		checkMatrix(t, fmt.Sprint("Haar ", n), c, err, n, n, func(row, column int) float64 { return haarEntry(n, levels, row, column) })
	}
}

// haarEntry is the definition: averages, then details from coarse to fine.
func haarEntry(n, levels, row, column int) float64 {
	m := n >> levels
	if row < m {
		if column>>levels == row {
			return math.Pow(2, -float64(levels)/2)
		}
		return 0
	}
	scale := 0
	for row >= m<<(scale+1) {
		scale++
	}
	width := 1 << (levels - scale)
	if t := row - m<<scale; column/width == t {
		if column%width < width/2 {
			return 1 / math.Sqrt(float64(width))
		}
		return -1 / math.Sqrt(float64(width))
	}
	return 0
}

func TestSparseOfEveryKind(t *testing.T) {
	r := newRand(12)
	for _, size := range [][2]int{{1, 1}, {1, 9}, {7, 1}, {16, 16}, {13, 40}, {64, 30}} {
		out, in := size[0], size[1]
		for _, keep := range []func(row, column int) bool{
			func(row, column int) bool { return false },
			func(row, column int) bool { return true },
			func(row, column int) bool { return r.IntN(8) == 0 },
			func(row, column int) bool { return row == 0 || r.IntN(20) == 0 },
			func(row, column int) bool { return column == in-1 || r.IntN(20) == 0 },
			func(row, column int) bool { return max(row-column, column-row) < 3 },
		} {
			dense := make([]float64, out*in)
			var entries []Entry
			for i := range dense {
				if keep(i/in, i%in) {
					dense[i] = r.NormFloat64()
					entries = append(entries, Entry{i / in, i % in, dense[i]})
				}
			}
			c, err := Sparse(out, in, entries)
			checkMatrix(t, fmt.Sprint("sparse ", size, len(entries)), c, err, out, in, func(row, column int) float64 { return dense[row*in+column] })
			if c.Design().Values() > out*in {
				t.Errorf("%d values for %d x %d", c.Design().Values(), out, in)
			}
		}
	}
}

// The information-theoretic size of a sparse matrix is its number of entries;
// the paper's class (BB*)^w_4 with w = 4 ceil(s/n) has 16 w n log2(4 n) values.
func TestSparseIsNearTheNumberOfEntries(t *testing.T) {
	const n = 256
	for count, most := range map[int]float64{n / 2: 1.7, n: 1.5, 4 * n: 1.2, 32 * n: 1.15} {
		r := newRand(uint64(count))
		var entries []Entry
		for _, place := range r.Perm(n * n)[:count] {
			entries = append(entries, Entry{place / n, place % n, r.NormFloat64()})
		}
		c, err := Sparse(n, n, entries)
		if err != nil {
			t.Fatal(err)
		}
		if share := float64(c.Design().Values()) / float64(count); share > most {
			t.Errorf("%d entries take %.2f values each (%v)", count, share, c.Design())
		}
	}
}

func TestBanded(t *testing.T) {
	for _, n := range []int{1, 2, 17, 96} {
		for _, band := range [][2]int{{0, 0}, {1, 2}, {5, 0}, {200, 3}} {
			at := func(row, column int) float64 { return float64(1 + row*3 + column) }
			c, err := Banded(n, n+4, band[0], band[1], at)
			checkMatrix(t, fmt.Sprint("banded ", n, band), c, err, n, n+4, func(row, column int) float64 {
				if column < row-band[0] || column > row+band[1] {
					return 0
				}
				return at(row, column)
			})
		}
	}
}

func TestSimpleConstructionsReject(t *testing.T) {
	nan, inf := []float64{math.NaN()}, []float64{math.Inf(-1)}
	for name, err := range map[string]error{
		"NaN diagonal":       second(Diagonal(nan)),
		"empty diagonal":     second(Diagonal(nil)),
		"infinite matrix":    second(Dense(inf, 1, 1)),
		"short matrix":       second(Dense([]float64{1}, 1, 2)),
		"negative sides":     second(Dense(nil, -1, -1)),
		"rank 0":             second(LowRankProduct(nil, nil, 3, 3, 0)),
		"NaN low rank":       second(LowRankProduct(nan, nan, 1, 1, 1)),
		"Haar of 0":          second(Haar(0)),
		"Haar of 2^30":       second(Haar(1 << 30)),
		"entry outside":      second(Sparse(2, 2, []Entry{{2, 0, 1}})),
		"NaN entry":          second(Sparse(2, 2, []Entry{{0, 0, math.NaN()}})),
		"entry there before": second(Sparse(4, 4, []Entry{{0, 0, 1}, {0, 0, 2}})),
		"no sides":           second(Sparse(0, 2, nil)),
		"negative band":      second(Banded(2, 2, -1, 0, nil)),
	} {
		if err == nil {
			t.Errorf("no error for %s", name)
		}
	}
}

func second(_ *Chain, err error) error { return err }
