package butterfly

import (
	"fmt"
	"slices"
)

// Entry is a value of a sparse matrix.
type Entry struct {
	Row, Column int
	Value       float64
}

// Sparse returns the matrix [out, in] with these entries, which must be
// different places, as the smallest of three kinds of chains:
//
//   - rows in groups: the inputs that a group of neighbouring rows sees are
//     gathered beside each other and multiplied by one dense block. This suits
//     banded matrices and convolutions;
//   - the same for the transposed matrix;
//   - rows in pieces of equal length, whose sums a last gather adds up. It stores
//     little more than the entries even if rows have very different lengths.
//
// A dense factor is returned if that is smaller. Paper: (BB*)^w_4 with
// w = 4 ceil(s/n) for s entries, 64 w n log2 n values (arXiv 2012.14966,
// Theorem 3).
func Sparse(out, in int, entries []Entry) (*Chain, error) {
	if err := checkSides("sparse matrix", out, in); err != nil {
		return nil, err
	}
	rows, columns := make([][]Entry, out), make([][]Entry, in)
	for i, e := range entries {
		if e.Row < 0 || e.Row >= out || e.Column < 0 || e.Column >= in || !finite(e.Value) {
			return nil, fmt.Errorf("sparse matrix: entry %d (%+v) is not a finite value in %d rows and %d columns", i, e, out, in)
		}
		rows[e.Row] = append(rows[e.Row], e)
		columns[e.Column] = append(columns[e.Column], Entry{e.Column, e.Row, e.Value})
	}
	for row, list := range rows {
		slices.SortFunc(list, func(a, b Entry) int { return a.Column - b.Column })
		for i := 1; i < len(list); i++ {
			if list[i].Column == list[i-1].Column {
				return nil, fmt.Errorf("sparse matrix: two entries in row %d, column %d", row, list[i].Column)
			}
		}
	}
	best := denseOf(rows, in)
	if 2*len(entries) > out*in {
		return best, nil
	}
	for _, c := range []*Chain{groupedRows(rows, in), groupedRows(columns, out).Transposed(), rowPieces(rows, in)} {
		if chainCost(c) < chainCost(best) {
			best = c
		}
	}
	return best.simplified()
}

// gatherCost is what an index of a gather costs in values.
const gatherCost = 0.25

// chainCost compares chains of one matrix by their values and indexes.
func chainCost(c *Chain) float64 {
	cost := 0.0
	for _, f := range c.Factors {
		cost += float64(len(f.Values)) + gatherCost*float64(len(f.Indexes))
	}
	return cost
}

func denseOf(rows [][]Entry, in int) *Chain {
	f := newFactor(Pattern{1, len(rows), in, 1})
	for i, row := range rows {
		for _, e := range row {
			f.Values[i*in+e.Column] = float32(e.Value)
		}
	}
	return single(f)
}

// groupedRows is the first kind of Sparse, with the best number of rows in a
// group.
func groupedRows(rows [][]Entry, in int) *Chain {
	var best *Chain
	bestCost := 0.0
	for _, size := range []int{1, 8, 16, 32} {
		seen, most := groupColumns(rows, size)
		indexes := len(seen) * most
		cost := float64(indexes) * (float64(size) + gatherCost)
		if indexes <= MaxSide && size*indexes <= MaxValues && (best == nil || cost < bestCost) {
			best, bestCost = groupChain(rows, seen, size, most, in), cost
		}
	}
	if best == nil {
		return denseOf(rows, in)
	}
	return best
}

// groupColumns returns the columns that each group of rows sees, and the
// largest number of them.
func groupColumns(rows [][]Entry, size int) (seen [][]int, most int) {
	most = 1
	for from := 0; from < len(rows); from += size {
		var columns []int
		for _, row := range rows[from:min(from+size, len(rows))] {
			for _, e := range row {
				columns = append(columns, e.Column)
			}
		}
		slices.Sort(columns)
		columns = slices.Compact(columns)
		seen, most = append(seen, columns), max(most, len(columns))
	}
	return seen, most
}

func groupChain(rows [][]Entry, seen [][]int, size, most, in int) *Chain {
	order := make([]int, len(seen)*most)
	f := newFactor(Pattern{len(seen), size, most, 1})
	for g, columns := range seen {
		for q := range most {
			order[g*most+q] = -1
		}
		copy(order[g*most:], columns)
		for p, row := range rows[g*size : min((g+1)*size, len(rows))] {
			for _, e := range row {
				q, _ := slices.BinarySearch(columns, e.Column)
				f.Values[(g*size+p)*most+q] = float32(e.Value)
			}
		}
	}
	if size == 1 {
		f.A, f.D = 1, f.A
		order = interleaved(order, most)
	}
	return &Chain{In: in, Out: len(rows), Factors: []Factor{gatherFactor(order, in, 1), f}}
}

// rowPieces is the last kind of Sparse, with the best length of a piece.
func rowPieces(rows [][]Entry, in int) *Chain {
	longest := 1
	for _, row := range rows {
		longest = max(longest, len(row))
	}
	best, bestCost := longest, 0.0
	for length := 1; length <= longest; length++ {
		pieces, terms := 0, 1
		for _, row := range rows {
			n := (len(row) + length - 1) / length
			pieces, terms = pieces+n, max(terms, n)
		}
		cost := float64(pieces*length)*(1+gatherCost) + gatherCost*float64(terms*len(rows))
		if length == 1 || cost < bestCost {
			best, bestCost = length, cost
		}
	}
	return pieceChain(rows, best, in)
}

func pieceChain(rows [][]Entry, length, in int) *Chain {
	var order []int
	var values []float32
	pieces := make([][]int, len(rows))
	terms := 1
	for i, row := range rows {
		for from := 0; from < len(row); from += length {
			pieces[i] = append(pieces[i], len(order)/length)
			for q := from; q < from+length; q++ {
				if q < len(row) {
					order, values = append(order, row[q].Column), append(values, float32(row[q].Value))
				} else {
					order, values = append(order, -1), append(values, 0)
				}
			}
		}
		terms = max(terms, len(pieces[i]))
	}
	if len(order) == 0 { // no entries at all
		return denseOf(rows, in)
	}
	sums := make([]int, 0, len(rows)*terms)
	for _, list := range pieces {
		for t := range terms {
			if t < len(list) {
				sums = append(sums, list[t])
			} else {
				sums = append(sums, -1)
			}
		}
	}
	count := len(order) / length
	f := Factor{Pattern: Pattern{1, 1, length, count}, Values: values}
	return &Chain{In: in, Out: len(rows), Factors: []Factor{gatherFactor(interleaved(order, length), in, 1), f, gatherFactor(sums, count, terms)}}
}

// interleaved turns the inputs of blocks, block by block, into those of a factor
// whose stride is the number of blocks: neighbouring blocks are then neighbours
// in memory, which the kernels multiply together.
func interleaved(order []int, inputs int) []int {
	result, blocks := make([]int, len(order)), len(order)/inputs
	for i, from := range order {
		result[i%inputs*blocks+i/inputs] = from
	}
	return result
}

// Banded returns the matrix [out, in] that is zero where column-row is below
// -lower or above upper; at gives its other entries. It stores about
// lower+upper+8 values for each row.
func Banded(out, in, lower, upper int, at func(row, column int) float64) (*Chain, error) {
	if err := checkSides("banded matrix", out, in); err != nil {
		return nil, err
	}
	if lower < 0 || upper < 0 {
		return nil, fmt.Errorf("banded matrix: %d diagonals below and %d above the main one", lower, upper)
	}
	var entries []Entry
	for row := range out {
		for column := max(0, row-min(lower, row)); column < in && column-row <= upper; column++ {
			entries = append(entries, Entry{row, column, at(row, column)})
		}
	}
	return Sparse(out, in, entries)
}
