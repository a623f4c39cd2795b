package distil

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/onnx"
)

// batches draws the inputs of one step after the other.
type batches struct {
	random  *rand.Rand
	inputs  []onnx.ValueInfo
	batches []map[string]*onnx.Tensor
	// samples says where each sample lies if batches may be drawn sample by
	// sample; else it is nil and batches are taken as they are.
	samples []place
	size    int
	mixup   bool
	order   []int // what is left of this pass through the data
}

// place is a sample of a batch.
type place struct{ batch, row int }

func newBatches(data *calibrate.Data, inputs []onnx.ValueInfo, o Options) (*batches, error) {
	b := &batches{random: rand.New(rand.NewPCG(o.Seed, 0x64697374696c)), inputs: inputs, size: o.BatchSize}
	for _, batch := range data.Batches {
		b.batches = append(b.batches, calibrate.Inputs(batch, inputs))
	}
	if len(b.batches) == 0 || batchSize(b.batches[0]) == 0 {
		return nil, errors.New("no samples to train on")
	}
	if b.uniform() {
		for i, batch := range b.batches {
			for row := range batchSize(batch) {
				b.samples = append(b.samples, place{i, row})
			}
		}
	}
	b.mixup = !o.NoMixup && b.samples != nil && canMix(inputs)
	return b, nil
}

// batchSize is the first size of the inputs, 0 if they differ or have none.
func batchSize(inputs map[string]*onnx.Tensor) int {
	size := -1
	for _, t := range inputs {
		if t.Rank() == 0 || size >= 0 && t.Shape[0] != size {
			return 1
		}
		size = t.Shape[0]
	}
	return max(size, 0)
}

// uniform reports whether samples of any batches can be put together: the model
// takes any number, and all samples have one shape.
func (b *batches) uniform() bool {
	for _, info := range b.inputs {
		shape := info.Type.Shape
		if !info.Type.HasShape || len(shape) == 0 || shape[0].Known() || info.Type.Elem == onnx.String {
			return false
		}
		first := b.batches[0][info.Name].Shape
		for _, batch := range b.batches {
			if s := batch[info.Name].Shape; !slices.Equal(s[1:], first[1:]) || s[0] != batchSize(batch) {
				return false
			}
		}
	}
	return true
}

// canMix reports whether the inputs are continuous: floats or images of bytes,
// and no ids.
func canMix(inputs []onnx.ValueInfo) bool {
	for _, info := range inputs {
		isImage := info.Type.Elem == onnx.Uint8 && len(info.Type.Shape) >= 3
		if info.Type.Elem != onnx.Float32 && !isImage {
			return false
		}
	}
	return len(inputs) > 0
}

// draw returns n of the numbers below total, each once before any comes again.
func (b *batches) draw(n, total int) []int {
	var drawn []int
	for len(drawn) < n {
		if len(b.order) == 0 {
			b.order = b.random.Perm(total)
		}
		take := min(n-len(drawn), len(b.order))
		drawn = append(drawn, b.order[:take]...)
		b.order = b.order[take:]
	}
	return drawn
}

// choose decides on the samples of the next step, or the batch, and on how
// samples are mixed.
func (b *batches) choose() (drawn []int, mix mixture) {
	if b.samples == nil {
		return b.draw(1, len(b.batches)), mix
	}
	size := min(b.size, len(b.samples))
	drawn = b.draw(size, len(b.samples))
	if b.mixup {
		mix = newMixture(b.random, size)
	}
	return drawn, mix
}

// next returns the inputs of the next step.
func (b *batches) next() map[string]*onnx.Tensor {
	drawn, mix := b.choose()
	if b.samples == nil {
		return b.batches[drawn[0]]
	}
	inputs := map[string]*onnx.Tensor{}
	for _, info := range b.inputs {
		t := b.gather(info.Name, drawn)
		if mix.partner != nil {
			t = mix.apply(t)
		}
		inputs[info.Name] = t
	}
	return inputs
}

// gather puts samples together.
func (b *batches) gather(name string, drawn []int) *onnx.Tensor {
	like := b.batches[0][name]
	t := onnx.NewTensor(like.Type, append([]int{len(drawn)}, like.Shape[1:]...)...)
	bytes := len(t.Raw()) / len(drawn)
	for i, d := range drawn {
		at := b.samples[d]
		from := b.batches[at.batch][name].Raw()
		copy(t.Raw()[i*bytes:(i+1)*bytes], from[at.row*bytes:(at.row+1)*bytes])
	}
	return t
}

// mixture is mixup of inputs alone (after Zhang et al., arXiv 1710.09412): half
// of the samples become l a + (1-l) b with l uniform; the teacher labels them.
type mixture struct {
	share   []float32 // l of each sample, 1 for those that stay
	partner []int
}

func newMixture(r *rand.Rand, n int) mixture {
	m := mixture{share: make([]float32, n), partner: r.Perm(n)}
	for i := range m.share {
		if m.share[i] = 1; r.IntN(2) == 0 {
			m.share[i] = r.Float32()
		}
	}
	return m
}

// apply mixes the samples of a tensor of float32 or uint8.
func (m mixture) apply(t *onnx.Tensor) *onnx.Tensor {
	mixed := onnx.NewTensor(t.Type, t.Shape...)
	each := t.Len() / len(m.share)
	for i, l := range m.share {
		a, b := i*each, m.partner[i]*each
		if t.Type == onnx.Uint8 {
			x, y := onnx.View[uint8](t), onnx.View[uint8](mixed)
			for j := range each {
				y[a+j] = uint8(math.RoundToEven(float64(l*float32(x[a+j]) + (1-l)*float32(x[b+j]))))
			}
			continue
		}
		x, y := t.Float32s(), mixed.Float32s()
		for j := range each {
			y[a+j] = l*x[a+j] + (1-l)*x[b+j]
		}
	}
	return mixed
}
