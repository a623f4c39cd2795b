package write_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/fit/discover"
	. "github.com/kcompress/kcompress/fit/internal/modeltest"
	"github.com/kcompress/kcompress/fit/write"
	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// Layers of models in float16 and float64 are replaced likewise, by chains in
// float32 between casts.
func TestFormsInOtherTypes(t *testing.T) {
	for name, c := range formCases {
		for _, elem := range []onnx.DType{onnx.Float16, onnx.Float64} {
			if elem == onnx.Float64 && c.domain != "" {
				continue
			}
			r := rand.New(rand.NewPCG(3, uint64(len(name))))
			d := butterfly.Design{In: c.in, Out: c.out, Patterns: []butterfly.Pattern{{A: 1, B: 3, C: c.in, D: 1}, {A: 1, B: c.out, C: 3, D: 1}}}
			chain := butterfly.NewChain(d)
			for _, f := range chain.Factors {
				for j := range f.Values {
					f.Values[j] = float32(r.NormFloat64()) * 0.3
				}
			}
			m := c.model(max(c.opset, 17), chain.Dense())
			for _, init := range m.Graph.Initializers {
				if init.Type == onnx.Float32 {
					other, err := init.ConvertTo(elem)
					if err != nil {
						t.Fatal(err)
					}
					other.Name, *init = init.Name, *other
					init.Name = other.Name
				}
			}
			m.Graph.Inputs[0].Type.Elem = elem
			l := discover.Find(Open(t, m)).Layers[0]
			if l.Skip != "" || l.Uses[0].Elem != elem {
				t.Fatalf("%s in %v: %q", name, elem, l.Skip)
			}
			written := writeModel(t, m, discover.Find(Open(t, m)), []write.Replacement{{Layer: l, Chain: chain}}, write.Options{Weights: compact.FP32})
			x, _ := Random(7, c.x...).ConvertTo(elem)
			in := map[string]*onnx.Tensor{"x": x}
			got, want := Run(t, written, in)["y"], Run(t, m, in)["y"]
			if got.Type != elem {
				t.Fatalf("%s: the output is %v, want %v", name, got.Type, elem)
			}
			g, _ := got.Floats()
			w, _ := want.Floats()
			tolerance := map[onnx.DType]float64{onnx.Float16: 5e-3, onnx.Float64: 1e-5}[elem]
			for i := range w {
				if math.Abs(g[i]-w[i]) > tolerance*(1+math.Abs(w[i])) {
					t.Fatalf("%s in %v: element %d is %v, want %v", name, elem, i, g[i], w[i])
				}
			}
		}
	}
}
