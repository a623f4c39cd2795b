package ops

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// window is the sliding window of convolutions and pools, as the attributes
// kernel_shape, strides, dilations, pads and auto_pad describe it.
type window struct {
	// kernel, strides and dilations have an element for each spatial axis, or
	// are nil where the attribute is absent. pads holds the begins, then the ends.
	kernel, strides, dilations, pads []int
	autoPad                          string
	ceil                             bool
}

// placement is a window laid over an input of known size.
type placement struct {
	// in and out are the sizes of the spatial axes of the input and of the
	// output, begin the padding in front of each, end the padding behind.
	in, out, kernel, strides, dilations, begin, end []int
}

// squeezed returns the placement without the axes along which nothing happens:
// those with one element in the input, the kernel and the output. One axis is
// always left.
func (p *placement) squeezed() *placement {
	q := &placement{}
	for a := range p.in {
		idle := p.in[a] == 1 && p.out[a] == 1 && p.kernel[a] == 1 && p.begin[a] == 0 && p.end[a] == 0
		if idle && (len(q.in) > 0 || a < len(p.in)-1) {
			continue
		}
		q.in, q.out, q.kernel = append(q.in, p.in[a]), append(q.out, p.out[a]), append(q.kernel, p.kernel[a])
		q.strides, q.dilations = append(q.strides, p.strides[a]), append(q.dilations, p.dilations[a])
		q.begin, q.end = append(q.begin, p.begin[a]), append(q.end, p.end[a])
	}
	return q
}

// maxWindow bounds each number of a window, so that sizes do not overflow.
const maxWindow = 1 << 30

// maxSize bounds the size of a spatial axis for the same reason.
const maxSize = 1 << 50

// readWindow reads the attributes of a node.
func readWindow(n *Node) (*window, error) {
	w := &window{
		kernel: n.Ints("kernel_shape"), strides: n.Ints("strides"), dilations: n.Ints("dilations"),
		pads: n.Ints("pads"), autoPad: n.Text("auto_pad", "NOTSET"), ceil: n.Bool("ceil_mode", false),
	}
	switch w.autoPad {
	case "", "NOTSET":
		w.autoPad = "NOTSET"
	case "SAME_UPPER", "SAME_LOWER", "VALID":
	default:
		return nil, fmt.Errorf("auto_pad is %q, expected NOTSET, SAME_UPPER, SAME_LOWER or VALID", w.autoPad)
	}
	for _, list := range []struct {
		name   string
		values []int
		least  int
	}{{"kernel_shape", w.kernel, 1}, {"strides", w.strides, 1}, {"dilations", w.dilations, 1}, {"pads", w.pads, 0}} {
		for _, v := range list.values {
			if v < list.least || v >= maxWindow {
				return nil, fmt.Errorf("%s %v: each must be at least %d and below %d", list.name, list.values, list.least, maxWindow)
			}
		}
	}
	return w, n.Err()
}

// over returns the window with its defaults over an input with the spatial
// sizes in; kernel is used where the node has no kernel_shape.
func (w *window) over(in, kernel []int) (*placement, error) {
	p, err := w.defaults(len(in), kernel)
	if err != nil {
		return nil, err
	}
	p.in, p.out = in, make([]int, len(in))
	for i := range in {
		if err := w.place(p, i); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// defaults returns a placement without sizes: the attributes that are given,
// and the defaults of the others. The padding is the explicit one.
func (w *window) defaults(rank int, kernel []int) (*placement, error) {
	if w.kernel != nil {
		if kernel != nil && !slices.Equal(kernel, w.kernel) {
			return nil, fmt.Errorf("kernel_shape %v does not fit the weight, whose kernel is %v", w.kernel, kernel)
		}
		kernel = w.kernel
	}
	p := &placement{kernel: kernel, strides: w.strides, dilations: w.dilations}
	if p.strides == nil {
		p.strides = ones(rank)
	}
	if p.dilations == nil {
		p.dilations = ones(rank)
	}
	pads := w.pads
	if pads == nil || w.autoPad != "NOTSET" {
		pads = make([]int, 2*rank)
	}
	if len(p.kernel) != rank || len(p.strides) != rank || len(p.dilations) != rank || len(pads) != 2*rank {
		return nil, fmt.Errorf("kernel %v, strides %v, dilations %v and pads %v do not fit %d spatial axes",
			p.kernel, p.strides, p.dilations, pads, rank)
	}
	p.begin, p.end = slices.Clone(pads[:rank]), slices.Clone(pads[rank:])
	return p, nil
}

// isSame reports whether the output is as large as the input divided by the
// stride, padding being added for that.
func (w *window) isSame() bool { return w.autoPad == "SAME_UPPER" || w.autoPad == "SAME_LOWER" }

// place computes the padding and the output size of axis i.
func (w *window) place(p *placement, i int) error {
	extent, err := p.extent(i, p.in[i])
	if err != nil {
		return err
	}
	in, stride := p.in[i], p.strides[i]
	if w.isSame() {
		p.out[i] = (in + stride - 1) / stride
		total := max(0, (p.out[i]-1)*stride+extent-in)
		p.begin[i], p.end[i] = total/2, total-total/2
		if w.autoPad == "SAME_LOWER" {
			p.begin[i], p.end[i] = p.end[i], p.begin[i]
		}
		return nil
	}
	room := in + p.begin[i] + p.end[i] - extent
	switch {
	case room < 0 && in == 0:
		p.out[i] = 0
	case room < 0:
		return fmt.Errorf("the kernel covers %d elements of spatial axis %d, more than the %d of the padded input", extent, i, room+extent)
	case w.ceil && w.autoPad != "VALID":
		p.out[i] = (room+stride-1)/stride + 1
		if (p.out[i]-1)*stride >= in+p.begin[i] {
			p.out[i]-- // a window must not start in the padding behind
		}
	default:
		p.out[i] = room/stride + 1
	}
	return nil
}

// extent returns how many elements of axis i, of the given size, the kernel
// spans. It fails on numbers that would overflow.
func (p *placement) extent(i, size int) (int, error) {
	if size >= maxSize || p.kernel[i] <= 0 || p.kernel[i] >= maxWindow {
		return 0, fmt.Errorf("spatial axis %d: size %d with kernel %d is not possible", i, size, p.kernel[i])
	}
	return (p.kernel[i]-1)*p.dilations[i] + 1, nil
}

// taps returns for output coordinate x of axis i the range of kernel
// elements that lie inside of the input.
func (p *placement) taps(i, x int) (from, to int) {
	start, d := x*p.strides[i]-p.begin[i], p.dilations[i]
	if start < 0 {
		from = (-start + d - 1) / d
	}
	to = p.kernel[i]
	if room := p.in[i] - start; room <= 0 {
		to = 0
	} else if n := (room + d - 1) / d; n < to {
		to = n
	}
	return min(from, to), to
}

func ones(n int) []int {
	v := make([]int, n)
	for i := range v {
		v[i] = 1
	}
	return v
}

// infer returns the sizes of the spatial axes of the output, unknown where the
// input's are.
func (w *window) infer(in []onnx.Dim, kernel []int) []onnx.Dim {
	out := make([]onnx.Dim, len(in))
	sizes := make([]int, len(in))
	for i, d := range in {
		sizes[i] = d.Size
		if !d.Known() { // any size that fits: the axis is left unknown below
			sizes[i] = 1 << 40
		}
	}
	p, err := w.over(sizes, kernel)
	for i, d := range in {
		out[i] = onnx.Dim{Size: -1}
		if err == nil && d.Known() {
			out[i].Size = p.out[i]
		}
	}
	return out
}
