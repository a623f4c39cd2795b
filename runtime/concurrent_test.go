package runtime_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

func randomTensor(r *rand.Rand, shape ...int) *onnx.Tensor {
	t := onnx.NewTensor(onnx.Float32, shape...)
	for i := range t.Float32s() {
		t.Float32s()[i] = r.Float32()*2 - 1
	}
	return t
}

// mixed is a model with products, normalisation, reductions, a convolution, a
// loop and a branch: x [n, 8, 32] -> y.
func mixed() *onnx.Model {
	r := rand.New(rand.NewPCG(1, 1))
	loopBody := body("i going s", "going s2", node("Tanh", "s", "t"), node("Add", "t scale", "s2"))
	x := tensor("x", onnx.Float32, -1, 8, 32)
	x.Type.Shape[0].Symbol = "n"
	return newModel(&onnx.Graph{
		Inputs:  []onnx.ValueInfo{x},
		Outputs: []onnx.ValueInfo{untyped("y"), untyped("z")},
		Initializers: []*onnx.Tensor{
			named("w", randomTensor(r, 32, 48)), named("scale", randomTensor(r, 48)), named("bias", randomTensor(r, 48)),
			named("k", randomTensor(r, 6, 8, 3)), named("trips", onnx.Scalar(int64(3))), named("half", onnx.Scalar(float32(0))),
		},
		Nodes: []*onnx.Node{
			node("MatMul", "x w", "p"),
			node("LayerNormalization", "p scale bias", "l"),
			node("Loop", "trips _ l", "looped", onnx.GraphAttr("body", loopBody)),
			node("Softmax", "looped", "soft", onnx.IntAttr("axis", -1)),
			node("ReduceMean", "soft", "mean", onnx.IntsAttr("axes", 0, 1, 2), onnx.IntAttr("keepdims", 0)),
			node("Greater", "mean half", "c"),
			ifNode("c", "y", body("", "a", node("Mul", "looped soft", "a")), body("", "looped")),
			node("Conv", "x k", "z", onnx.IntsAttr("pads", 1, 1)),
		},
	})
}

// Results are the same bits on any number of threads.
func TestThreadsDoNotChangeResults(t *testing.T) {
	for _, batch := range []int{0, 1, 3, 64} {
		x := randomTensor(rand.New(rand.NewPCG(2, uint64(batch))), batch, 8, 32)
		var want map[string]*onnx.Tensor
		for threads := 1; threads <= 3; threads++ {
			s := open(t, mixed(), runtime.WithThreads(threads))
			if s.Threads() != threads {
				t.Fatalf("the session has %d threads, want %d", s.Threads(), threads)
			}
			got, err := s.Run(context.Background(), map[string]*onnx.Tensor{"x": x})
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got
			}
			for name := range want {
				if string(got[name].Raw()) != string(want[name].Raw()) {
					t.Errorf("batch %d: %s differs between 1 and %d threads", batch, name, threads)
				}
			}
		}
	}
}

// Many goroutines run one session with batches of different sizes, some with
// another value of an initializer, some cancelled.
func TestConcurrentRuns(t *testing.T) {
	m := mixed()
	m.Graph.Inputs = append(m.Graph.Inputs, tensor("bias", onnx.Float32, 48))
	s := open(t, m, runtime.WithThreads(2))
	alone := open(t, m, runtime.WithThreads(1))
	type sample struct{ in, out map[string]*onnx.Tensor }
	var samples []sample
	for i := range 6 {
		r := rand.New(rand.NewPCG(3, uint64(i)))
		in := map[string]*onnx.Tensor{"x": randomTensor(r, 1+3*i, 8, 32)}
		if i%3 == 2 {
			in["bias"] = randomTensor(r, 48)
		}
		out, err := alone.Run(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, sample{in, out})
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	var group sync.WaitGroup
	failures := make(chan error, 16)
	for g := range 8 {
		group.Go(func() {
			for i := range 12 {
				if (g+i)%5 == 0 {
					if _, err := s.Run(cancelled, samples[0].in); err != context.Canceled {
						failures <- fmt.Errorf("a cancelled run gives %v", err)
						return
					}
				}
				sample := samples[(g+i)%len(samples)]
				out, err := s.Run(context.Background(), sample.in)
				if err != nil {
					failures <- err
					return
				}
				for name, want := range sample.out {
					if string(out[name].Raw()) != string(want.Raw()) {
						failures <- fmt.Errorf("%s differs in a concurrent run", name)
						return
					}
				}
			}
		})
	}
	group.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
}
