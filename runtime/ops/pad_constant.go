package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// padConstant writes x into y so that it begins at before, and a constant, zero
// if there is none, around it: row by row, so that every byte is written once.
func padConstant(c *Call, y, x *onnx.Tensor, before []int, constant *onnx.Tensor) error {
	if constant != nil && (constant.Len() != 1 || constant.Type != y.Type) {
		return fmt.Errorf("constant_value is %v, expected one %v", constant, y.Type)
	}
	last := y.Rank() - 1
	if y.Type == onnx.String || last < 0 || x.Len() == 0 {
		if constant != nil {
			fill(y, constant)
		} else {
			clear(y.Raw())
		}
		copyInside(c, y, x, before)
		return nil
	}
	if y.Len() == 0 {
		return nil
	}
	p := newRowPadder(y, x, before, constant)
	rows := y.Len() / y.Shape[last]
	c.Parallel(rows, max(1, copyGrain/y.Shape[last]), p.rows)
	return nil
}

// rowPadder holds what padConstant knows of the rows, the last axis.
type rowPadder struct {
	y, x   *onnx.Tensor
	before []int
	from   []int  // steps of x, in elements
	border []byte // a row of the constant, nil for zeros
	width  int    // bytes of an element
	// Bytes of a row: where the part from x begins and ends, and where that
	// part begins in x.
	left, right, skip int
}

func newRowPadder(y, x *onnx.Tensor, before []int, constant *onnx.Tensor) *rowPadder {
	last := y.Rank() - 1
	p := &rowPadder{y: y, x: x, before: before, from: steps(x.Shape), width: y.Type.Bits() / 8}
	left := min(max(before[last], 0), y.Shape[last])
	right := max(left, min(before[last]+x.Shape[last], y.Shape[last]))
	p.left, p.right, p.skip = left*p.width, right*p.width, (left-before[last])*p.width
	if constant != nil {
		row := onnx.NewTensor(y.Type, y.Shape[last])
		fill(row, constant)
		p.border = row.Raw()
	}
	return p
}

// rows writes the rows from to to-1.
func (p *rowPadder) rows(from, to int) {
	size := p.y.Shape[p.y.Rank()-1] * p.width
	for r := from; r < to; r++ {
		row := p.y.Raw()[r*size : (r+1)*size]
		at, inside := p.source(r)
		if !inside || p.left == p.right {
			p.fill(row)
			continue
		}
		p.fill(row[:p.left])
		begin := at*p.width + p.skip
		copy(row[p.left:p.right], p.x.Raw()[begin:begin+p.right-p.left])
		p.fill(row[p.right:])
	}
}

// source returns where the row of x begins that row r of y shows.
func (p *rowPadder) source(r int) (at int, inside bool) {
	for a := p.y.Rank() - 2; a >= 0; a-- {
		i := r%p.y.Shape[a] - p.before[a]
		r /= p.y.Shape[a]
		if i < 0 || i >= p.x.Shape[a] {
			return 0, false
		}
		at += i * p.from[a]
	}
	return at, true
}

func (p *rowPadder) fill(part []byte) {
	if p.border == nil {
		clear(part)
	} else {
		copy(part, p.border)
	}
}
