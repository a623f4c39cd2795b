package ops

import (
	"fmt"
	"math"
	"sort"

	"github.com/kcompress/kcompress/onnx"
)

// nonMaxSuppression is a NonMaxSuppression node: for each image and class it
// selects boxes by falling score, but for those that overlap a selected one.
type nonMaxSuppression struct{ centers bool }

func buildNonMaxSuppression(n *Node) (Kernel, error) {
	v := &nonMaxSuppression{centers: n.Bool("center_point_box", false)}
	return v.run, n.Err()
}

// box is a rectangle by its corners.
type box struct{ top, left, bottom, right float64 }

func (v *nonMaxSuppression) run(c *Call) error {
	boxes, scores := c.Tensor(0), c.Tensor(1)
	for i, t := range []*onnx.Tensor{boxes, scores} {
		if t.Type != onnx.Float32 {
			return c.TypeError(i)
		}
	}
	if boxes.Rank() != 3 || boxes.Shape[2] != 4 {
		return c.ShapeError(0, "[batch,boxes,4]")
	}
	batch, count := boxes.Shape[0], boxes.Shape[1]
	if scores.Rank() != 3 || scores.Shape[0] != batch || scores.Shape[2] != count {
		return c.ShapeError(1, fmt.Sprintf("[%d,classes,%d]", batch, count))
	}
	limit, overlap, least, err := v.parameters(c)
	if err != nil {
		return err
	}
	classes := scores.Shape[1]
	var selected []int64
	for b := range batch {
		rectangles := make([]box, count)
		for i := range rectangles {
			rectangles[i] = v.box(boxes.Float32s()[(b*count+i)*4:])
		}
		for class := range classes {
			if err := c.Context.Err(); err != nil {
				return err
			}
			for _, i := range suppress(rectangles, scores.Float32s()[(b*classes+class)*count:][:count], limit, overlap, least) {
				selected = append(selected, int64(b), int64(class), int64(i))
			}
		}
	}
	y, err := c.Output(0, onnx.Int64, len(selected)/3, 3)
	if err != nil {
		return err
	}
	copy(y.Int64s(), selected)
	return nil
}

// parameters reads the scalar inputs: the number of boxes of a class, the
// overlap above which a box is dropped, and the least score.
func (v *nonMaxSuppression) parameters(c *Call) (limit int, overlap, least float64, err error) {
	least = math.Inf(-1)
	if t := c.Tensor(2); t != nil && t.Len() > 0 {
		n, err := IntsOf(t)
		if err != nil {
			return 0, 0, 0, err
		}
		limit = max(0, n[0])
	}
	for i, p := range map[int]*float64{3: &overlap, 4: &least} {
		if t := c.Tensor(i); t != nil && t.Len() > 0 {
			if t.Type != onnx.Float32 {
				return 0, 0, 0, c.TypeError(i)
			}
			*p = float64(t.Float32s()[0])
		}
	}
	return limit, overlap, least, nil
}

// box reads a box: two opposite corners y1, x1, y2, x2, or center x, center y,
// width, height.
func (v *nonMaxSuppression) box(values []float32) box {
	a, b, d, e := float64(values[0]), float64(values[1]), float64(values[2]), float64(values[3])
	if v.centers {
		return box{top: b - e/2, left: a - d/2, bottom: b + e/2, right: a + d/2}
	}
	return box{top: min(a, d), left: min(b, e), bottom: max(a, d), right: max(b, e)}
}

// suppress returns the selected boxes of one class.
func suppress(boxes []box, scores []float32, limit int, overlap, least float64) []int {
	var order, selected []int
	for i, s := range scores {
		if float64(s) > least || math.IsInf(least, -1) {
			order = append(order, i)
		}
	}
	sort.SliceStable(order, func(i, j int) bool { return scores[order[i]] > scores[order[j]] })
	for _, i := range order {
		if len(selected) >= limit {
			break
		}
		free := true
		for _, s := range selected {
			if boxes[i].overlap(boxes[s]) > overlap {
				free = false
				break
			}
		}
		if free {
			selected = append(selected, i)
		}
	}
	return selected
}

// overlap returns the area of the intersection over that of the union.
func (a box) overlap(b box) float64 {
	height := min(a.bottom, b.bottom) - max(a.top, b.top)
	width := min(a.right, b.right) - max(a.left, b.left)
	if !(height > 0 && width > 0) {
		return 0
	}
	union := a.area() + b.area() - height*width
	if !(union > 0) {
		return 0
	}
	return height * width / union
}

func (a box) area() float64 { return (a.bottom - a.top) * (a.right - a.left) }

func inferNonMaxSuppression(*Node, []Info) ([]Info, error) {
	return []Info{TensorInfo(onnx.Int64, []onnx.Dim{{Size: -1}, {Size: 3}})}, nil
}
