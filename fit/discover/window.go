package discover

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// window is the kernel of a Conv and how it moves over the spatial axes.
type window struct {
	kernel, strides, dilations []int
	pads                       []int // at the begin of each axis, then at the end
	auto                       string
}

// window reads the attributes of a Conv, with the defaults of the operator.
func (u Use) window() window {
	axes := len(u.kernel)
	return window{
		kernel: u.kernel, strides: sizes(u.Node, "strides", axes, 1), dilations: sizes(u.Node, "dilations", axes, 1),
		pads: sizes(u.Node, "pads", 2*axes, 0), auto: u.Node.Str("auto_pad", "NOTSET"),
	}
}

// sizes reads an attribute of count numbers, which are all equal by default.
func sizes(n *onnx.Node, name string, count, otherwise int) []int {
	list := make([]int, count)
	given := n.Ints(name)
	for i := range list {
		if list[i] = otherwise; len(given) == count {
			list[i] = int(given[i])
		}
	}
	return list
}

// elements is the number of elements of the kernel.
func (w window) elements() int {
	n := 1
	for _, k := range w.kernel {
		n *= k
	}
	return n
}

// moves reports whether the window does anything else than taking each element
// in turn.
func (w window) moves() bool {
	for i := range w.kernel {
		if w.kernel[i] != 1 || w.strides[i] != 1 || w.padded(i) {
			return true
		}
	}
	return false
}

// padded reports whether axis i may have padding. Windows of one element need
// none for SAME_UPPER and SAME_LOWER.
func (w window) padded(i int) bool {
	if w.auto == "NOTSET" || w.auto == "" {
		return w.pads[i] != 0 || w.pads[i+len(w.kernel)] != 0
	}
	return w.auto != "VALID" && w.kernel[i] != 1
}

// isPointwise reports whether each output is made of one element of each channel.
func (w window) isPointwise() bool {
	for i, k := range w.kernel {
		if k != 1 || w.padded(i) {
			return false
		}
	}
	return true
}

// positions returns the number of positions along axis i of the given size, and
// the padding before it.
func (w window) positions(i, size int) (count, before int) {
	reach := (w.kernel[i]-1)*w.dilations[i] + 1
	switch w.auto {
	case "SAME_UPPER", "SAME_LOWER":
		count = (size + w.strides[i] - 1) / w.strides[i]
		total := max(0, (count-1)*w.strides[i]+reach-size)
		if before = total / 2; w.auto == "SAME_LOWER" {
			before = total - total/2
		}
		return count, before
	case "VALID":
		return max(0, (size-reach)/w.strides[i]+1), 0
	}
	before = w.pads[i]
	return max(0, (size+before+w.pads[i+len(w.kernel)]-reach)/w.strides[i]+1), before
}

// patches returns what the window covers in t [images, channels, spatial...] at
// up to maxVectors positions: vectors of channels x kernel.
func (w window) patches(t *onnx.Tensor) ([]float32, error) {
	axes := len(w.kernel)
	if t.Rank() != axes+2 {
		return nil, fmt.Errorf("expected %d spatial axes, got %v", axes, t)
	}
	size := t.Shape[2:]
	counts, before := make([]int, axes), make([]int, axes)
	places, plane := 1, 1
	for i := range axes {
		counts[i], before[i] = w.positions(i, size[i])
		places *= counts[i]
		plane *= size[i]
	}
	images, channels := t.Shape[0], t.Shape[1]
	all := images * places
	count := min(all, maxVectors)
	offsets := make([]int, w.elements()) // in a plane, -1 for padding
	var vectors []float32
	for v := range count {
		at := v * all / count
		w.covered(offsets, at%places, counts, before, size)
		image := t.Float32s()[at/places*channels*plane:]
		for c := range channels {
			for _, o := range offsets {
				x := float32(0)
				if o >= 0 {
					x = image[c*plane+o]
				}
				vectors = append(vectors, x)
			}
		}
	}
	return vectors, nil
}

// covered sets where in a plane each element of the kernel lies at a position.
func (w window) covered(offsets []int, position int, counts, before, size []int) {
	axes := len(w.kernel)
	start := make([]int, axes)
	for i := axes - 1; i >= 0; i-- {
		start[i] = position%counts[i]*w.strides[i] - before[i]
		position /= counts[i]
	}
	for e := range offsets {
		rest, offset, step := e, 0, 1
		for i := axes - 1; i >= 0; i-- {
			at := start[i] + rest%w.kernel[i]*w.dilations[i]
			rest /= w.kernel[i]
			if at < 0 || at >= size[i] || offset < 0 {
				offset = -1
				continue
			}
			offset += at * step
			step *= size[i]
		}
		offsets[e] = offset
	}
}
