package factorise

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/kernels/gemm"
)

// LowRank returns the chain of this rank with the least weighted error. With
// T = W R, that is U U' W, where the columns of U are the first left singular
// vectors of T (SVD-LLM, arXiv 2403.07378, without its inverse of R). Ranks above
// the smaller side of the layer are cut to it. The singular vectors are kept
// for later calls; those of large layers come from a randomised method (see
// findDirections), whose error is within a fraction of a percent of the least.
// It reports a rank below 1.
func (p *Problem) LowRank(rank int) (Result, error) {
	begin := time.Now()
	if rank < 1 {
		return Result{}, fmt.Errorf("low rank: rank %d must be at least 1", rank)
	}
	rank = min(rank, p.layer.In, p.layer.Out)
	d, err := butterfly.LowRank(p.layer.In, p.layer.Out, rank)
	if err != nil {
		return Result{}, err
	}
	c := butterfly.NewChain(d)
	if p.weightScale == 0 {
		return Result{Chain: c, Duration: time.Since(begin)}, nil
	}
	u, err := p.leftDirections(rank)
	if err != nil {
		return Result{}, err
	}
	right, left := c.Factors[0].Values, c.Factors[1].Values
	copyColumns(left, u, p.layer.Out, rank)
	gemm.Multiply(right, left, p.layer.Weight, rank, p.layer.In, p.layer.Out, gemm.Options{TransposeA: true})
	shareWeight(left, right, p.layer.Out, rank, p.layer.In)
	return Result{Chain: c, Error: p.Error(c), BlindError: p.BlindError(c), Duration: time.Since(begin)}, nil
}

// directions are orthonormal columns [Out, count].
type directions struct {
	count   int
	columns []float32
}

// leftDirections returns at least `rank` of the first left singular vectors of
// the target. How many are computed depends on the rank alone, so that the
// order of calls does not change a result.
func (p *Problem) leftDirections(rank int) (directions, error) {
	most := min(p.layer.In, p.layer.Out)
	count := min(directionCount(rank), most)
	if most <= exactSide {
		count = most
	}
	p.singular.Lock()
	defer p.singular.Unlock()
	if u, ok := p.directions[count]; ok {
		return u, nil
	}
	columns, err := p.findDirections(count)
	if err != nil {
		return directions{}, err
	}
	u := directions{count, columns}
	if p.directions == nil {
		p.directions = map[int]directions{}
	}
	p.directions[count] = u
	return u, nil
}

// directionCount is the number of directions computed for a rank: a quarter
// more, which makes the last ones that are used accurate, rounded up to one of
// a few sizes, which makes the cache useful.
func directionCount(rank int) int {
	wanted := rank + rank/4 + 8
	for size := 32; ; size *= 2 {
		if wanted <= size {
			return size
		}
		if wanted <= size*3/2 {
			return size * 3 / 2
		}
	}
}

// copyColumns copies the first columns of u to dst [rows, rank].
func copyColumns(dst []float32, u directions, rows, rank int) {
	for i := range rows {
		copy(dst[i*rank:][:rank], u.columns[i*u.count:])
	}
}

// shareWeight scales the columns of left [rows, rank] and the rows of right
// [rank, columns], so that both have the same norm and the product stays.
func shareWeight(left, right []float32, rows, rank, columns int) {
	for j := range rank {
		row := right[j*columns:][:columns]
		share := math.Sqrt(norm(row))
		if share == 0 {
			continue
		}
		scale(row, 1/share)
		for i := range rows {
			left[i*rank+j] *= float32(share)
		}
	}
}

var errDecomposition = errors.New("low rank: the eigenvalue decomposition failed")
