package runtime_test

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"testing"
	"time"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

const mebi = 1 << 20

// bombs are small models whose values would take gigabytes or whose runs would
// take hours; none has an input.
func bombs() map[string]*onnx.Model {
	make := func(initializers []*onnx.Tensor, output string, nodes ...*onnx.Node) *onnx.Model {
		return newModel(&onnx.Graph{Outputs: []onnx.ValueInfo{untyped(output)}, Initializers: initializers, Nodes: nodes})
	}
	var doubling, separate []*onnx.Node
	doubling = append(doubling, node("ConstantOfShape", "million", "v0"))
	joined := ""
	for i := range 40 {
		doubling = append(doubling, node("Concat", fmt.Sprintf("v%d v%d", i, i), fmt.Sprintf("v%d", i+1), onnx.IntAttr("axis", 0)))
		separate = append(separate, node("ConstantOfShape", "million", fmt.Sprintf("v%d", i)), node("Exp", fmt.Sprintf("v%d", i), fmt.Sprintf("w%d", i)))
		joined += fmt.Sprintf(" w%d", i)
	}
	separate = append(separate, node("Concat", joined, "y", onnx.IntAttr("axis", 0)))
	million := named("million", ints(mebi))
	big := named("big", ints(1_000_000_000))
	scalar := func(name string, v float32) *onnx.Tensor { return named(name, onnx.Scalar(v)) }
	return map[string]*onnx.Model{
		"doubling":        make([]*onnx.Tensor{million}, "v40", doubling...),
		"many constants":  make([]*onnx.Tensor{million}, "y", separate...),
		"ConstantOfShape": make([]*onnx.Tensor{big}, "y", node("ConstantOfShape", "big", "y")),
		"Expand":          make([]*onnx.Tensor{big, scalar("one", 1)}, "y", node("Expand", "one big", "y")),
		"Tile":            make([]*onnx.Tensor{big, named("one", floats(1))}, "y", node("Tile", "one big", "y")),
		"Range":           make([]*onnx.Tensor{scalar("from", 0), scalar("to", 1e9), scalar("step", 1)}, "y", node("Range", "from to step", "y")),
		"OneHot":          make([]*onnx.Tensor{named("depth", onnx.Scalar(int64(1e9))), named("at", ints(1)), named("values", floats(0, 1))}, "y", node("OneHot", "at depth values", "y")),
		"Resize":          make([]*onnx.Tensor{named("x", onnx.NewTensor(onnx.Float32, 1, 1, 2, 2)), named("scales", floats(1, 1, 30000, 30000))}, "y", node("Resize", "x _ scales", "y")),
		"Pad":             make([]*onnx.Tensor{named("one", floats(1)), named("pads", ints(0, 1e9))}, "y", node("Pad", "one pads", "y")),
		"strings": make([]*onnx.Tensor{big, named("one", onnx.FromStrings([]string{"x"}, 1))}, "y",
			node("Expand", "one big", "y")),
	}
}

// allocated returns the bytes that f takes from the heap, garbage included.
func allocated(f func()) int {
	var before, after goruntime.MemStats
	goruntime.ReadMemStats(&before)
	f()
	goruntime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// Opening a small model takes little memory, whatever it would unfold to, and a
// run ends with an error where the memory that it may take is not enough.
func TestBombs(t *testing.T) {
	const openLimit, runLimit = 200 * mebi, 64 * mebi
	for name, m := range bombs() {
		t.Run(name, func(t *testing.T) {
			var s *runtime.Session
			var err error
			started := time.Now()
			if n := allocated(func() {
				s, err = runtime.New(m, runtime.WithThreads(1), runtime.WithMaxTensorBytes(runLimit/2), runtime.WithMaxRunBytes(runLimit))
			}); n > openLimit {
				t.Errorf("opening takes %d MiB", n/mebi)
			}
			if err != nil {
				t.Logf("refused: %v", err)
				return
			}
			defer s.Close()
			t.Logf("opened in %v", time.Since(started))
			if n := allocated(func() { _, err = s.Run(context.Background(), nil) }); n > 4*runLimit {
				t.Errorf("running takes %d MiB", n/mebi)
			}
			if err == nil {
				t.Error("the run does not fail")
			}
		})
	}
}

func loopModel(loopBody *onnx.Graph, state, output string) *onnx.Model {
	return newModel(&onnx.Graph{
		Inputs:       []onnx.ValueInfo{tensor("x", onnx.Float32, 1000)},
		Outputs:      []onnx.ValueInfo{untyped("y")},
		Initializers: []*onnx.Tensor{named("trips", onnx.Scalar(int64(1e12)))},
		Nodes: []*onnx.Node{
			node("SequenceEmpty", "", "empty"),
			node("Loop", "trips _ "+state, output, onnx.GraphAttr("body", loopBody)),
		},
	})
}

func TestLoopsWithoutEndAreCancelled(t *testing.T) {
	inner := body("j h b", "h c", node("Neg", "b", "c"))
	for name, m := range map[string]*onnx.Model{
		"plain":  loopModel(body("i g a", "g b", node("Neg", "a", "b")), "x", "y"),
		"empty":  loopModel(body("i g a", "g a"), "x", "y"),
		"nested": loopModel(body("i g a", "g d", node("Loop", "trips _ a", "d", onnx.GraphAttr("body", inner))), "x", "y"),
	} {
		s := open(t, m, runtime.WithThreads(1))
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
		_, err := s.Run(ctx, map[string]*onnx.Tensor{"x": onnx.NewTensor(onnx.Float32, 1000)})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want the deadline", name, err)
		}
	}
}

// Loops that collect without end run into the limits.
func TestLoopsThatCollect(t *testing.T) {
	for name, m := range map[string]*onnx.Model{
		"scan output": loopModel(body("i g a", "g b c", node("Neg", "a", "b"), node("Exp", "b", "c")), "x", "_ y"),
		"state":       loopModel(body("i g a", "g b", node("Concat", "a a", "b", onnx.IntAttr("axis", 0))), "x", "y"),
		"sequence":    loopModel(body("i g s", "g r", node("SequenceInsert", "s x", "r")), "empty", "y"),
	} {
		s := open(t, m, runtime.WithThreads(1), runtime.WithMaxTensorBytes(mebi), runtime.WithMaxRunBytes(2*mebi))
		_, err := s.RunValues(context.Background(), map[string]onnx.Value{"x": onnx.NewTensor(onnx.Float32, 1000)})
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		wantError(t, err, "limit")
	}
}

func TestMaxTensorBytes(t *testing.T) {
	m := newModel(&onnx.Graph{
		Inputs:  []onnx.ValueInfo{tensor("x", onnx.Float32, -1)},
		Outputs: []onnx.ValueInfo{untyped("y")},
		Nodes:   []*onnx.Node{node("Neg", "x", "n"), node("Concat", "n n", "y", onnx.IntAttr("axis", 0))},
	})
	s := open(t, m, runtime.WithMaxTensorBytes(4000))
	if _, err := s.Run(context.Background(), map[string]*onnx.Tensor{"x": onnx.NewTensor(onnx.Float32, 500)}); err != nil {
		t.Error(err)
	}
	_, err := s.Run(context.Background(), map[string]*onnx.Tensor{"x": onnx.NewTensor(onnx.Float32, 501)})
	wantError(t, err, "Concat", "limit of 4000 bytes")
}

// The memory that a run is charged for is given back: runs without end do not
// come to the limit, nor do loops whose values are garbage.
func TestMemoryIsGivenBack(t *testing.T) {
	loopBody := body("i g a", "g b", node("Neg", "a", "n"), node("Exp", "n", "e"), node("Sub", "e n", "s"), node("Tanh", "s", "b"))
	m := newModel(&onnx.Graph{
		Inputs:       []onnx.ValueInfo{tensor("x", onnx.Float32, 1000)},
		Outputs:      []onnx.ValueInfo{untyped("y"), untyped("z")},
		Initializers: []*onnx.Tensor{named("trips", onnx.Scalar(int64(500)))},
		Nodes:        []*onnx.Node{node("Loop", "trips _ x", "y", onnx.GraphAttr("body", loopBody)), node("Exp", "y", "e"), node("Neg", "e", "z")},
	})
	s := open(t, m, runtime.WithThreads(1), runtime.WithMaxRunBytes(40_000))
	for range 20 {
		if _, err := s.Run(context.Background(), map[string]*onnx.Tensor{"x": onnx.NewTensor(onnx.Float32, 1000)}); err != nil {
			t.Fatal(err)
		}
	}
}
