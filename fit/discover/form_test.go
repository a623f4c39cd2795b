package discover_test

import (
	"math"
	"testing"

	"github.com/kcompress/kcompress/fit/discover"
	. "github.com/kcompress/kcompress/fit/internal/modeltest"
	"github.com/kcompress/kcompress/onnx"
)

// The vectors of a convolution times its weight are its outputs, position by
// position.
func TestVectors(t *testing.T) {
	for name, c := range map[string]struct {
		x, w  []int
		attrs []onnx.Attribute
	}{
		"1x1":                     {[]int{2, 5, 4, 3}, []int{6, 5, 1, 1}, nil},
		"1x1, strides":            {[]int{2, 5, 4, 3}, []int{6, 5, 1, 1}, []onnx.Attribute{onnx.IntsAttr("strides", 2, 3)}},
		"1x1, pads":               {[]int{2, 5, 4, 3}, []int{6, 5, 1, 1}, []onnx.Attribute{onnx.IntsAttr("pads", 0, 1, 2, 0)}},
		"3x2":                     {[]int{2, 5, 7, 6}, []int{4, 5, 3, 2}, []onnx.Attribute{onnx.IntsAttr("pads", 1, 0, 2, 1), onnx.IntsAttr("strides", 2, 1), onnx.IntsAttr("dilations", 1, 3)}},
		"SAME_UPPER":              {[]int{1, 3, 7, 6}, []int{4, 3, 4, 3}, []onnx.Attribute{onnx.StringAttr("auto_pad", "SAME_UPPER"), onnx.IntsAttr("strides", 2, 2)}},
		"SAME_LOWER":              {[]int{1, 3, 7}, []int{4, 3, 4}, []onnx.Attribute{onnx.StringAttr("auto_pad", "SAME_LOWER"), onnx.IntsAttr("strides", 3)}},
		"VALID, one axis":         {[]int{3, 3, 9}, []int{4, 3, 4}, []onnx.Attribute{onnx.StringAttr("auto_pad", "VALID"), onnx.IntsAttr("strides", 2)}},
		"three axes":              {[]int{1, 2, 3, 4, 5}, []int{3, 2, 2, 3, 2}, []onnx.Attribute{onnx.IntsAttr("pads", 1, 0, 1, 0, 1, 0)}},
		"smaller than the kernel": {[]int{1, 2, 1}, []int{3, 2, 3}, []onnx.Attribute{onnx.IntsAttr("pads", 1, 1)}},
	} {
		t.Run(name, func(t *testing.T) {
			m := Model(17, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", c.x...)}, Outputs: Outputs("y"),
				Initializers: []*onnx.Tensor{Named("w", Random(3, c.w...))}, Nodes: []*onnx.Node{Node("Conv", "x w", "y", c.attrs...)}})
			l := discover.Find(Open(t, m)).Layers[0]
			x := Random(5, c.x...)
			y := Run(t, m, map[string]*onnx.Tensor{"x": x})["y"]
			vectors, err := l.Uses[0].Vectors(x, l.In)
			if err != nil {
				t.Fatal(err)
			}
			plane := y.Len() / y.Shape[0] / l.Out
			if len(vectors) != y.Shape[0]*plane*l.In {
				t.Fatalf("%d numbers for %d positions of %d", len(vectors), y.Shape[0]*plane, l.In)
			}
			for v := range y.Shape[0] * plane {
				for o := range l.Out {
					sum := 0.0
					for i := range l.In {
						sum += float64(l.Weight[o*l.In+i]) * float64(vectors[v*l.In+i])
					}
					got := float64(y.Float32s()[(v/plane*l.Out+o)*plane+v%plane])
					if math.Abs(got-sum) > 1e-5 {
						t.Fatalf("position %d, output %d: %v, by the vector %v", v, o, got, sum)
					}
				}
			}
		})
	}
}

// Vectors of a large image are taken from all over it, and no more than needed.
func TestVectorsOfLargeInputs(t *testing.T) {
	m := Model(17, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", 2, 3, 100, 100)}, Outputs: Outputs("y"),
		Initializers: []*onnx.Tensor{Named("w", Random(3, 4, 3, 1, 1))}, Nodes: []*onnx.Node{Node("Conv", "x w", "y")}})
	l := discover.Find(Open(t, m)).Layers[0]
	x := onnx.NewTensor(onnx.Float32, 2, 3, 100, 100)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(i)
	}
	vectors, err := l.Uses[0].Vectors(x, 3)
	if err != nil {
		t.Fatal(err)
	}
	last := vectors[len(vectors)-3:]
	if n := len(vectors) / 3; n != 4096 || last[0] < 30000+9990 || last[1]-last[0] != 10000 {
		t.Errorf("%d vectors, the last one %v", n, last)
	}
	if _, err := l.Uses[0].Vectors(onnx.NewTensor(onnx.Float32, 2, 4, 5, 5), 3); err == nil {
		t.Error("no error for another number of channels")
	}
}
