package grad

import (
	"fmt"

	"github.com/kcompress/kcompress/runtime/ops"
)

// window is a kernel that slides over the spatial axes of an array. It goes
// from the large side (the input of Conv and pools, the output of
// ConvTranspose) to the small one.
type window struct {
	large, small                        []int // sizes of the spatial axes
	kernel, strides, dilations, padding []int // padding is that in front
}

// newWindow reads the attributes of a node whose spatial axes have the given
// sizes.
func newWindow(n *ops.Node, large, small, kernel []int) (*window, error) {
	w := &window{large: large, small: small, kernel: kernel, strides: n.Ints("strides"), dilations: n.Ints("dilations")}
	if k := n.Ints("kernel_shape"); k != nil {
		w.kernel = k
	}
	rank := len(large)
	for _, list := range []*[]int{&w.strides, &w.dilations} {
		if *list == nil {
			for range rank {
				*list = append(*list, 1)
			}
		}
	}
	pads := n.Ints("pads")
	if err := n.Err(); err != nil {
		return nil, err
	}
	if len(w.kernel) != rank || len(w.strides) != rank || len(w.dilations) != rank || pads != nil && len(pads) != 2*rank {
		return nil, fmt.Errorf("a window of %d axes over %d", len(w.kernel), rank)
	}
	w.padding = make([]int, rank)
	auto, fixed := n.Text("auto_pad", "NOTSET"), n.HasAttr("output_shape")
	for i := range rank {
		total := max(0, (small[i]-1)*w.strides[i]+(w.kernel[i]-1)*w.dilations[i]+1-large[i])
		switch {
		case auto == "SAME_UPPER":
			w.padding[i] = total / 2
		case auto == "SAME_LOWER" || fixed: // output_shape of ConvTranspose shares the rest out so
			w.padding[i] = total - total/2
		case pads != nil && auto != "VALID":
			w.padding[i] = pads[i]
		}
	}
	return w, n.Err()
}

// taps is the number of kernel elements.
func (w *window) taps() int { return sizeOf(w.kernel) }

// runs visits, for one kernel element, the pairs of a small position and the
// large position under that element, in runs along the last axis: count small
// positions from small on, whose large positions begin at large and lie stride
// apart.
func (w *window) runs(tap int, visit func(small, large, count, stride int)) {
	rank := len(w.large)
	offset := make([]int, rank) // of the kernel element, padding taken off
	for i := rank - 1; i >= 0; i-- {
		offset[i] = tap%w.kernel[i]*w.dilations[i] - w.padding[i]
		tap /= w.kernel[i]
	}
	last := rank - 1
	stride := w.strides[last]
	from := max(0, (stride-1-offset[last])/stride)
	if offset[last] >= 0 {
		from = 0
	}
	to := w.small[last]
	if room := w.large[last] - offset[last]; room <= 0 {
		to = 0
	} else {
		to = min(to, (room+stride-1)/stride)
	}
	if from >= to {
		return
	}
	for row := range sizeOf(w.small[:last]) {
		large, step, rest, inside := 0, w.large[last], row, true
		for i := last - 1; i >= 0; i-- {
			at := rest%w.small[i]*w.strides[i] + offset[i]
			rest /= w.small[i]
			inside = inside && at >= 0 && at < w.large[i]
			large += at * step
			step *= w.large[i]
		}
		if inside {
			visit(row*w.small[last]+from, large+from*stride+offset[last], to-from, stride)
		}
	}
}

// columns sets dst, [channels, taps, small positions], to the elements of x,
// [channels, large positions], under the window; padding is 0 (im2col).
func (w *window) columns(dst, x []float32, channels int) {
	clear(dst)
	taps, small, large := w.taps(), sizeOf(w.small), sizeOf(w.large)
	for tap := range taps {
		w.runs(tap, func(s, l, count, stride int) {
			for channel := range channels {
				to, from := dst[(channel*taps+tap)*small+s:], x[channel*large+l:]
				for i := range count {
					to[i] = from[i*stride]
				}
			}
		})
	}
}

// addColumns adds src, as columns makes it, back to dst (col2im).
func (w *window) addColumns(dst, src []float32, channels int) {
	taps, small, large := w.taps(), sizeOf(w.small), sizeOf(w.large)
	for tap := range taps {
		w.runs(tap, func(s, l, count, stride int) {
			for channel := range channels {
				from, to := src[(channel*taps+tap)*small+s:], dst[channel*large+l:]
				for i := range count {
					to[i*stride] += from[i]
				}
			}
		})
	}
}
