package ops

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/kcompress/kcompress/onnx"
)

// buildUnique finds the different elements of a tensor, or the different
// slices along an axis.
func buildUnique(n *Node) (Kernel, error) {
	axis, flat, sorted := n.Int("axis", 0), !n.HasAttr("axis"), n.Bool("sorted", true)
	return func(c *Call) error {
		x := c.Tensor(0)
		shape, at := []int{x.Len()}, 0
		if !flat {
			var err error
			if at, err = Axis(axis, x.Rank()); err != nil {
				return err
			}
			shape = append([]int(nil), x.Shape...)
		}
		compare, err := elementOrder(c)
		if err != nil {
			return err
		}
		g := groupSlices(shape, at, compare, sorted)
		return g.write(c, shape, at)
	}, n.Err()
}

// elementOrder returns a function that compares elements i and j of input 0.
// As in numpy, NaN comes after all numbers and equals itself.
func elementOrder(c *Call) (func(i, j int) int, error) {
	x := c.Tensor(0)
	switch x.Type {
	case onnx.String:
		return func(i, j int) int { return strings.Compare(x.Strings[i], x.Strings[j]) }, nil
	case onnx.Int64:
		v := x.Int64s()
		return func(i, j int) int { return cmp.Compare(v[i], v[j]) }, nil
	case onnx.Uint64:
		v := onnx.View[uint64](x)
		return func(i, j int) int { return cmp.Compare(v[i], v[j]) }, nil
	}
	read, step, err := partReader(x)
	if err != nil {
		return nil, c.TypeError(0)
	}
	return func(i, j int) int {
		if d := compareNaNLast(read(i*step), read(j*step)); d != 0 || step == 1 {
			return d
		}
		return compareNaNLast(read(i*2+1), read(j*2+1)) // imaginary parts
	}, nil
}

// compareNaNLast is cmp.Compare with NaN behind all numbers.
func compareNaNLast(a, b float64) int {
	if math.IsNaN(a) != math.IsNaN(b) {
		return cmp.Compare(b, a)
	}
	return cmp.Compare(a, b)
}

// groups are the slices of a tensor along an axis, equal ones together.
type groups struct {
	first   []int // the first slice of each group
	inverse []int // the group of each slice
	count   []int // the number of slices in each group
}

// groupSlices compares the slices of a tensor of the given shape along axis at.
func groupSlices(shape []int, at int, compare func(i, j int) int, sorted bool) groups {
	outer, size, inner := product(shape[:at]), shape[at], product(shape[at+1:])
	compareSlices := func(i, j int) int {
		for o := range outer {
			for k := range inner {
				if d := compare((o*size+i)*inner+k, (o*size+j)*inner+k); d != 0 {
					return d
				}
			}
		}
		return 0
	}
	order := make([]int, size)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, compareSlices)
	g := groups{inverse: make([]int, size)}
	for k, i := range order {
		if k == 0 || compareSlices(order[k-1], i) != 0 {
			g.first = append(g.first, i)
			g.count = append(g.count, 0)
		}
		g.inverse[i] = len(g.first) - 1
		g.count[len(g.first)-1]++
	}
	if !sorted {
		g.byOccurrence()
	}
	return g
}

// byOccurrence brings the groups into the order in which they first occur.
func (g *groups) byOccurrence() {
	order := make([]int, len(g.first))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(g.first[a], g.first[b]) })
	place := make([]int, len(order))
	first, count := make([]int, len(order)), make([]int, len(order))
	for to, from := range order {
		place[from], first[to], count[to] = to, g.first[from], g.count[from]
	}
	for i, group := range g.inverse {
		g.inverse[i] = place[group]
	}
	g.first, g.count = first, count
}

// write sets the four outputs of Unique.
func (g *groups) write(c *Call, shape []int, at int) error {
	x := c.Tensor(0)
	outer, size, inner := product(shape[:at]), shape[at], product(shape[at+1:])
	out := slices.Clone(shape)
	out[at] = len(g.first)
	y, err := c.Output(0, x.Type, out...)
	if err != nil {
		return err
	}
	if y.Len() > 0 {
		move := blockCopier(y, x, inner)
		for o := range outer {
			for i, from := range g.first {
				move(o*len(g.first)+i, o*size+from)
			}
		}
	}
	for i, values := range [][]int{g.first, g.inverse, g.count} {
		if !c.Wants(i + 1) {
			continue
		}
		t, err := c.Output(i+1, onnx.Int64, len(values))
		if err != nil {
			return err
		}
		for k, v := range values {
			t.Int64s()[k] = int64(v)
		}
	}
	return nil
}

func inferUnique(n *Node, in []Info) ([]Info, error) {
	first, err := inferCompress(n, in)
	if err != nil {
		return nil, err
	}
	out := first
	for range len(n.Outputs) - 1 {
		out = append(out, TensorInfo(onnx.Int64, unknownDims(1)))
	}
	return out, nil
}
