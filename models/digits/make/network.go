package main

import (
	"math"
	"math/rand/v2"

	"github.com/kcompress/kcompress/kernels/gemm"
)

// The input is normalised to (v - mean) / deviation: about zero mean and unit
// deviation over all pixels of the training images.
const mean, deviation = 33, 56

// network is a multilayer perceptron: dense layers with ReLU between them.
type network []*layer

// layer is one dense layer, y = x W^T + b, with its gradients.
type layer struct {
	in, out        int
	weight, bias   []float32 // [out, in] and [out]
	dWeight, dBias []float32
}

// newNetwork returns a network with layers of the given sizes and random weights
// (He et al. 2015: deviation sqrt(2/in)).
func newNetwork(r *rand.Rand, sizes ...int) network {
	var n network
	for i := 1; i < len(sizes); i++ {
		in, out := sizes[i-1], sizes[i]
		l := &layer{in: in, out: out}
		l.weight, l.dWeight = make([]float32, out*in), make([]float32, out*in)
		l.bias, l.dBias = make([]float32, out), make([]float32, out)
		scale := math.Sqrt(2 / float64(in))
		for j := range l.weight {
			l.weight[j] = float32(scale * r.NormFloat64())
		}
		n = append(n, l)
	}
	return n
}

// normalise returns images as the input of the network.
func normalise(images []uint8) []float32 {
	x := make([]float32, len(images))
	for i, v := range images {
		x[i] = (float32(v) - mean) / deviation
	}
	return x
}

// forward returns the input and the output of every layer for rows inputs: ReLU
// is applied to all but the last, which are the logits.
func (n network) forward(x []float32, rows int) [][]float32 {
	values := [][]float32{x}
	for i, l := range n {
		x = l.apply(x, rows)
		if i < len(n)-1 {
			for j := range x {
				x[j] = max(x[j], 0)
			}
		}
		values = append(values, x)
	}
	return values
}

// apply returns x W^T + b for x [rows, in].
func (l *layer) apply(x []float32, rows int) []float32 {
	y := make([]float32, rows*l.out)
	parallel(rows, func(from, to int) {
		for i := from; i < to; i++ {
			copy(y[i*l.out:], l.bias)
		}
		gemm.Multiply(y[from*l.out:], x[from*l.in:], l.weight, to-from, l.out, l.in,
			gemm.Options{TransposeB: true, Accumulate: true})
	})
	return y
}

// backward sets the gradients of all layers, from the values of forward and the
// gradient of the loss in the logits.
func (n network) backward(values [][]float32, grad []float32, rows int) {
	for i := len(n) - 1; i >= 0; i-- {
		n[i].gradients(values[i], grad, rows)
		if i == 0 {
			return
		}
		grad = n[i].inputGradient(grad, rows)
		for j, v := range values[i] {
			if v <= 0 {
				grad[j] = 0
			}
		}
	}
}

// gradients sets the gradients in the weight, dy^T x, and in the bias.
func (l *layer) gradients(x, dy []float32, rows int) {
	parallel(l.out, func(from, to int) {
		gemm.Multiply(l.dWeight[from*l.in:], dy[from:], x, to-from, l.in, rows,
			gemm.Options{TransposeA: true, AStride: l.out})
		for j := from; j < to; j++ {
			l.dBias[j] = 0
			for i := range rows {
				l.dBias[j] += dy[i*l.out+j]
			}
		}
	})
}

// inputGradient returns the gradient in the input of the layer, dy W.
func (l *layer) inputGradient(dy []float32, rows int) []float32 {
	dx := make([]float32, rows*l.in)
	parallel(rows, func(from, to int) {
		gemm.Multiply(dx[from*l.in:], dy[from*l.out:], l.weight, to-from, l.in, l.out, gemm.Options{})
	})
	return dx
}

// crossEntropy returns the mean of -log softmax(logits)[label] over the rows and
// its gradient in the logits.
func crossEntropy(logits []float32, labels []int64) (float64, []float32) {
	rows := len(labels)
	classes := len(logits) / rows
	loss, grad := 0.0, make([]float32, len(logits))
	for i, label := range labels {
		z, g := logits[i*classes:(i+1)*classes], grad[i*classes:(i+1)*classes]
		top, sum := float64(z[argmax(z)]), 0.0
		for _, v := range z {
			sum += math.Exp(float64(v) - top)
		}
		for j, v := range z {
			g[j] = float32(math.Exp(float64(v)-top) / sum / float64(rows))
		}
		g[label] -= 1 / float32(rows)
		loss += (top + math.Log(sum) - float64(z[label])) / float64(rows)
	}
	return loss, grad
}

// argmax returns the index of the first greatest value.
func argmax(v []float32) int {
	best := 0
	for i := range v {
		if v[i] > v[best] {
			best = i
		}
	}
	return best
}

// accuracy returns the share of images whose greatest logit is the label's.
func (n network) accuracy(d dataset) float64 {
	rows := len(d.labels)
	values := n.forward(normalise(d.images), rows)
	logits, right := values[len(n)], 0
	classes := len(logits) / rows
	for i, label := range d.labels {
		if argmax(logits[i*classes:(i+1)*classes]) == int(label) {
			right++
		}
	}
	return float64(right) / float64(rows)
}
