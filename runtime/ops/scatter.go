package ops

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/kcompress/kcompress/onnx"
)

// scatterOps write elements by index into a copy of a tensor. Scatter is the
// name of ScatterElements in opsets 9 and 10. Reductions came with opset 16
// (add, mul) and 18 (max, min).
var scatterOps = []Operator{
	{Name: "Scatter", MinInputs: 3, MaxInputs: 3, Build: buildScatterElements, Infer: inferSame},
	{Name: "ScatterElements", MinInputs: 3, MaxInputs: 3, Build: buildScatterElements, Infer: inferSame},
	{Name: "ScatterND", MinInputs: 3, MaxInputs: 3, Build: buildScatterND, Infer: inferSame},
	{Name: "TensorScatter", MinInputs: 2, MaxInputs: 3, Build: buildTensorScatter, Infer: inferSame},
}

// copyOf makes output 0 a copy of input 0 to write into, over its memory where
// nobody needs it any more.
func copyOf(c *Call) (*onnx.Tensor, error) {
	x := c.Tensor(0)
	y, err := c.OutputOver(0, 0)
	if err != nil {
		return nil, err
	}
	if x.Type == onnx.String {
		copy(y.Strings, x.Strings)
	} else if unsafe.SliceData(x.Raw()) != unsafe.SliceData(y.Raw()) {
		copy(y.Raw(), x.Raw())
	}
	return y, nil
}

// scatterInputs checks that the updates fit the data and have the given shape.
func scatterInputs(c *Call, want []int) error {
	x, updates := c.Tensor(0), c.Tensor(2)
	if updates.Type != x.Type {
		return fmt.Errorf("updates are %v, data is %v", updates.Type, x.Type)
	}
	if !slices.Equal(updates.Shape, want) {
		return c.ShapeError(2, fmt.Sprint(want))
	}
	return nil
}

// unreduced lets a scatter work on packed types if it does not compute.
func unreduced(reduction string, kernel Kernel) Kernel {
	if reduction == "none" {
		return wholeBytes(kernel)
	}
	return kernel
}

func buildScatterElements(n *Node) (Kernel, error) {
	axis, reduction := n.Int("axis", 0), n.Text("reduction", "none")
	if err := checkReduction(reduction); err != nil {
		return nil, err
	}
	return unreduced(reduction, func(c *Call) error {
		x, indices := c.Tensor(0), c.Tensor(1)
		at, step, others, err := elementSteps(x, indices, axis)
		if err != nil {
			return err
		}
		index, err := indexReader(indices, x.Shape[at])
		if err != nil {
			return err
		}
		if err := scatterInputs(c, indices.Shape); err != nil {
			return err
		}
		y, err := copyOf(c)
		if err != nil {
			return err
		}
		merge, err := merger(y, c.Tensor(2), reduction, 1)
		if err != nil {
			return err
		}
		positions(indices.Shape, others, func(i, offset int) { merge(offset+index(i)*step, i) })
		return nil
	}), n.Err()
}

func buildScatterND(n *Node) (Kernel, error) {
	reduction := n.Text("reduction", "none")
	if err := checkReduction(reduction); err != nil {
		return nil, err
	}
	planner := newTuplePlanner(n, 0)
	return unreduced(reduction, func(c *Call) error {
		x, indices := c.Tensor(0), c.Tensor(1)
		plan, err := planner.plan(x, indices)
		if err != nil {
			return err
		}
		last := indices.Rank() - 1
		inner := x.Shape[indices.Shape[last]:]
		if err := scatterInputs(c, slices.Concat(indices.Shape[:last], inner)); err != nil {
			return err
		}
		y, err := copyOf(c)
		if err != nil {
			return err
		}
		size := product(inner)
		if reduction == "none" {
			for _, run := range plan.runs {
				copyRange(y, run.block*size, c.Tensor(2), run.from*size, run.count*size)
			}
			return nil
		}
		merge, err := merger(y, c.Tensor(2), reduction, size)
		if err != nil {
			return err
		}
		for _, run := range plan.runs {
			for i := range run.count {
				merge(run.block+i, run.from+i)
			}
		}
		return nil
	}), n.Err()
}

// buildTensorScatter writes rows into a cache of keys or values.
func buildTensorScatter(n *Node) (Kernel, error) {
	axis, mode := n.Int("axis", -2), n.Text("mode", "linear")
	if mode != "linear" && mode != "circular" {
		return nil, fmt.Errorf("mode %q is neither linear nor circular", mode)
	}
	return wholeBytes(func(c *Call) error {
		x, update := c.Tensor(0), c.Tensor(1)
		at, err := Axis(axis, x.Rank())
		if err != nil {
			return err
		}
		if at == 0 {
			return fmt.Errorf("axis 0 is the batch")
		}
		if update.Type != x.Type || !equalBut(update.Shape, x.Shape, at) {
			return fmt.Errorf("update is %v, which does not fit a cache of %v", update, x)
		}
		starts, err := writeIndices(c, x.Shape[0], x.Shape[at], update.Shape[at], mode == "circular")
		if err != nil {
			return err
		}
		y, err := copyOf(c)
		if err != nil {
			return err
		}
		inner, length, size := product(x.Shape[at+1:]), update.Shape[at], x.Shape[at]
		move := blockCopier(y, update, inner)
		heads := product(x.Shape[1:at])
		for outer := range x.Shape[0] * heads {
			for i := range length {
				move(outer*size+(starts[outer/heads]+i)%size, outer*length+i)
			}
		}
		return nil
	}), n.Err()
}

// writeIndices returns where the update of each sample of the batch begins.
func writeIndices(c *Call, batch, size, length int, circular bool) ([]int, error) {
	if length > size {
		return nil, fmt.Errorf("an update of %d does not fit a cache of %d", length, size)
	}
	starts := make([]int, batch)
	if c.Tensor(2) == nil {
		return starts, nil
	}
	given, err := intsInput(c, 2)
	if err != nil {
		return nil, err
	}
	if len(given) != batch {
		return nil, c.ShapeError(2, fmt.Sprint([]int{batch}))
	}
	for i, v := range given {
		if v < 0 || !circular && v > size-length {
			return nil, fmt.Errorf("write index %d of an update of %d does not fit a cache of %d", v, length, size)
		}
		if size > 0 {
			starts[i] = v % size
		}
		if v == size { // an empty update at the very end
			starts[i] = 0
		}
	}
	return starts, nil
}
