package ops

import sums "github.com/kcompress/kcompress/kernels/conv"

// fewChannels is up to how many input channels the kernel of kernels/conv is
// faster for kernels of one element than a matrix product.
const fewChannels = 24

// convFewChannels convolves with kernels of one element: each output plane is a
// weighted sum of the planes of the image.
func convFewChannels(c *Call, s *convCall, y, x, w, bias []float32) {
	work := fewChannelsWork{s, y, x, w, bias}
	tasks := s.images * s.group
	if c.Pool.Threads() == 1 || tasks == 1 && s.filters*s.inner*s.positions < rangeWork {
		work.part(0, s.positions, 0, tasks)
		return
	}
	block := roundUp(max(1, rangeWork/max(1, s.filters*s.inner)), 16*sums.Step)
	blocks := (s.positions + block - 1) / block
	c.Parallel(tasks*blocks, 1, func(from, to int) {
		for i := from; i < to; i++ {
			first := i % blocks * block
			work.part(first, min(first+block, s.positions), i/blocks, i/blocks+1)
		}
	})
}

type fewChannelsWork struct {
	*convCall
	y, x, w, bias []float32
}

// part computes the positions first to last of some images and groups.
func (s fewChannelsWork) part(first, last, from, to int) {
	filters, channels := s.filters/s.group, s.inner
	// The planes of a block stay in the first cache while all filters pass.
	block := max(4*sums.Step, 6144/channels/sums.Step*sums.Step)
	for i := from; i < to; i++ {
		image := s.x[i*channels*s.plane:][:channels*s.plane]
		plane, step := s.outputsOf(i)
		for at := first; at < last; at += block {
			n := min(block, last-at)
			whole := n / sums.Step * sums.Step
			for f := range filters {
				filter := i%s.group*filters + f
				var b float32
				if s.bias != nil {
					b = s.bias[filter]
				}
				weights := s.w[filter*channels:][:channels]
				out := s.y[(plane+f*step)*s.positions+at:][:n]
				sums.WeightedSum(out[:whole], image[at:], s.planes, weights, b)
				for j := whole; j < n; j++ {
					v := b
					for ch, weight := range weights {
						v += weight * image[ch*s.plane+at+j]
					}
					out[j] = v
				}
			}
		}
	}
}
