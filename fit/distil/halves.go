package distil

import (
	"context"
	"errors"

	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// loss runs the student on an example and returns its loss, with gradients if
// they are wanted. Where memory does not do, the example is cut in halves, whose
// losses count by their samples.
func (t *trainer) loss(ctx context.Context, e example, rounded, wantGradients bool) (float64, map[string][]float32, error) {
	n := batchSize(e.inputs)
	if t.most == 0 || n <= t.most {
		loss, gradients, err := t.whole(ctx, e, rounded, wantGradients)
		if !errors.Is(err, runtime.ErrMemory) || n < 2 {
			return loss, gradients, err
		}
		t.most = (n + 1) / 2
	}
	first, second, ok := e.halves(n)
	if !ok {
		return t.whole(ctx, e, rounded, wantGradients)
	}
	lossA, gradientsA, err := t.loss(ctx, first, rounded, wantGradients)
	if err != nil {
		return 0, nil, err
	}
	lossB, gradientsB, err := t.loss(ctx, second, rounded, wantGradients)
	if err != nil {
		return 0, nil, err
	}
	share := float64((n+1)/2) / float64(n)
	for name, a := range gradientsA {
		vec.Scale(a, a, float32(share))
		vec.Axpy(a, gradientsB[name], float32(1-share))
	}
	return share*lossA + (1-share)*lossB, gradientsA, nil
}

// halves cuts a batch of n samples, if samples lie on the first axis of all
// inputs and targets.
func (e example) halves(n int) (first, second example, ok bool) {
	if n < 2 {
		return e, e, false
	}
	cut := func(tensors map[string]*onnx.Tensor, from, to int) map[string]*onnx.Tensor {
		part := make(map[string]*onnx.Tensor, len(tensors))
		for name, t := range tensors {
			if t.Rank() == 0 || t.Shape[0] != n || t.Type == onnx.String {
				return nil
			}
			bytes := len(t.Raw()) / n
			x, err := onnx.FromRaw(t.Type, append([]int{to - from}, t.Shape[1:]...), t.Raw()[from*bytes:to*bytes])
			if err != nil {
				return nil
			}
			part[name] = x
		}
		return part
	}
	middle := (n + 1) / 2
	first = example{cut(e.inputs, 0, middle), cut(e.targets, 0, middle)}
	second = example{cut(e.inputs, middle, n), cut(e.targets, middle, n)}
	ok = first.inputs != nil && first.targets != nil && second.inputs != nil && second.targets != nil
	return first, second, ok
}
