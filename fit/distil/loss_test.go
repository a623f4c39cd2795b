package distil

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/onnx"
)

// The gradient of each loss agrees with differences of the loss itself, and the
// divergence with its definition.
func TestLossGradients(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	positive := func(name string) *onnx.Tensor {
		x := normal(r, name, 0.5, 2, 3, 7)
		for row := range 6 {
			v := x.Float32s()[row*7 : (row+1)*7]
			sum := float32(0)
			for i := range v {
				v[i] = float32(math.Exp(float64(v[i])))
				sum += v[i]
			}
			for i := range v {
				v[i] /= sum
			}
		}
		return x
	}
	ids := onnx.FromSlice([]int64{1, 2, 0, 3, 0, 0}, 2, 3)
	for _, l := range []outputLoss{
		{name: "y"}, {name: "y", scores: true}, {name: "y", scores: true, ids: "ids"}, {name: "y", ids: "ids"}, {name: "y", scores: true, probabilities: true},
	} {
		name := fmt.Sprintf("%+v", l)
		target, y := normal(r, "y", 1, 2, 3, 7), normal(r, "y", 1, 2, 3, 7)
		if l.probabilities {
			target, y = positive("y"), positive("y")
		}
		e := example{inputs: map[string]*onnx.Tensor{"ids": ids}, targets: map[string]*onnx.Tensor{"y": target}}
		loss, gradient, err := l.compute(nil, e, y, true)
		if err != nil {
			t.Fatal(err)
		}
		if l.scores && !l.probabilities {
			if want := divergenceOf(target, y, l.ids != ""); math.Abs(loss-want) > 1e-5 {
				t.Errorf("%s: loss %g, want %g", name, loss, want)
			}
		}
		const h = 1e-2
		for i, g := range gradient {
			at := y.Float32s()[i]
			var f [2]float64
			for k, d := range []float32{h, -h} {
				if l.probabilities {
					d /= 20
				}
				y.Float32s()[i] = at + d
				f[k], _, _ = l.compute(nil, e, y, false)
			}
			y.Float32s()[i] = at
			want := (f[0] - f[1]) / (2 * h)
			if l.probabilities {
				want *= 20
			}
			if math.Abs(float64(g)-want) > 2e-3+5e-3*math.Abs(want) {
				t.Errorf("%s: element %d: gradient %g, differences give %g", name, i, g, want)
			}
		}
	}
}

// divergenceOf is the mean KL of softmax over rows, of those that the ids of the
// test above do not mark as padding.
func divergenceOf(target, y *onnx.Tensor, padded bool) float64 {
	total, rows := 0.0, 0.0
	for row := range 6 {
		if padded && row != 0 && row != 1 && row != 3 {
			continue
		}
		rows++
		p, q := target.Float32s()[row*7:(row+1)*7], y.Float32s()[row*7:(row+1)*7]
		var sumP, sumQ float64
		for i := range p {
			sumP += math.Exp(float64(p[i]))
			sumQ += math.Exp(float64(q[i]))
		}
		for i := range p {
			a, b := math.Exp(float64(p[i]))/sumP, math.Exp(float64(q[i]))/sumQ
			total += a * math.Log(a/b)
		}
	}
	return total / rows
}

// Padding is found by the symbols of the declared shapes.
func TestIDs(t *testing.T) {
	dims := func(symbols ...string) (d []onnx.Dim) {
		for _, s := range symbols {
			d = append(d, onnx.Dim{Size: -1, Symbol: s})
		}
		return d
	}
	info := func(name string, elem onnx.DType, symbols ...string) onnx.ValueInfo {
		return onnx.ValueInfo{Name: name, Type: onnx.Type{Kind: onnx.TensorType, Elem: elem, HasShape: true, Shape: dims(symbols...)}}
	}
	inputs := []onnx.ValueInfo{info("source", onnx.Int64, "batch", "source"), info("target", onnx.Int64, "batch", "target"), info("mask", onnx.Float32, "batch", "target")}
	if got := idsFor(info("logits", onnx.Float32, "batch", "target", "pieces"), inputs); got != "target" {
		t.Errorf("got %q, want target", got)
	}
	if got := idsFor(info("pooled", onnx.Float32, "batch", "features"), inputs); got != "" {
		t.Errorf("got %q for an output without positions", got)
	}
}

// Every sample is drawn once before any comes again, and mixing keeps values
// between those of two samples.
func TestBatches(t *testing.T) {
	image := onnx.ValueInfo{Name: "image", Type: onnx.Type{Kind: onnx.TensorType, Elem: onnx.Uint8, HasShape: true, Shape: []onnx.Dim{{Size: -1, Symbol: "batch"}, {Size: 1}, {Size: 1}}}}
	data := &calibrate.Data{Samples: 10}
	for i := range 2 {
		data.Batches = append(data.Batches, map[string]*onnx.Tensor{"image": onnx.FromSlice([]uint8{uint8(100 * i), 1 + uint8(100*i), 2 + uint8(100*i), 3 + uint8(100*i), 4 + uint8(100*i)}, 5, 1, 1)})
	}
	plain, err := newBatches(data, []onnx.ValueInfo{image}, Options{BatchSize: 5, NoMixup: true})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		seen := slices.Concat(onnx.View[uint8](plain.next()["image"]), onnx.View[uint8](plain.next()["image"]))
		slices.Sort(seen)
		if want := []uint8{0, 1, 2, 3, 4, 100, 101, 102, 103, 104}; !slices.Equal(seen, want) {
			t.Errorf("one pass gave %v", seen)
		}
	}
	mixed, err := newBatches(data, []onnx.ValueInfo{image}, Options{BatchSize: 10, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	between := 0
	for range 20 {
		for _, v := range onnx.View[uint8](mixed.next()["image"]) {
			if v > 4 && v < 100 {
				between++
			}
			if v > 104 {
				t.Errorf("value %d", v)
			}
		}
	}
	if between < 20 || between > 100 { // half of 200 are mixed, half of these across
		t.Errorf("%d of 200 values lie between those of the samples", between)
	}
	ids := image
	ids.Type.Elem = onnx.Int64
	if canMix([]onnx.ValueInfo{image, ids}) {
		t.Error("ids are mixed")
	}
}
