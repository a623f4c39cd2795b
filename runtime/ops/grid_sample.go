package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// sampling holds the operators that read images at computed places:
// GridSample (ai.onnx 16, 20, 22), AffineGrid (20), RoiAlign (10, 16, 22),
// MaxRoiPool (1, 22), and NonMaxSuppression (10, 11) and Col2Im (18), which go
// with them.
var sampling = []Operator{
	{Name: "GridSample", Since: 16, MinInputs: 2, MaxInputs: 2, Build: buildGridSample, Infer: inferGridSample},
	{Name: "AffineGrid", Since: 20, MinInputs: 2, MaxInputs: 2, Build: buildAffineGrid, Infer: inferAffineGrid},
	{Name: "RoiAlign", Since: 10, MinInputs: 3, MaxInputs: 3, Build: buildRoiAlign, Infer: inferRoiAlign},
	{Name: "MaxRoiPool", MinInputs: 2, MaxInputs: 2, Build: buildMaxRoiPool, Infer: inferMaxRoiPool},
	{Name: "NonMaxSuppression", Since: 10, MinInputs: 2, MaxInputs: 5, Build: buildNonMaxSuppression, Infer: inferNonMaxSuppression},
	{Name: "Col2Im", Since: 18, MinInputs: 3, MaxInputs: 3, Build: buildCol2Im, Infer: inferCol2Im},
}

// gridSample is a GridSample node for any number of spatial axes. Version 16
// calls the modes bilinear and bicubic what is linear and cubic since 20.
type gridSample struct {
	mode         string // nearest, linear or cubic
	padding      string // zeros, border or reflection
	alignCorners bool
}

func buildGridSample(n *Node) (Kernel, error) {
	v := &gridSample{mode: n.Text("mode", "linear"), padding: n.Text("padding_mode", "zeros"), alignCorners: n.Bool("align_corners", false)}
	switch v.mode {
	case "bilinear":
		v.mode = "linear"
	case "bicubic":
		v.mode = "cubic"
	}
	if err := checkChoice("mode", v.mode, []string{"nearest", "linear", "cubic"}); err != nil {
		return nil, err
	}
	if err := checkChoice("padding_mode", v.padding, []string{"zeros", "border", "reflection"}); err != nil {
		return nil, err
	}
	return v.run, n.Err()
}

// maxSampleAxes bounds the spatial axes: up to 4^axes elements are weighed.
const maxSampleAxes = 6

func (v *gridSample) run(c *Call) error {
	x, grid := c.Tensor(0), c.Tensor(1)
	if isHalf(x.Type) {
		return inFloat32(c, v.run)
	}
	axes := x.Rank() - 2
	if axes < 1 || axes > maxSampleAxes {
		return c.ShapeError(0, fmt.Sprintf("batch, channels and 1 to %d spatial axes", maxSampleAxes))
	}
	if grid.Rank() != x.Rank() || grid.Shape[0] != x.Shape[0] || grid.Shape[axes+1] != axes {
		return c.ShapeError(1, fmt.Sprintf("batch %d, %d axes of the output and %d coordinates", x.Shape[0], axes, axes))
	}
	places, ok := asFloats[float64](grid)
	if !ok {
		return c.TypeError(1)
	}
	y, err := c.Output(0, x.Type, append([]int{x.Shape[0], x.Shape[1]}, grid.Shape[1:axes+1]...)...)
	if err != nil || y.Len() == 0 {
		return err
	}
	if x.Len() == 0 {
		return c.ShapeError(0, "no empty axis")
	}
	switch x.Type {
	case onnx.Float32:
		sampleGrid(c, v, y.Float32s(), x.Float32s(), x.Shape, places)
		return nil
	case onnx.Float64:
		sampleGrid(c, v, onnx.View[float64](y), onnx.View[float64](x), x.Shape, places)
		return nil
	}
	values, err := x.Floats()
	if err != nil {
		return c.TypeError(0)
	}
	result := onnx.NewTensor(onnx.Float64, y.Shape...)
	sampleGrid(c, v, onnx.View[float64](result), values, x.Shape, places)
	if result, err = result.ConvertTo(x.Type); err != nil {
		return err
	}
	copy(y.Raw(), result.Raw())
	return nil
}

// sampleGrid fills y point by point, for all channels of an image at once.
func sampleGrid[T float](c *Call, v *gridSample, y, x []T, shape []int, places []float64) {
	images, channels, sizes := shape[0], shape[1], shape[2:]
	plane, axes := sizeOf(sizes), len(sizes)
	points := len(places) / axes / images
	c.Parallel(images*points, max(1, rangeWork/256/max(1, channels)), func(from, to int) {
		s := v.newSample(sizes)
		for i := from; i < to; i++ {
			n, p := i/points, i%points
			s.at(places[i*axes:][:axes])
			for ch := range channels {
				image := x[(n*channels+ch)*plane:][:plane]
				y[(n*channels+ch)*points+p] = sampled(s, image)
			}
		}
	})
}

// sample holds the elements of a plane that a point is the weighted sum of.
type sample struct {
	*gridSample
	sizes   []int
	index   []int
	weights []float64
}

func (v *gridSample) newSample(sizes []int) *sample { return &sample{gridSample: v, sizes: sizes} }

func sampled[T float](s *sample, plane []T) T {
	var sum float64
	for i, k := range s.index {
		sum += s.weights[i] * float64(plane[k])
	}
	return T(sum)
}

// at finds the elements for normalised coordinates, the last axis first.
func (s *sample) at(place []float64) {
	s.index, s.weights = append(s.index[:0], 0), append(s.weights[:0], 1)
	for a, size := range s.sizes {
		first, weights, count := s.axisWeights(place[len(place)-1-a], size)
		before := len(s.index)
		for i := range before {
			for k, w := range weights[:count] {
				element := s.element(first+k, size)
				if element < 0 || w == 0 {
					continue
				}
				s.index = append(s.index, s.index[i]*size+element)
				s.weights = append(s.weights, s.weights[i]*w)
			}
		}
		s.index, s.weights = s.index[:copy(s.index, s.index[before:])], s.weights[:copy(s.weights, s.weights[before:])]
	}
}

// axisWeights returns the first element along an axis that a normalised
// coordinate touches, and the weights of it and its followers.
func (s *sample) axisWeights(place float64, size int) (first int, weights [4]float64, count int) {
	low, high := -0.5, float64(size)-0.5
	x := ((place+1)*float64(size) - 1) / 2
	if s.alignCorners {
		low, high = 0, float64(size)-1
		x = (place + 1) / 2 * float64(size-1)
	}
	if s.mode == "nearest" {
		x = math.RoundToEven(x)
	}
	if !(x >= low && x <= high) {
		switch s.padding {
		case "border":
			x = min(max(x, 0), float64(size-1))
		case "reflection":
			x = reflected(x, low, high)
		}
	}
	if math.IsNaN(x) {
		x = -16
	}
	x = min(max(x, -16), float64(size)+16)
	floor := math.Floor(x)
	t := x - floor
	switch s.mode {
	case "nearest":
		return int(x), [4]float64{1}, 1
	case "linear":
		return int(floor), [4]float64{1 - t, t}, 2
	}
	kernel := &resize{cubicA: -0.75}
	for i := range weights {
		weights[i] = kernel.cubicKernel(float64(i-1) - t)
	}
	return int(floor) - 1, weights, 4
}

// element returns the element of an axis for an index that may lie outside, -1
// for zero.
func (s *sample) element(i, size int) int {
	if i >= 0 && i < size {
		return i
	}
	switch s.padding {
	case "border":
		return min(max(i, 0), size-1)
	case "reflection":
		low, high := -0.5, float64(size)-0.5
		if s.alignCorners {
			low, high = 0, float64(size)-1
		}
		return min(max(int(reflected(float64(i), low, high)), 0), size-1)
	}
	return -1
}

// reflected mirrors x at the borders until it lies between them.
func reflected(x, low, high float64) float64 {
	width := high - low
	if width <= 0 {
		return low
	}
	d := math.Mod(math.Abs(x-low), 2*width)
	if d > width {
		d = 2*width - d
	}
	return low + d
}

func inferGridSample(_ *Node, in []Info) ([]Info, error) {
	x, grid := in[0].Type.Shape, in[1].Type.Shape
	if len(x) < 3 || len(grid) != len(x) {
		return []Info{UnknownShape(elemOf(in[0]))}, nil
	}
	return []Info{TensorInfo(elemOf(in[0]), append([]onnx.Dim{x[0], x[1]}, grid[1:len(grid)-1]...))}, nil
}
