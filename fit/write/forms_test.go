package write_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/kcompress/kcompress/fit/discover"
	"github.com/kcompress/kcompress/fit/factorise"
	. "github.com/kcompress/kcompress/fit/internal/modeltest"
	"github.com/kcompress/kcompress/fit/write"
	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/onnx/npy"
	"github.com/kcompress/kcompress/runtime/compact"
)

// formCase is a node whose weight, of the given shape, is a matrix [out, in].
type formCase struct {
	form    discover.Form
	op      string
	x       []int
	weight  []int
	in, out int
	attrs   []onnx.Attribute
	bias    int // elements of input 2, 0 for none
	// turned weights are stored as [in, out].
	turned bool
	// left is for weights that are input 0.
	left  bool
	opset int // the first one
	// extra are shapes of more inputs that are constants, from input 2 on, and
	// then other ones.
	extra     [][]int
	constants []*onnx.Tensor
	domain    string
}

func pads(values ...int64) onnx.Attribute    { return onnx.IntsAttr("pads", values...) }
func strides(values ...int64) onnx.Attribute { return onnx.IntsAttr("strides", values...) }

var formCases = map[string]formCase{
	"Conv 1x1":                   {form: discover.Channels, op: "Conv", x: []int{2, 16, 5, 3}, weight: []int{24, 16, 1, 1}, in: 16, out: 24, bias: 24},
	"Conv 1x1, strides":          {form: discover.Channels, op: "Conv", x: []int{2, 16, 5, 4}, weight: []int{24, 16, 1, 1}, in: 16, out: 24, attrs: []onnx.Attribute{strides(2, 3)}},
	"Conv 1x1, SAME":             {form: discover.Channels, op: "Conv", x: []int{1, 16, 5, 4}, weight: []int{8, 16, 1, 1}, in: 16, out: 8, attrs: []onnx.Attribute{strides(2, 2), onnx.StringAttr("auto_pad", "SAME_UPPER")}},
	"Conv 1x1, pads":             {form: discover.Patches, op: "Conv", x: []int{1, 16, 5, 4}, weight: []int{8, 16, 1, 1}, in: 16, out: 8, attrs: []onnx.Attribute{pads(1, 0, 0, 1)}, bias: 8},
	"Conv 1 of one axis":         {form: discover.Channels, op: "Conv", x: []int{2, 16, 7}, weight: []int{24, 16, 1}, in: 16, out: 24, bias: 24},
	"Conv 1 of three axes":       {form: discover.Channels, op: "Conv", x: []int{1, 16, 2, 3, 2}, weight: []int{8, 16, 1, 1, 1}, in: 16, out: 8},
	"Conv 3x3":                   {form: discover.Patches, op: "Conv", x: []int{2, 8, 7, 6}, weight: []int{24, 8, 3, 3}, in: 72, out: 24, attrs: []onnx.Attribute{pads(1, 1, 1, 1)}, bias: 24},
	"Conv 3x2, strides, dilated": {form: discover.Patches, op: "Conv", x: []int{2, 8, 9, 8}, weight: []int{16, 8, 3, 2}, in: 48, out: 16, attrs: []onnx.Attribute{pads(2, 0, 1, 1), strides(2, 3), onnx.IntsAttr("dilations", 2, 1)}},
	"Conv 3, SAME_LOWER":         {form: discover.Patches, op: "Conv", x: []int{2, 8, 9}, weight: []int{16, 8, 4}, in: 32, out: 16, attrs: []onnx.Attribute{strides(2), onnx.StringAttr("auto_pad", "SAME_LOWER")}, bias: 16},
	"Conv 2x2, VALID":            {form: discover.Patches, op: "Conv", x: []int{1, 8, 5, 5}, weight: []int{16, 8, 2, 2}, in: 32, out: 16, attrs: []onnx.Attribute{onnx.StringAttr("auto_pad", "VALID"), onnx.IntsAttr("kernel_shape", 2, 2)}},
	"ConvTranspose":              {form: discover.Spread, op: "ConvTranspose", x: []int{2, 16, 4, 3}, weight: []int{16, 6, 3, 2}, in: 16, out: 36, attrs: []onnx.Attribute{strides(2, 1), pads(1, 0, 0, 1)}, bias: 6, turned: true},
	"MatMul from the left":       {form: discover.Columns, op: "MatMul", x: []int{2, 16, 5}, weight: []int{24, 16}, in: 16, out: 24, left: true},
	"MatMul of a batch of one":   {form: discover.Rows, op: "MatMul", x: []int{2, 5, 16}, weight: []int{1, 16, 24}, in: 16, out: 24, turned: true},
	"LSTM":                       {form: discover.Recurrent, op: "LSTM", x: []int{3, 2, 16}, weight: []int{1, 48, 16}, in: 16, out: 48, attrs: []onnx.Attribute{onnx.IntAttr("hidden_size", 12)}, extra: [][]int{{1, 48, 12}, {1, 96}}},
	"GRU, bidirectional":         {form: discover.Recurrent, op: "GRU", x: []int{3, 2, 16}, weight: []int{2, 36, 16}, in: 16, out: 72, attrs: []onnx.Attribute{onnx.IntAttr("hidden_size", 12), onnx.StringAttr("direction", "bidirectional")}, extra: [][]int{{2, 36, 12}}},
	"FusedMatMul":                {form: discover.Rows, op: "FusedMatMul", domain: "com.microsoft", x: []int{3, 16}, weight: []int{24, 16}, in: 16, out: 24, attrs: []onnx.Attribute{onnx.IntAttr("transB", 1), onnx.FloatAttr("alpha", 1)}},
	"Attention":                  {form: discover.Projected, op: "Attention", domain: "com.microsoft", x: []int{2, 5, 16}, weight: []int{16, 48}, in: 16, out: 48, turned: true, bias: 48, attrs: []onnx.Attribute{onnx.IntAttr("num_heads", 4)}},
	"Attention, masked": {form: discover.Projected, op: "Attention", domain: "com.microsoft", x: []int{2, 3, 16}, weight: []int{16, 40}, in: 16, out: 40, turned: true, extra: [][]int{{40}},
		constants: []*onnx.Tensor{onnx.FromSlice([]int32{1, 1, 0, 1, 1, 1}, 2, 3)}, attrs: []onnx.Attribute{onnx.IntAttr("num_heads", 2), onnx.IntsAttr("qkv_hidden_sizes", 16, 16, 8), onnx.IntAttr("unidirectional", 1), onnx.FloatAttr("scale", 0.3)}},
	"RNN, batch first": {form: discover.Recurrent, op: "RNN", x: []int{2, 3, 16}, weight: []int{1, 12, 16}, in: 16, out: 12, attrs: []onnx.Attribute{onnx.IntAttr("hidden_size", 12), onnx.IntAttr("layout", 1)}, extra: [][]int{{1, 12, 12}}, opset: 14},
}

// formDesigns are designs of each kind: full and low rank, BLAST with groups, and
// butterflies.
func formDesigns(in, out int) []butterfly.Design {
	designs := []butterfly.Design{
		{In: in, Out: out, Patterns: []butterfly.Pattern{{A: 1, B: out, C: in, D: 1}}},
		{In: in, Out: out, Patterns: []butterfly.Pattern{{A: 1, B: 3, C: in, D: 1}, {A: 1, B: out, C: 3, D: 1}}},
	}
	for _, blocks := range []int{2, 4} {
		if d, err := factorise.Blast(in, out, blocks, 4); err == nil {
			designs = append(designs, d)
			last := butterfly.Pattern{A: 1, B: out, C: d.Patterns[len(d.Patterns)-1].Rows(), D: 1}
			designs = append(designs, butterfly.Design{In: in, Out: out, Patterns: append(append([]butterfly.Pattern(nil), d.Patterns...), last)})
		}
	}
	return append(designs, butterfly.Ladder(in, out)...)
}

// model returns the model with the weight W [out, in].
func (c formCase) model(opset int, w []float32) *onnx.Model {
	weight := onnx.FromSlice(append([]float32(nil), w...), c.out, c.in)
	if c.turned {
		weight = Transposed(weight)
	}
	n := Node(c.op, "x w", "y", c.attrs...)
	if c.left {
		n.Inputs = []string{"w", "x"}
	}
	g := &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", c.x...)}, Outputs: Outputs("y"), Nodes: []*onnx.Node{n}}
	g.Initializers = []*onnx.Tensor{Named("w", weight.Reshaped(c.weight...))}
	extra := c.extra
	if c.bias > 0 {
		extra = [][]int{{c.bias}}
	}
	var more []*onnx.Tensor
	for i, shape := range extra {
		more = append(more, Random(uint64(i), shape...))
	}
	for i, t := range append(more, c.constants...) {
		name := fmt.Sprint("extra", i)
		g.Initializers = append(g.Initializers, Named(name, t))
		n.Inputs = append(n.Inputs, name)
	}
	m := Model(opset, g)
	if n.Domain = c.domain; n.Domain != "" {
		m.Opsets[n.Domain] = 1
	}
	return m
}

// A layer of any form that is exactly a chain gives the same with the chain in
// its place, for every design that the form takes.
func TestFormsOfLayers(t *testing.T) {
	for name, c := range formCases {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(len(name))))
			taken := 0
			for i, d := range formDesigns(c.in, c.out) {
				chain := butterfly.NewChain(d)
				for _, f := range chain.Factors {
					for j := range f.Values {
						f.Values[j] = float32(r.NormFloat64()) * 0.4
					}
				}
				opset := max(c.opset, []int{9, 11, 13, 17, 20}[i%5])
				m := c.model(opset, chain.Dense())
				found := discover.Find(Open(t, m))
				l := found.Layers[0]
				if l.Skip != "" || l.In != c.in || l.Out != c.out || l.Uses[0].Form != c.form {
					t.Fatalf("layer %+v", l)
				}
				if !l.Takes(d) {
					if _, err := write.Model(m, found, []write.Replacement{{Layer: l, Chain: chain}}, write.Options{Weights: compact.FP32}); err == nil {
						t.Fatalf("%v is written though the layer does not take it", d)
					}
					continue
				}
				taken++
				written := writeModel(t, m, found, []write.Replacement{{Layer: l, Chain: chain}}, write.Options{Weights: compact.FP32})
				if written.Graph.Initializer("w") != nil {
					t.Fatalf("%v: the weight is still stored", d)
				}
				in := map[string]*onnx.Tensor{"x": Random(7, c.x...)}
				want := Run(t, m, in)
				wantSame(t, fmt.Sprintf("%v, opset %d", d, opset), Run(t, written, in), want, 2e-5)
				keepForRuntimes(t, name, i, written, in["x"], want["y"])
			}
			if taken < 2 {
				t.Errorf("only %d designs are taken", taken)
			}
		})
	}
}

// keepForRuntimes writes a model with an input and the output that it should
// give to the folder KEEP, if that is set, as a case of the ONNX suite: for runs
// with other runtimes.
func keepForRuntimes(t *testing.T, name string, i int, m *onnx.Model, x, y *onnx.Tensor) {
	t.Helper()
	keep := os.Getenv("KEEP")
	if keep == "" {
		return
	}
	dir := filepath.Join(keep, fmt.Sprintf("%s-%d", filepath.Base(name), i))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := m.Save(filepath.Join(dir, "model.onnx")); err != nil {
		t.Fatal(err)
	}
	for file, v := range map[string]*onnx.Tensor{"x.npy": x, "y.npy": y} {
		if err := npy.WriteFile(filepath.Join(dir, file), v); err != nil {
			t.Fatal(err)
		}
	}
}
