package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// Comparisons of tree nodes, in the numbers of TreeEnsemble (version 5).
const (
	treeLEQ = iota
	treeLT
	treeGTE
	treeGT
	treeEQ
	treeNEQ
	treeMember
)

// treeNode is an inner node of a decision tree.
type treeNode struct {
	feature     int
	mode        uint8
	missingTrue bool // NaN goes the way of true
	split       float64
	members     []float64 // of treeMember
	yes, no     int       // a node, or ^leaf for a leaf
}

// treeVote is what a leaf adds to one target.
type treeVote struct {
	target int
	weight float64
}

// forest is an ensemble of decision trees.
type forest struct {
	roots     []int // a node, or ^leaf
	nodes     []treeNode
	leaves    [][]treeVote
	targets   int
	aggregate string // SUM, AVERAGE, MIN, MAX
	base      []float64
}

// holds evaluates the comparison of a node.
func (n *treeNode) holds(v float64) bool {
	if math.IsNaN(v) && n.missingTrue {
		return true
	}
	switch n.mode {
	case treeLEQ:
		return v <= n.split
	case treeLT:
		return v < n.split
	case treeGTE:
		return v >= n.split
	case treeGT:
		return v > n.split
	case treeEQ:
		return v == n.split
	case treeNEQ:
		return v != n.split
	}
	for _, m := range n.members {
		if v == m {
			return true
		}
	}
	return false
}

// check makes sure that every walk ends: no node may be reached twice, so that
// what is below each root is a tree.
func (f *forest) check() error {
	seen := make([]bool, len(f.nodes))
	stack := append([]int(nil), f.roots...)
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		switch {
		case at < 0 && ^at >= len(f.leaves):
			return fmt.Errorf("leaf %d does not exist", ^at)
		case at < 0:
			continue
		case at >= len(f.nodes):
			return fmt.Errorf("node %d does not exist", at)
		case seen[at]:
			return fmt.Errorf("node %d has several parents", at)
		}
		seen[at] = true
		stack = append(stack, f.nodes[at].yes, f.nodes[at].no)
	}
	for _, votes := range f.leaves {
		for _, v := range votes {
			if v.target < 0 || v.target >= f.targets {
				return fmt.Errorf("target %d is not one of %d", v.target, f.targets)
			}
		}
	}
	for i, n := range f.nodes {
		if n.feature < 0 {
			return fmt.Errorf("node %d has feature %d", i, n.feature)
		}
	}
	if len(f.base) != 0 && len(f.base) != 1 && len(f.base) != f.targets {
		return fmt.Errorf("%d base values for %d targets", len(f.base), f.targets)
	}
	return nil
}

// maxFeature returns the largest feature that any node reads.
func (f *forest) maxFeature() int {
	m := -1
	for _, n := range f.nodes {
		m = max(m, n.feature)
	}
	return m
}

// leaf returns the votes that a row of features ends at in one tree.
func (f *forest) leaf(root int, feature func(i int) float64) []treeVote {
	at := root
	for at >= 0 {
		n := &f.nodes[at]
		if n.holds(feature(n.feature)) {
			at = n.yes
		} else {
			at = n.no
		}
	}
	return f.leaves[^at]
}

// score adds up the votes of all trees for a row of features: scores has one
// number for each target. It returns which targets had a vote.
func (f *forest) score(feature func(i int) float64, scores []float64, voted []bool) {
	clear(scores)
	clear(voted)
	for _, root := range f.roots {
		for _, v := range f.leaf(root, feature) {
			switch {
			case !voted[v.target]:
				scores[v.target] = v.weight
			case f.aggregate == "MIN":
				scores[v.target] = min(scores[v.target], v.weight)
			case f.aggregate == "MAX":
				scores[v.target] = max(scores[v.target], v.weight)
			default:
				scores[v.target] += v.weight
			}
			voted[v.target] = true
		}
	}
	if f.aggregate == "AVERAGE" && len(f.roots) > 0 {
		for i := range scores {
			scores[i] /= float64(len(f.roots))
		}
	}
}

// addBase adds the base values.
func (f *forest) addBase(scores []float64) {
	for i := range scores {
		switch {
		case len(f.base) == len(scores):
			scores[i] += f.base[i]
		case len(f.base) == 1:
			scores[i] += f.base[0]
		}
	}
}

// treeInput checks input 0 and returns its rows and how to read it.
func (f *forest) treeInput(c *Call) (rows, columns int, read func(i int) float64, err error) {
	x := c.Tensor(0)
	switch x.Rank() {
	case 1:
		rows, columns = 1, x.Shape[0]
	case 2:
		rows, columns = x.Shape[0], x.Shape[1]
	default:
		return 0, 0, nil, c.ShapeError(0, "[N,F]")
	}
	if m := f.maxFeature(); m >= columns {
		return 0, 0, nil, fmt.Errorf("the trees read feature %d of %d", m, columns)
	}
	if read, err = numberReader(x); err != nil {
		return 0, 0, nil, c.TypeError(0)
	}
	return rows, columns, read, nil
}

// each calls use with the scores of every row.
func (f *forest) each(c *Call, use func(row int, scores []float64, voted []bool)) error {
	rows, columns, read, err := f.treeInput(c)
	if err != nil {
		return err
	}
	grain := max(1, 4096/(len(f.roots)+1))
	c.Parallel(rows, grain, func(from, to int) {
		scores, voted := make([]float64, f.targets), make([]bool, f.targets)
		for r := from; r < to; r++ {
			f.score(func(i int) float64 { return read(r*columns + i) }, scores, voted)
			use(r, scores, voted)
		}
	})
	return nil
}

// regress writes scores with a transform as output 0, [N, targets].
func (f *forest) regress(c *Call, t onnx.DType, transform string) error {
	rows, _, _, err := f.treeInput(c)
	if err != nil {
		return err
	}
	y, err := c.Output(0, t, rows, f.targets)
	if err != nil {
		return err
	}
	write, err := numberWriter(y)
	if err != nil {
		return err
	}
	return f.each(c, func(row int, scores []float64, _ []bool) {
		f.addBase(scores)
		postTransform(transform, scores)
		for i, v := range scores {
			write(row*f.targets+i, v)
		}
	})
}

// numberWriter returns a function that sets element i of a tensor of floats.
func numberWriter(t *onnx.Tensor) (func(i int, v float64), error) {
	switch t.Type {
	case onnx.Float32:
		return func(i int, v float64) { t.Float32s()[i] = float32(v) }, nil
	case onnx.Float64:
		return func(i int, v float64) { onnx.View[float64](t)[i] = v }, nil
	case onnx.Float16:
		return func(i int, v float64) { onnx.View[uint16](t)[i] = onnx.Float16Bits(float32(v)) }, nil
	}
	return nil, fmt.Errorf("%v is not a type of scores", t.Type)
}
