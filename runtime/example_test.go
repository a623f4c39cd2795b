package runtime_test

import (
	"context"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/ops"
)

// doubler is the model y = x + x, for x of any length.
func doubler() *onnx.Model {
	anyLength := onnx.Type{Kind: onnx.TensorType, Elem: onnx.Float32, HasShape: true, Shape: []onnx.Dim{{Size: -1, Symbol: "n"}}}
	return &onnx.Model{
		IRVersion: 8,
		Opsets:    map[string]int{"": 17},
		Graph: &onnx.Graph{
			Name:    "doubler",
			Inputs:  []onnx.ValueInfo{{Name: "x", Type: anyLength}},
			Outputs: []onnx.ValueInfo{{Name: "y", Type: anyLength}},
			Nodes:   []*onnx.Node{{Op: "Add", Inputs: []string{"x", "x"}, Outputs: []string{"y"}}},
		},
	}
}

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "doubler.onnx")
	if err := doubler().Save(path); err != nil {
		log.Fatal(err)
	}

	session, err := runtime.Open(path, runtime.WithThreads(1))
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	for _, input := range session.Inputs() {
		fmt.Println(input.Name, input.Type.Elem, input.Type.Shape[0].Symbol)
	}
	// Output: x float32 n
}

func ExampleSession_Run() {
	session, err := runtime.New(doubler())
	if err != nil {
		log.Fatal(err)
	}
	outputs, err := session.Run(context.Background(), map[string]*onnx.Tensor{
		"x": onnx.FromSlice([]float32{1, 2, 3}, 3),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(outputs["y"], outputs["y"].Float32s())
	// Output: float32[3] [2 4 6]
}

// An operator of one's own: SoftSign of the domain "com.example", with an
// attribute for its steepness.
func ExampleWithOperator() {
	softSign := ops.Operator{
		Domain: "com.example", Name: "SoftSign", MinInputs: 1, MaxInputs: 1,
		Build: func(n *ops.Node) (ops.Kernel, error) {
			steepness := n.Float("steepness", 1) // read once, when the model is opened
			return func(c *ops.Call) error {
				x := c.Tensor(0)
				if x.Type != onnx.Float32 {
					return c.TypeError(0)
				}
				y, err := c.OutputOver(0, 0) // in place where that is possible
				if err != nil {
					return err
				}
				for i, v := range x.Float32s() {
					v *= steepness
					y.Float32s()[i] = v / (1 + float32(math.Abs(float64(v))))
				}
				return nil
			}, n.Err()
		},
	}

	model := doubler()
	model.Opsets["com.example"] = 1
	model.Graph.Nodes = []*onnx.Node{{
		Op: "SoftSign", Domain: "com.example", Inputs: []string{"x"}, Outputs: []string{"y"},
		Attrs: []onnx.Attribute{onnx.FloatAttr("steepness", 3)},
	}}
	session, err := runtime.New(model, runtime.WithOperator(softSign))
	if err != nil {
		log.Fatal(err)
	}
	outputs, err := session.Run(context.Background(), map[string]*onnx.Tensor{
		"x": onnx.FromSlice([]float32{-1, 0, 1}, 3),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(outputs["y"].Float32s())
	// Output: [-0.75 0 0.75]
}
