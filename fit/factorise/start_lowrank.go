package factorise

import (
	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/kernels/gemm"
)

// A chain of three factors whose middle blocks are all ones is a sum of outer
// products, one for each middle block, if that block takes one row of every
// block of the first factor and gives to one column of every block of the last.
// Then the chain holds every matrix of that rank. A BB* of two digits is of this
// kind: its blocks are U_i diag(s_ij) V_j, which is BLAST (arXiv 2410.21262).

// holdsLowRank says whether a design is such a chain.
func holdsLowRank(d butterfly.Design) bool {
	if len(d.Patterns) != 3 {
		return false
	}
	first, middle, last := d.Patterns[0], d.Patterns[1], d.Patterns[2]
	if middle.C != first.Blocks() || middle.B != last.Blocks() {
		return false
	}
	for index := range middle.Blocks() {
		if !differentBlocks(middle.C, func(q int) int { return blockOf(inputOf(middle, index, q), first.B, first.D) }) ||
			!differentBlocks(middle.B, func(p int) int { return blockOf(outputOf(middle, index, p), last.C, last.D) }) {
			return false
		}
	}
	return true
}

// inputOf and outputOf are the features that a block reads and writes.
func inputOf(p butterfly.Pattern, index, q int) int {
	return (index/p.D*p.C+q)*p.D + index%p.D
}

func outputOf(p butterfly.Pattern, index, row int) int {
	return (index/p.D*p.B+row)*p.D + index%p.D
}

// blockOf is the block of a feature on the side of a factor that has `size`
// features in every block, at distances of `step`.
func blockOf(feature, size, step int) int {
	return feature/(size*step)*step + feature%step
}

// positionIn is the position of a feature within that block.
func positionIn(feature, size, step int) int { return feature / step % size }

// differentBlocks says whether block(0), ... block(count-1) are all different.
func differentBlocks(count int, block func(int) int) bool {
	seen := make([]bool, count)
	for i := range count {
		if seen[block(i)] {
			return false
		}
		seen[block(i)] = true
	}
	return true
}

// lowRankStart is the chain of ones in the middle that equals the best matrix
// of its rank.
func (p *Problem) lowRankStart(d butterfly.Design) (*butterfly.Chain, error) {
	in, out := p.layer.In, p.layer.Out
	c := butterfly.NewChain(d)
	first, middle, last := c.Factors[0], c.Factors[1], c.Factors[2]
	rank := min(middle.Blocks(), in, out)
	u, err := p.leftDirections(rank)
	if err != nil {
		return nil, err
	}
	left, right := make([]float32, out*rank), make([]float32, rank*in)
	copyColumns(left, u, out, rank)
	gemm.Multiply(right, left, p.layer.Weight, rank, in, out, gemm.Options{TransposeA: true})
	scale(right, 1/p.weightScale)
	shareWeight(left, right, out, rank, in)
	for i := range middle.Values {
		middle.Values[i] = 1
	}
	for j := range rank {
		for q := range middle.C {
			setRow(first, inputOf(middle.Pattern, j, q), right[j*in:][:in])
		}
		for r := range middle.B {
			setColumn(last, outputOf(middle.Pattern, j, r), left[j:], rank, out)
		}
	}
	return c, nil
}

// setRow stores in one row of a factor the values of v at its columns.
func setRow(f butterfly.Factor, row int, v []float32) {
	block, position := blockOf(row, f.B, f.D), positionIn(row, f.B, f.D)
	for q := range f.C {
		if column := inputOf(f.Pattern, block, q); column < len(v) {
			f.Values[(block*f.B+position)*f.C+q] = v[column]
		}
	}
}

// setColumn stores in one column of a factor the values v[i*step] at its
// rows i < count.
func setColumn(f butterfly.Factor, column int, v []float32, step, count int) {
	block, position := blockOf(column, f.C, f.D), positionIn(column, f.C, f.D)
	for r := range f.B {
		if row := outputOf(f.Pattern, block, r); row < count {
			f.Values[(block*f.B+r)*f.C+position] = v[row*step]
		}
	}
}
