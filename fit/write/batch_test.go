package write_test

import (
	"fmt"
	"testing"

	"github.com/kcompress/kcompress/fit/discover"
	. "github.com/kcompress/kcompress/fit/internal/modeltest"
	"github.com/kcompress/kcompress/fit/write"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// Each weight of a batch is a layer of its own, also where not all are replaced.
func TestBatchedWeights(t *testing.T) {
	for name, c := range map[string]struct{ x, w []int }{
		"split":          {[]int{3, 5, 8}, []int{3, 8, 6}},
		"more axes":      {[]int{2, 3, 5, 8}, []int{1, 3, 8, 6}},
		"the same input": {[]int{2, 1, 5, 8}, []int{3, 8, 6}},
	} {
		for _, opset := range []int{9, 13, 18} {
			for _, replaced := range []int{1, 3} {
				m := Model(opset, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", c.x...)}, Outputs: Outputs("y"),
					Initializers: []*onnx.Tensor{Named("w", Random(1, c.w...))}, Nodes: []*onnx.Node{Node("MatMul", "x w", "y")}})
				found := discover.Find(Open(t, m))
				if len(found.Layers) != 3 || found.Layers[2].Skip != "" || found.Layers[2].In != 8 || found.Layers[2].Bytes != 4*48 {
					t.Fatalf("%s: layers %+v", name, found.Layers)
				}
				var chains []write.Replacement
				for _, l := range found.Layers[3-replaced:] {
					chains = append(chains, write.Replacement{Layer: l, Chain: exactChain(l)})
				}
				written := writeModel(t, m, found, chains, write.Options{Weights: compact.FP32})
				if written.Graph.Initializer("w") != nil {
					t.Errorf("%s: the weight is still stored", name)
				}
				in := map[string]*onnx.Tensor{"x": Random(3, c.x...)}
				want := Run(t, m, in)
				wantSame(t, fmt.Sprintf("%s, opset %d", name, opset), Run(t, written, in), want, 1e-5)
				keepForRuntimes(t, name, 10*opset+replaced, written, in["x"], want["y"])
				vectors, err := found.Layers[1].Uses[0].Vectors(in["x"], 8)
				if err != nil {
					t.Fatal(err)
				}
				if each := in["x"].Len(); name != "the same input" && len(vectors) != each/3 || name == "the same input" && len(vectors) != each {
					t.Errorf("%s: %d numbers in the vectors of one weight", name, len(vectors))
				}
			}
		}
	}
}
