package runtime_test

import (
	"context"
	"errors"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/ops"
)

// constantKernel is an operator whose output is always v.
func constantOperator(domain, name string, since, until int, v float32) ops.Operator {
	return ops.Operator{Domain: domain, Name: name, Since: since, Until: until, MinInputs: 0, MaxInputs: -1,
		Build: func(*ops.Node) (ops.Kernel, error) {
			return func(c *ops.Call) error {
				y, err := c.Output(0, onnx.Float32, 1)
				if err == nil {
					y.Float32s()[0] = v
				}
				return err
			}, nil
		}}
}

func oneNode(n *onnx.Node, functions ...*onnx.Function) *onnx.Model {
	return newModel(&onnx.Graph{
		Inputs:  []onnx.ValueInfo{tensor("x", onnx.Float32, 1)},
		Outputs: []onnx.ValueInfo{untyped("y")},
		Nodes:   []*onnx.Node{n},
	}, functions...)
}

func TestOperatorVersions(t *testing.T) {
	operators := []runtime.Option{
		runtime.WithOperator(constantOperator("local", "Op", 1, 0, 1)),
		runtime.WithOperator(constantOperator("local", "Op", 5, 0, 5)),
		runtime.WithOperator(constantOperator("local", "Op", 3, 3, 3)),
	}
	for version, want := range map[int]float32{1: 1, 2: 1, 3: 3, 4: 1, 5: 5, 9: 5} {
		m := oneNode(in("local", node("Op", "x", "y")))
		m.Opsets["local"] = version
		out, err := open(t, m, operators...).Run(context.Background(), map[string]*onnx.Tensor{"x": floats(0)})
		if err != nil {
			t.Fatal(err)
		}
		wantFloats(t, "y", out["y"], want)
	}
}

func TestOperatorReplaces(t *testing.T) {
	x := map[string]*onnx.Tensor{"x": floats(-1)}
	builtIn := open(t, oneNode(node("Relu", "x", "y")), runtime.WithOperator(constantOperator("ai.onnx", "Relu", 1, 0, 7)))
	out, err := builtIn.Run(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	wantFloats(t, "an operator in place of Relu", out["y"], 7)

	f := &onnx.Function{Name: "F", Domain: "local", Inputs: names("a"), Outputs: names("b"), Opsets: map[string]int{"": 17}, Nodes: []*onnx.Node{node("Relu", "a", "b")}}
	function := open(t, oneNode(in("local", node("F", "x", "y")), f), runtime.WithOperator(constantOperator("local", "F", 1, 0, 8)))
	if out, err = function.Run(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	wantFloats(t, "an operator in place of a function", out["y"], 8)
	wantFloats(t, "the function", run(t, oneNode(in("local", node("F", "x", "y")), f), x)["y"], 0)
}

func TestOperatorMistakes(t *testing.T) {
	good := constantOperator("local", "Op", 1, 0, 1)
	noName, noBuild, counts, versions := good, good, good, good
	noName.Name = ""
	noBuild.Build = nil
	counts.MinInputs, counts.MaxInputs = 2, 1
	versions.Since, versions.Until = 5, 3
	for _, test := range []struct {
		word      string
		operators []ops.Operator
	}{
		{"no name", []ops.Operator{noName}},
		{"no Build", []ops.Operator{noBuild}},
		{"takes 2 to 1", []ops.Operator{counts}},
		{"versions 5 to 3", []ops.Operator{versions}},
		{"given twice", []ops.Operator{good, good}},
	} {
		var opts []runtime.Option
		for _, op := range test.operators {
			opts = append(opts, runtime.WithOperator(op))
		}
		_, err := runtime.New(doubler(), opts...)
		wantError(t, err, test.word)
	}
}

func TestOperatorPanics(t *testing.T) {
	misbehave := func(build, infer, kernel bool) ops.Operator {
		return ops.Operator{Domain: "local", Name: "Op", MinInputs: 1, MaxInputs: 1,
			Build: func(*ops.Node) (ops.Kernel, error) {
				if build {
					panic("build")
				}
				return func(c *ops.Call) error {
					if kernel {
						c.Parallel(64, 1, func(from, to int) {
							if from == 63 {
								panic("kernel")
							}
						})
					}
					return nil // without an output
				}, nil
			},
			Infer: func(*ops.Node, []ops.Info) ([]ops.Info, error) {
				if infer {
					panic("infer")
				}
				return nil, nil
			}}
	}
	m := oneNode(in("local", node("Op", "x", "y")))
	for _, word := range []string{"build", "infer"} {
		_, err := runtime.New(m, runtime.WithOperator(misbehave(word == "build", word == "infer", false)))
		wantPanicError(t, err, word)
	}
	for threads := 1; threads <= 2; threads++ {
		s := open(t, m, runtime.WithOperator(misbehave(false, false, true)), runtime.WithThreads(threads))
		for range 3 { // and the session goes on
			_, err := s.Run(context.Background(), map[string]*onnx.Tensor{"x": floats(1)})
			wantPanicError(t, err, "kernel")
		}
	}
	s := open(t, m, runtime.WithOperator(misbehave(false, false, false)))
	_, err := s.Run(context.Background(), map[string]*onnx.Tensor{"x": floats(1)})
	wantError(t, err, `"y"`, "output 0", "not computed")
}

func wantPanicError(t *testing.T, err error, value string) {
	t.Helper()
	var p *runtime.PanicError
	var n *runtime.NodeError
	if !errors.As(err, &p) || !errors.As(err, &n) {
		t.Fatalf("got %v, want a PanicError in a NodeError", err)
	}
	if p.Value != value || len(p.Stack) == 0 || n.Op != "local.Op" {
		t.Fatalf("got panic %v of %s with a stack of %d bytes, want %s", p.Value, n.Op, len(p.Stack), value)
	}
}

// An operator may be wrong about its results: they are checked.
func TestOperatorResultChecked(t *testing.T) {
	broken := ops.Operator{Domain: "local", Name: "Op", MinInputs: 1, MaxInputs: 1,
		Build: func(*ops.Node) (ops.Kernel, error) {
			return func(c *ops.Call) error {
				c.Set(0, &onnx.Tensor{Type: onnx.Float32, Shape: []int{1000}})
				return nil
			}, nil
		}}
	m := oneNode(in("local", node("Op", "x", "z")))
	m.Graph.Nodes = append(m.Graph.Nodes, node("Relu", "z", "y"))
	_, err := open(t, m, runtime.WithOperator(broken)).Run(context.Background(), map[string]*onnx.Tensor{"x": floats(1)})
	wantError(t, err, "local.Op", "elements of its shape")
}
