package main

import (
	"context"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	kruntime "github.com/kcompress/kcompress/runtime"
)

// TestGradients compares the gradients with differences of the loss.
func TestGradients(t *testing.T) {
	const rows = 3
	r := rand.New(rand.NewPCG(1, 2))
	n := newNetwork(r, 6, 5, 7, 4)
	x, labels := make([]float32, rows*6), []int64{2, 0, 3}
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	loss := func() float64 {
		l, _ := crossEntropy(n.forward(x, rows)[len(n)], labels)
		return l
	}
	values := n.forward(x, rows)
	_, grad := crossEntropy(values[len(n)], labels)
	n.backward(values, grad, rows)
	check := func(name string, p, grad []float32) {
		const h = 1e-3
		for i, v := range p {
			p[i] = v + h
			up := loss()
			p[i] = v - h
			down := loss()
			p[i] = v
			if want := (up - down) / (2 * h); math.Abs(float64(grad[i])-want) > 1e-3 {
				t.Errorf("%s[%d]: gradient %g, difference quotient %g", name, i, grad[i], want)
			}
		}
	}
	for _, l := range n {
		check("weight", l.weight, l.dWeight)
		check("bias", l.bias, l.dBias)
	}
}

// TestTrain checks that a little training learns something, and the same with any
// number of threads.
func TestTrain(t *testing.T) {
	train := func(threads int) network {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
		n := newNetwork(rand.New(rand.NewPCG(1, 0)), side*side, 32, 10)
		n.train(1, schedule{epochs: 1, images: 5000, batch: 50, rate: 3e-3}, io.Discard)
		return n
	}
	one, three := train(1), train(3)
	for i := range one {
		if !slices.Equal(one[i].weight, three[i].weight) || !slices.Equal(one[i].bias, three[i].bias) {
			t.Errorf("layer %d depends on the number of threads", i+1)
		}
	}
	if a := one.accuracy(generate(1, testSet, 500)); a < .5 {
		t.Errorf("accuracy %.3f after training, chance is 0.1", a)
	}
}

// TestModel checks that the exported model computes what the network does.
func TestModel(t *testing.T) {
	n := newNetwork(rand.New(rand.NewPCG(1, 0)), side*side, 20, 30, 10)
	for _, l := range n {
		for i := range l.bias {
			l.bias[i] = float32(i%3) - 1
		}
	}
	m := n.model(onnx.Property{Key: "made_by", Value: "test"})
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	s, err := kruntime.New(m)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d := generate(1, testSet, 5)
	outputs, err := s.Run(context.Background(), map[string]*onnx.Tensor{"image": d.imageTensor()})
	if err != nil {
		t.Fatal(err)
	}
	want := n.forward(normalise(d.images), 5)[len(n)]
	for i, got := range outputs["logits"].Float32s() {
		if math.Abs(float64(got-want[i])) > 1e-4 {
			t.Errorf("logit %d is %g, want %g", i, got, want[i])
		}
	}
}
