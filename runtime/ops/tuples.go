package ops

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/kcompress/kcompress/onnx"
)

// tuplePlan says where the index tuples of GatherND and ScatterND point:
// tuples from to from+count-1 stand for neighbouring blocks of data.
type tuplePlan struct {
	dataShape []int
	runs      []tupleRun
}

type tupleRun struct{ block, from, count int }

// newTuplePlan reads index tuples: the last axis of indices holds the indices
// of a tuple, which are for the axes of data from batch on. Every index must be
// in range.
func newTuplePlan(dataShape []int, indices *onnx.Tensor, batch int) (*tuplePlan, error) {
	if indices.Rank() == 0 {
		return nil, fmt.Errorf("indices are a scalar")
	}
	last := indices.Rank() - 1
	length := indices.Shape[last]
	if batch < 0 || batch > last || batch+length > len(dataShape) {
		return nil, fmt.Errorf("tuples of %d indices after %d batch axes do not fit data of shape %v", length, batch, dataShape)
	}
	if !slices.Equal(dataShape[:batch], indices.Shape[:batch]) {
		return nil, fmt.Errorf("data of shape %v and indices of shape %v differ in %d batch axes", dataShape, indices.Shape, batch)
	}
	values, err := IntsOf(indices)
	if err != nil {
		return nil, err
	}
	p := &tuplePlan{dataShape: slices.Clone(dataShape)}
	axes := dataShape[batch : batch+length]
	each := product(indices.Shape[batch:last]) // tuples of one batch element
	for i := range product(indices.Shape[:last]) {
		block := i / each
		for a, v := range values[i*length : (i+1)*length] {
			size := axes[a]
			if v < -size || v >= size {
				return nil, fmt.Errorf("index %d is outside of an axis of %d", v, size)
			}
			if v < 0 {
				v += size
			}
			block = block*size + v
		}
		if n := len(p.runs); n > 0 && p.runs[n-1].block+p.runs[n-1].count == block {
			p.runs[n-1].count++
		} else {
			p.runs = append(p.runs, tupleRun{block, i, 1})
		}
	}
	return p, nil
}

// tuplePlanner makes the plan of each call, once for all if the indices are
// constant.
type tuplePlanner struct {
	constant bool
	batch    int
	last     atomic.Pointer[tuplePlan]
}

func newTuplePlanner(n *Node, batch int) *tuplePlanner {
	return &tuplePlanner{constant: n.Constant(1) != nil, batch: batch}
}

func (t *tuplePlanner) plan(data, indices *onnx.Tensor) (*tuplePlan, error) {
	if p := t.last.Load(); p != nil && slices.Equal(p.dataShape, data.Shape) {
		return p, nil
	}
	p, err := newTuplePlan(data.Shape, indices, t.batch)
	if err == nil && t.constant {
		t.last.Store(p)
	}
	return p, err
}
