package write_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/fit/discover"
	"github.com/kcompress/kcompress/fit/factorise"
	. "github.com/kcompress/kcompress/fit/internal/modeltest"
	"github.com/kcompress/kcompress/fit/write"
	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/compact"
)

// BenchmarkConv times convolutions as they are and as chains of a quarter of
// their weights, on one thread.
func BenchmarkConv(b *testing.B) {
	for name, c := range map[string]struct{ channels, kernel, size int }{
		"256x1x1at28": {256, 1, 28}, "512x1x1at14": {512, 1, 14}, "1024x1x1at7": {1024, 1, 7}, "128x3x3at28": {128, 3, 28}, "256x3x3at14": {256, 3, 14},
	} {
		in, out := c.channels*c.kernel*c.kernel, c.channels
		pad := int64(c.kernel / 2)
		m := Model(17, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", 1, c.channels, c.size, c.size)}, Outputs: Outputs("y"),
			Initializers: []*onnx.Tensor{Named("w", Random(1, out, c.channels, c.kernel, c.kernel)), Named("b", Random(2, out))},
			Nodes:        []*onnx.Node{Node("Conv", "x w b", "y", onnx.IntsAttr("pads", pad, pad, pad, pad))}})
		x := map[string]*onnx.Tensor{"x": Random(3, 1, c.channels, c.size, c.size)}
		b.Run(name+"/dense", func(b *testing.B) { timeModel(b, m, x) })
		found := discover.Find(Open(b, m))
		rank := in * out / 4 / (in + out)
		designs := []butterfly.Design{{In: in, Out: out, Patterns: []butterfly.Pattern{{A: 1, B: rank, C: in, D: 1}, {A: 1, B: out, C: rank, D: 1}}}}
		for _, d := range factorise.Designs(in, out, in*out/4) {
			if found.Layers[0].Takes(d) {
				designs = append(designs, d)
				break
			}
		}
		for i, kind := range []string{"lowrank", "blast"}[:len(designs)] {
			chain := butterfly.NewChain(designs[i])
			r := rand.New(rand.NewPCG(1, 1))
			for _, f := range chain.Factors {
				for j := range f.Values {
					f.Values[j] = float32(r.NormFloat64()) / 10
				}
			}
			written, err := write.Model(m, found, []write.Replacement{{Layer: found.Layers[0], Chain: chain}}, write.Options{Weights: compact.FP32})
			if err != nil {
				b.Fatal(err)
			}
			b.Run(name+"/"+kind, func(b *testing.B) { timeModel(b, written, x) })
		}
	}
}

func timeModel(b *testing.B, m *onnx.Model, x map[string]*onnx.Tensor) {
	s, err := runtime.New(m, runtime.WithThreads(1))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for b.Loop() {
		if _, err := s.Run(context.Background(), x); err != nil {
			b.Fatal(err)
		}
	}
}
