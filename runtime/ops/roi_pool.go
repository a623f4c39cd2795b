package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// maxRoiPool is a MaxRoiPool node: the maximum over the bins of regions whose
// borders are rounded to whole elements (https://arxiv.org/abs/1504.08083).
type maxRoiPool struct {
	height, width int
	scale         float64
}

func buildMaxRoiPool(n *Node) (Kernel, error) {
	shape := n.Ints("pooled_shape")
	if n.Err() == nil && (len(shape) != 2 || shape[0] < 1 || shape[1] < 1) {
		return nil, fmt.Errorf("pooled_shape is %v, expected two positive numbers", shape)
	}
	if err := n.Err(); err != nil {
		return nil, err
	}
	v := &maxRoiPool{height: shape[0], width: shape[1], scale: float64(n.Float("spatial_scale", 1))}
	return v.run, n.Err()
}

func (v *maxRoiPool) run(c *Call) error {
	x, rois := c.Tensor(0), c.Tensor(1)
	if err := sameTypes(c, 1); err != nil {
		return err
	}
	if isHalf(x.Type) {
		return inFloat32(c, v.run)
	}
	if x.Rank() != 4 {
		return c.ShapeError(0, "[batch,channels,height,width]")
	}
	if rois.Rank() != 2 || rois.Shape[1] != 5 {
		return c.ShapeError(1, "[regions,5]")
	}
	y, err := c.Output(0, x.Type, rois.Shape[0], x.Shape[1], v.height, v.width)
	if err != nil || y.Len() == 0 {
		return err
	}
	switch x.Type {
	case onnx.Float32:
		return poolRegions(v, y.Float32s(), x.Float32s(), x.Shape, rois.Float32s())
	case onnx.Float64:
		return poolRegions(v, onnx.View[float64](y), onnx.View[float64](x), x.Shape, onnx.View[float64](rois))
	}
	return c.TypeError(0)
}

func poolRegions[T float](v *maxRoiPool, y, x []T, shape []int, rois []T) error {
	channels, height, width := shape[1], shape[2], shape[3]
	plane, bins := height*width, v.height*v.width
	for r := range len(rois) / 5 {
		image := float64(rois[5*r])
		if !(image >= 0 && image < float64(shape[0])) {
			return fmt.Errorf("batch index %v of region %d is outside of a batch of %d", image, r, shape[0])
		}
		var corner [4]float64 // x1, y1, x2, y2
		for i, k := range rois[5*r+1:][:4] {
			corner[i] = math.Round(float64(k) * v.scale)
			if !(math.Abs(corner[i]) < maxWindow) {
				return fmt.Errorf("coordinate %v of region %d is out of range", k, r)
			}
		}
		for bin := range bins {
			top, bottom := binRange(bin/v.width, v.height, corner[1], corner[3], height)
			left, right := binRange(bin%v.width, v.width, corner[0], corner[2], width)
			for ch := range channels {
				in := x[(int(image)*channels+ch)*plane:][:plane]
				best := T(math.Inf(-1))
				if top >= bottom || left >= right {
					best = 0
				}
				for i := top; i < bottom; i++ {
					for _, v := range in[i*width+left : i*width+max(left, right)] {
						best = max(best, v)
					}
				}
				y[(r*channels+ch)*bins+bin] = best
			}
		}
	}
	return nil
}

// binRange returns the elements along an axis of that size that bin i of count
// covers in a region from first to last.
func binRange(i, count int, first, last float64, size int) (from, to int) {
	step := max(last-first+1, 1) / float64(count)
	from = int(math.Floor(float64(i)*step) + first)
	to = int(math.Ceil(float64(i+1)*step) + first)
	return min(max(from, 0), size), min(max(to, 0), size)
}

func inferMaxRoiPool(n *Node, in []Info) ([]Info, error) {
	x, rois, shape := in[0].Type.Shape, in[1].Type.Shape, n.Ints("pooled_shape")
	if len(x) != 4 || len(rois) != 2 || len(shape) != 2 {
		return []Info{UnknownShape(elemOf(in[0]))}, nil
	}
	return []Info{TensorInfo(elemOf(in[0]), []onnx.Dim{rois[0], x[1], {Size: shape[0]}, {Size: shape[1]}})}, nil
}
