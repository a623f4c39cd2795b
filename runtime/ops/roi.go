package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// roiAlign is a RoiAlign node: it pools regions of an image from points between
// the elements (https://arxiv.org/abs/1703.06870). Coordinates are shifted by
// half an element by default since version 16, and never before.
type roiAlign struct {
	height, width, samples int
	scale, shift           float64
	maximum                bool
}

func buildRoiAlign(n *Node) (Kernel, error) {
	v := &roiAlign{height: n.Int("output_height", 1), width: n.Int("output_width", 1), samples: n.Int("sampling_ratio", 0),
		scale: float64(n.Float("spatial_scale", 1))}
	mode, coordinates := n.Text("mode", "avg"), "output_half_pixel"
	if n.Opset >= 16 {
		coordinates = n.Text("coordinate_transformation_mode", "half_pixel")
	}
	if err := checkChoice("mode", mode, []string{"avg", "max"}); err != nil {
		return nil, err
	}
	if err := checkChoice("coordinate_transformation_mode", coordinates, []string{"half_pixel", "output_half_pixel"}); err != nil {
		return nil, err
	}
	if v.height < 0 || v.width < 0 || v.samples < 0 || v.samples > maxRoiSamples {
		return nil, fmt.Errorf("output_height %d, output_width %d and sampling_ratio %d must not be negative or huge", v.height, v.width, v.samples)
	}
	v.maximum = mode == "max"
	if coordinates == "half_pixel" {
		v.shift = 0.5
	}
	return v.run, n.Err()
}

// The bounds of a region: points along one axis of a bin, and in all.
const (
	maxRoiSamples = 1 << 12
	maxRoiPoints  = 1 << 28
)

func (v *roiAlign) run(c *Call) error {
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
	if rois.Rank() != 2 || rois.Shape[1] != 4 {
		return c.ShapeError(1, "[regions,4]")
	}
	images, err := IntsOf(c.Tensor(2))
	if err != nil {
		return err
	}
	if len(images) != rois.Shape[0] {
		return c.ShapeError(2, fmt.Sprintf("[%d]", rois.Shape[0]))
	}
	for _, n := range images {
		if n < 0 || n >= x.Shape[0] {
			return fmt.Errorf("batch index %d is outside of a batch of %d", n, x.Shape[0])
		}
	}
	y, err := c.Output(0, x.Type, rois.Shape[0], x.Shape[1], v.height, v.width)
	if err != nil || y.Len() == 0 {
		return err
	}
	if x.Len() == 0 {
		return c.ShapeError(0, "no empty axis")
	}
	switch x.Type {
	case onnx.Float32:
		return alignRegions(c, v, y.Float32s(), x.Float32s(), x.Shape, rois.Float32s(), images)
	case onnx.Float64:
		return alignRegions(c, v, onnx.View[float64](y), onnx.View[float64](x), x.Shape, onnx.View[float64](rois), images)
	}
	return c.TypeError(0)
}

// region is the part of an image that a RoI covers: the first bin begins at
// y, x, and each has binHeight by binWidth elements with rows by columns points.
type region struct {
	y, x, binHeight, binWidth float64
	rows, columns             int
}

// region reads a RoI, which is x1, y1, x2, y2 in the coordinates of the
// original image.
func (v *roiAlign) region(x1, y1, x2, y2 float64) (region, error) {
	r := region{x: x1*v.scale - v.shift, y: y1*v.scale - v.shift}
	width, height := (x2-x1)*v.scale, (y2-y1)*v.scale
	if v.shift == 0 { // regions of no size are forced to 1 by 1
		width, height = max(width, 1), max(height, 1)
	}
	r.binWidth, r.binHeight = width/float64(v.width), height/float64(v.height)
	rows, columns := math.Ceil(r.binHeight), math.Ceil(r.binWidth)
	if v.samples > 0 {
		rows, columns = float64(v.samples), float64(v.samples)
	}
	if !(rows <= maxRoiSamples && columns <= maxRoiSamples && rows*columns*float64(v.height)*float64(v.width) <= maxRoiPoints) {
		return r, fmt.Errorf("region %v,%v to %v,%v is too large or not a number", x1, y1, x2, y2)
	}
	r.rows, r.columns = int(max(rows, 0)), int(max(columns, 0))
	return r, nil
}

func alignRegions[T float](c *Call, v *roiAlign, y, x []T, shape []int, rois []T, images []int) error {
	regions := make([]region, len(images))
	for i := range regions {
		roi := rois[4*i:]
		var err error
		if regions[i], err = v.region(float64(roi[0]), float64(roi[1]), float64(roi[2]), float64(roi[3])); err != nil {
			return err
		}
	}
	channels, plane := shape[1], shape[2]*shape[3]
	bins := v.height * v.width
	c.Parallel(len(regions), 1, func(from, to int) {
		points := newCorners(shape[2:])
		sums := make([]float64, channels)
		for i := from; i < to; i++ {
			first := x[images[i]*channels*plane:]
			for bin := range bins {
				v.bin(sums, regions[i], bin/v.width, bin%v.width, points, func(ch int) float64 {
					image := first[ch*plane:][:plane]
					if v.maximum {
						return cornerMaximum(points, image)
					}
					return float64(cornerSum(points, image))
				})
				for ch, s := range sums {
					y[(i*channels+ch)*bins+bin] = T(s)
				}
			}
		}
	})
	return nil
}

// bin pools the points of one bin for all channels into sums; value reads a
// channel at the current point.
func (v *roiAlign) bin(sums []float64, r region, row, column int, points *corners, value func(ch int) float64) {
	clear(sums)
	for i := range r.rows {
		for j := range r.columns {
			place := [2]float64{
				r.y + float64(row)*r.binHeight + (float64(i)+0.5)*r.binHeight/float64(r.rows),
				r.x + float64(column)*r.binWidth + (float64(j)+0.5)*r.binWidth/float64(r.columns),
			}
			points.inside(place[:])
			for ch := range sums {
				if s := value(ch); !v.maximum {
					sums[ch] += s
				} else if i+j == 0 || s > sums[ch] {
					sums[ch] = s
				}
			}
		}
	}
	if !v.maximum {
		for ch := range sums {
			sums[ch] /= float64(max(1, r.rows*r.columns))
		}
	}
}

// inside is around for a point at most one element outside of the plane, which
// is moved to the border; further points give nothing.
func (c *corners) inside(point []float64) {
	for a, size := range c.sizes {
		if !(point[a] >= -1 && point[a] <= float64(size)) {
			c.index = c.index[:0]
			return
		}
		point[a] = min(max(point[a], 0), float64(size-1))
	}
	c.around(point)
}

// cornerMaximum is the largest weighted element, as the mode max is defined.
func cornerMaximum[T float](c *corners, plane []T) float64 {
	var best float64
	for i, at := range c.index {
		if v := c.weights[i] * float64(plane[at]); i == 0 || v > best {
			best = v
		}
	}
	return best
}

func inferRoiAlign(n *Node, in []Info) ([]Info, error) {
	x, rois := in[0].Type.Shape, in[1].Type.Shape
	if len(x) != 4 || len(rois) != 2 {
		return []Info{UnknownShape(elemOf(in[0]))}, nil
	}
	return []Info{TensorInfo(elemOf(in[0]), []onnx.Dim{rois[0], x[1], {Size: n.Int("output_height", 1)}, {Size: n.Int("output_width", 1)}})}, nil
}
