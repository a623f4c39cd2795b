package calibrate

import (
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// Split divides the batches into those to fit on and those held back to
// measure with: about the given share, spread evenly, at least one of each
// where there are two.
func (d *Data) Split(share float64) (fit, held *Data) {
	fit, held = &Data{}, &Data{}
	every := max(2, int(math.Round(1/share)))
	for i, b := range d.Batches {
		part := fit
		if len(d.Batches) > 1 && (i%every == every-1 || len(d.Batches) < every && i == len(d.Batches)-1) {
			part = held
		}
		part.Batches = append(part.Batches, b)
	}
	fit.Samples = d.Samples * len(fit.Batches) / len(d.Batches)
	held.Samples = d.Samples - fit.Samples
	return fit, held
}

// Thin returns at most that many batches, spread evenly.
func (d *Data) Thin(batches int) *Data {
	if len(d.Batches) <= batches {
		return d
	}
	t := &Data{Samples: d.Samples * batches / len(d.Batches)}
	for i := range batches {
		t.Batches = append(t.Batches, d.Batches[i*len(d.Batches)/batches])
	}
	return t
}

// Limit returns batches, spread evenly, with about that many samples; at least
// one batch.
func (d *Data) Limit(samples int) *Data {
	if d.Samples <= samples {
		return d
	}
	return d.Thin(max(1, len(d.Batches)*samples/d.Samples))
}

// FirstSample returns the first sample of a batch, where the model takes one:
// inputs whose first size is free and the same for all are cut to it.
func FirstSample(batch map[string]*onnx.Tensor, inputs []onnx.ValueInfo) map[string]*onnx.Tensor {
	size := -1
	for _, info := range inputs {
		t := batch[info.Name]
		if !info.Type.HasShape || t.Rank() == 0 || info.Type.Shape[0].Known() || size >= 0 && t.Shape[0] != size {
			return batch
		}
		size = t.Shape[0]
	}
	if size < 1 {
		return batch
	}
	sample := map[string]*onnx.Tensor{}
	for name, t := range batch {
		sample[name] = rows(t, 0, 1)
	}
	return sample
}
