package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// buildAffineGrid builds AffineGrid (ai.onnx 20): the positions of the elements
// of an image of 2 or 3 axes, between -1 and 1, transformed by affine matrices.
func buildAffineGrid(n *Node) (Kernel, error) {
	align := n.Bool("align_corners", false)
	return func(c *Call) error { return affineGrid(c, align) }, n.Err()
}

func affineGrid(c *Call, align bool) error {
	theta := c.Tensor(0)
	if isHalf(theta.Type) {
		return inFloat32(c, func(c *Call) error { return affineGrid(c, align) })
	}
	size, err := IntsOf(c.Tensor(1))
	if err != nil {
		return err
	}
	axes := len(size) - 2
	if axes != 2 && axes != 3 {
		return fmt.Errorf("size %v: expected batch, channels and 2 or 3 spatial axes", size)
	}
	if want := []int{size[0], axes, axes + 1}; !sameShape(theta.Shape, want) {
		return c.ShapeError(0, fmt.Sprint(want))
	}
	y, err := c.Output(0, theta.Type, append(append([]int{size[0]}, size[2:]...), axes)...)
	if err != nil {
		return err
	}
	switch theta.Type {
	case onnx.Float32:
		fillGrid(y.Float32s(), theta.Float32s(), size, align)
	case onnx.Float64:
		fillGrid(onnx.View[float64](y), onnx.View[float64](theta), size, align)
	default:
		return c.TypeError(0)
	}
	return nil
}

func fillGrid[T float](grid, theta []T, size []int, align bool) {
	spatial := size[2:]
	axes := len(spatial)
	points := sizeOf(spatial)
	at := make([]int, axes)
	position := make([]float64, axes+1) // homogeneous, the last axis first
	position[axes] = 1
	for p := range points {
		unravel(at, p, spatial)
		for a, n := range spatial {
			v := (float64(at[a])+0.5)*2/float64(n) - 1
			if align {
				v = -1
				if n > 1 {
					v += float64(at[a]) * 2 / float64(n-1)
				}
			}
			position[axes-1-a] = v
		}
		for b := range size[0] {
			for a := range axes {
				var sum float64
				for k, v := range position {
					sum += float64(theta[(b*axes+a)*(axes+1)+k]) * v
				}
				grid[(b*points+p)*axes+a] = T(sum)
			}
		}
	}
}

func inferAffineGrid(_ *Node, in []Info) ([]Info, error) {
	size := in[1].Dims
	if len(size) != 4 && len(size) != 5 {
		return []Info{UnknownShape(elemOf(in[0]))}, nil
	}
	shape := append([]onnx.Dim{size[0]}, size[2:]...)
	return []Info{TensorInfo(elemOf(in[0]), append(shape, onnx.Dim{Size: len(size) - 2}))}, nil
}
