package ops

import "github.com/kcompress/kcompress/onnx"

// reduction says how elements of type T are folded into a value of type A and
// what becomes of it.
type reduction[T, A any] struct {
	start A
	// row folds neighbouring elements into the value.
	row func(value A, x []T) A
	// column folds x[i] into values[i].
	column func(values []A, x []T)
	// finish gives the result of count elements.
	finish func(value A, count int) T
}

// reduceLayout holds where the elements of the input lie: those that give
// different results (kept) and those that are folded into one (reduced).
type reduceLayout struct{ kept, reduced nest }

func newReduceLayout(shape []int, reduced []bool) reduceLayout {
	var sizes, steps [2][]int
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		k := truth[int64](reduced[i])
		sizes[k] = append([]int{shape[i]}, sizes[k]...)
		steps[k] = append([]int{step}, steps[k]...)
		step *= shape[i]
	}
	return reduceLayout{
		kept:    newStridedNest(sizes[0], [][]int{steps[0]}),
		reduced: newStridedNest(sizes[1], [][]int{steps[1]}),
	}
}

// columnBlock is the number of results that are computed side by side where
// neighbouring elements belong to different results.
const columnBlock = 256

// reduceOver returns the implementation of a reduction for one element type.
// Each result is folded by one thread, in the order of the elements.
func reduceOver[T onnx.Element, A any](r reduction[T, A]) func(c *Call, l reduceLayout, shape []int) error {
	return func(c *Call, l reduceLayout, shape []int) error {
		y, err := c.Output(0, onnx.TypeOf[T](), shape...)
		if err != nil {
			return err
		}
		dst, src := onnx.View[T](y), onnx.View[T](c.Tensor(0))
		grain := max(1, elementGrain/max(1, l.reduced.total))
		columns := l.kept.step(0) == 1
		if columns {
			grain = max(grain, min(columnBlock, l.kept.total))
		}
		c.Parallel(len(dst), grain, func(from, to int) {
			if columns {
				r.columns(l, dst, src, from, to)
			} else {
				r.rows(l, dst, src, from, to)
			}
		})
		return nil
	}
}

// rows computes results from to to-1 where the elements of one result are
// neighbours.
func (r reduction[T, A]) rows(l reduceLayout, dst, src []T, from, to int) {
	single, length := len(l.reduced.sizes) == 1, l.reduced.total
	l.kept.rows(from, to, func(out, count int, at []int) {
		for i := range count {
			base, value := at[0]+i*l.kept.step(0), r.start
			if single {
				if length > 0 {
					value = r.row(value, src[base:base+length])
				}
			} else {
				l.reduced.rows(0, length, func(_, n int, inner []int) {
					value = r.row(value, src[base+inner[0]:base+inner[0]+n])
				})
			}
			dst[out+i] = r.finish(value, length)
		}
	})
}

// columns computes results from to to-1 where neighbouring elements belong to
// neighbouring results.
func (r reduction[T, A]) columns(l reduceLayout, dst, src []T, from, to int) {
	values := make([]A, columnBlock)
	l.kept.rows(from, to, func(out, count int, at []int) {
		for first := 0; first < count; first += columnBlock {
			n := min(columnBlock, count-first)
			block, base := values[:n], at[0]+first
			for i := range block {
				block[i] = r.start
			}
			l.reduced.rows(0, l.reduced.total, func(_, rows int, inner []int) {
				for k := range rows {
					start := base + inner[0] + k*l.reduced.step(0)
					r.column(block, src[start:start+n])
				}
			})
			for i, v := range block {
				dst[out+first+i] = r.finish(v, l.reduced.total)
			}
		}
	})
}
