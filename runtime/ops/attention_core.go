package ops

import (
	"math"

	"github.com/kcompress/kcompress/kernels/vec"
)

// heads is a tensor of rows of attention heads in memory: row s of head h of
// batch b begins at b*batch + h*head + s*row.
type heads[T float] struct {
	data             []T
	batch, head, row int
}

// headsOf views data of shape [batch, heads, rows, size], or [batch, rows,
// heads*size] if packed.
func headsOf[T float](data []T, count, rows, size int, packed bool) heads[T] {
	if packed {
		return heads[T]{data, rows * count * size, size, count * size}
	}
	return heads[T]{data, count * rows * size, rows * size, size}
}

// from returns the rows of head h of batch b, from row s on.
func (x heads[T]) from(b, h, s int) []T {
	return x.data[min(len(x.data), b*x.batch+h*x.head+s*x.row):]
}

// scaledAttention is softmax(scale Q K' + bias) V for a number of heads: query
// head h uses key and value head h / (queryHeads/keyHeads).
type scaledAttention[T float] struct {
	batch, queryHeads, keyHeads int
	// queries and keys are the lengths of the sequences, size and valueSize
	// the widths of a head.
	queries, keys, size, valueSize int
	q, k, v, y                     heads[T]
	scale                          float64
	softcap                        float64 // 0 for none
	// visible gives the range of keys that a query may attend to; nil is all.
	visible func(b, query int) (from, to int)
	// addBias adds the mask to the scores of a query from key from on; -Inf
	// takes a key out. It may be nil.
	addBias func(scores []T, b, h, query, from int)
	// stage receives all scores, [batch, queryHeads, queries, keys], at the
	// stage that stageKind says; nil if not wanted.
	stage     []T
	stageKind int
}

// The stages of the scores that can be had as an output.
const (
	stageProduct = iota
	stageSoftcap
	stageBias
	stageSoftmax
)

// run computes all heads, split by head and by blocks of queries.
func (a *scaledAttention[T]) run(c *Call) {
	c.Used("attention", a.batch*a.queryHeads*a.queries*a.keys*(a.size+a.valueSize))
	block := min(max(a.queries, 1), max(8, columnElements/max(1, a.keys)))
	blocks := (a.queries + block - 1) / block
	grain := max(1, rangeWork/max(1, block*a.keys*(a.size+a.valueSize)))
	c.Parallel(a.batch*a.queryHeads*blocks, grain, func(from, to int) {
		scores := borrow[T](block * a.keys)
		defer scores.release()
		for i := from; i < to; i++ {
			b, h, first := i/blocks/a.queryHeads, i/blocks%a.queryHeads, i%blocks*block
			a.block(scores.data, b, h, first, min(block, a.queries-first))
		}
	})
}

// block computes the queries from first on of one head.
func (a *scaledAttention[T]) block(scores []T, b, h, first, count int) {
	keyHead := h / (a.queryHeads / a.keyHeads)
	low, high := a.reach(b, first, count)
	width := high - low
	scores = scores[:count*width]
	left := matrix[T]{data: a.q.from(b, h, first), stride: a.q.row}
	right := matrix[T]{data: a.k.from(b, keyHead, low), stride: a.k.row, transposed: true}
	matrixProduct(scores, width, left, right, count, width, a.size, false)
	for i := range count {
		row := scores[i*width:][:width]
		a.finish(row, b, h, first+i, low)
		a.softmax(row)
		a.keep(row, stageSoftmax, b, h, first+i)
	}
	values := matrix[T]{data: a.v.from(b, keyHead, low), stride: a.v.row}
	matrixProduct(a.y.from(b, h, first), a.y.row, matrix[T]{data: scores, stride: width}, values, count, a.valueSize, width, false)
}

// reach returns the range of keys that any query of a block may attend to:
// all if the scores are wanted.
func (a *scaledAttention[T]) reach(b, first, count int) (low, high int) {
	if a.visible == nil || a.stage != nil {
		return 0, a.keys
	}
	low = a.keys
	for i := range count {
		from, to := a.visible(b, first+i)
		if from < to {
			low, high = min(low, from), max(high, to)
		}
	}
	return min(low, high), high
}

// finish turns products into scores: scale, soft cap, mask.
func (a *scaledAttention[T]) finish(row []T, b, h, query, low int) {
	scaleBy(row, T(a.scale))
	a.keep(row, stageProduct, b, h, query)
	if a.softcap != 0 {
		for j, s := range row {
			row[j] = T(a.softcap * math.Tanh(float64(s)/a.softcap))
		}
	}
	a.keep(row, stageSoftcap, b, h, query)
	if a.addBias != nil {
		a.addBias(row, b, h, query, low)
	}
	if a.visible != nil {
		from, to := a.visible(b, query)
		from, to = min(max(from-low, 0), len(row)), min(max(to-low, 0), len(row))
		hidden := T(math.Inf(-1))
		fillWith(row[:from], hidden)
		fillWith(row[max(from, to):], hidden)
	}
	a.keep(row, stageBias, b, h, query)
}

// keep stores the scores of a query if this is the stage that is wanted.
func (a *scaledAttention[T]) keep(row []T, stage, b, h, query int) {
	if a.stage != nil && a.stageKind == stage {
		copy(a.stage[((b*a.queryHeads+h)*a.queries+query)*a.keys:], row)
	}
}

// softmax turns scores into probabilities; a row without visible keys into 0.
func (a *scaledAttention[T]) softmax(row []T) {
	for _, s := range row {
		if !math.IsInf(float64(s), -1) {
			softmaxRow(row)
			return
		}
	}
	clear(row)
}

func softmaxRow[T float](row []T) {
	if single, ok := any(row).([]float32); ok {
		vec.Softmax(single, single)
		return
	}
	largest := T(math.Inf(-1))
	for _, v := range row {
		largest = max(largest, v)
	}
	var sum float64
	for i, v := range row {
		e := math.Exp(float64(v - largest))
		row[i] = T(e)
		sum += e
	}
	for i := range row {
		row[i] = T(float64(row[i]) / sum)
	}
}
