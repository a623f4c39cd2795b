package calibrate_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/fit/discover"
	. "github.com/kcompress/kcompress/fit/internal/modeltest"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/onnx/npy"
)

// save writes arrays into a file of a new folder and returns its path.
func save(t *testing.T, arrays ...*onnx.Tensor) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data.npz")
	if err := npy.WriteArchiveFile(path, arrays); err != nil {
		t.Fatal(err)
	}
	return path
}

func symbolic(name string, symbols ...string) onnx.ValueInfo {
	info := Value(name)
	for _, s := range symbols {
		info.Type.Shape = append(info.Type.Shape, onnx.Dim{Size: -1, Symbol: s})
	}
	return info
}

func TestLoadFile(t *testing.T) {
	x := Random(1, 150, 3)
	label := onnx.NewTensor(onnx.Int64, 150)
	for i := range label.Int64s() {
		label.Int64s()[i] = int64(i)
	}
	path := save(t, Named("x", x), Named("label", label))
	for _, test := range []struct {
		first   int // size of the model's first axis
		batches int
		samples int
	}{{-1, 3, 150}, {1, 150, 150}, {40, 3, 120}, {150, 1, 150}} {
		d, err := calibrate.Load(path, []onnx.ValueInfo{Value("x", test.first, 3)})
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Batches) != test.batches || d.Samples != test.samples {
			t.Errorf("first axis %d: %d batches of %d samples, want %d of %d", test.first, len(d.Batches), d.Samples, test.batches, test.samples)
		}
		at := 0
		for _, b := range d.Batches { // in order, and labels with their samples
			for i, y := range b["label"].Int64s() {
				if y != int64(at) || b["x"].Float32s()[3*i] != x.Float32s()[3*at] {
					t.Fatalf("first axis %d: sample %d is out of order", test.first, at)
				}
				at++
			}
		}
	}
}

func TestLoadConverts(t *testing.T) {
	wide, _ := Random(1, 4, 3).ConvertTo(onnx.Float64)
	small := onnx.FromSlice([]int32{1, 2, 3, 250}, 4)
	path := save(t, Named("x", wide), Named("ids", small))
	d, err := calibrate.Load(path, []onnx.ValueInfo{Value("x", -1, 3), Typed(onnx.Int64, "ids", -1)})
	if err != nil {
		t.Fatal(err)
	}
	if d.Batches[0]["x"].Type != onnx.Float32 || d.Batches[0]["ids"].Type != onnx.Int64 {
		t.Errorf("got %v", d.Batches[0])
	}
	if _, err := calibrate.Load(path, []onnx.ValueInfo{Value("x", -1, 3), Typed(onnx.Uint8, "ids", -1)}); err != nil {
		t.Errorf("integers that fit are refused: %v", err)
	}
	if _, err := calibrate.Load(path, []onnx.ValueInfo{Value("x", -1, 3), Typed(onnx.Int8, "ids", -1)}); err == nil {
		t.Error("250 is taken for an int8")
	}
}

// Every mistake is an error that names file and array, before anything is run.
func TestLoadRefuses(t *testing.T) {
	nan := Random(1, 4, 3)
	nan.Float32s()[7] = float32(math.NaN())
	x, y := Named("x", Random(1, 4, 3)), Named("y", Random(2, 4, 5))
	sequence := onnx.ValueInfo{Name: "x", Type: onnx.Type{Kind: onnx.SequenceType}}
	tests := map[string]struct {
		arrays []*onnx.Tensor
		inputs []onnx.ValueInfo
		words  []string
	}{
		"missing":      {[]*onnx.Tensor{x}, []onnx.ValueInfo{Value("input", -1, 3)}, []string{`"input"`, "the file has x"}},
		"rank":         {[]*onnx.Tensor{x}, []onnx.ValueInfo{Value("x", -1, 3, 1)}, []string{`"x"`, "[4 3]", "3 axes"}},
		"size":         {[]*onnx.Tensor{x}, []onnx.ValueInfo{Value("x", -1, 7)}, []string{`"x"`, "7", "axis 1"}},
		"symbol":       {[]*onnx.Tensor{x, y}, []onnx.ValueInfo{symbolic("x", "n", "k"), symbolic("y", "n", "k")}, []string{`"y"`, `"k"`, "3", "5"}},
		"type":         {[]*onnx.Tensor{x}, []onnx.ValueInfo{Typed(onnx.Int64, "x", -1, 3)}, []string{`"x"`, "float32", "int64"}},
		"NaN":          {[]*onnx.Tensor{Named("x", nan)}, []onnx.ValueInfo{Value("x", -1, 3)}, []string{`"x"`, "1 NaN"}},
		"samples":      {[]*onnx.Tensor{x, Named("y", Random(2, 5, 5))}, []onnx.ValueInfo{Value("x", -1, 3), Value("y", -1, 5)}, []string{`"y"`, "4 samples"}},
		"too few":      {[]*onnx.Tensor{x}, []onnx.ValueInfo{Value("x", 8, 3)}, []string{"4 samples", "8 at once"}},
		"none":         {[]*onnx.Tensor{Named("x", onnx.NewTensor(onnx.Float32, 0, 3))}, []onnx.ValueInfo{Value("x", -1, 3)}, []string{"no samples"}},
		"scalar":       {[]*onnx.Tensor{Named("x", onnx.Scalar(float32(1)))}, []onnx.ValueInfo{Value("x")}, []string{`"x"`, "folder"}},
		"scalar array": {[]*onnx.Tensor{x, Named("note", onnx.Scalar(float32(1)))}, []onnx.ValueInfo{Value("x", -1, 3)}, []string{`"note"`}},
		"state":        {[]*onnx.Tensor{x, y}, []onnx.ValueInfo{Value("x", 1, 3), Value("y", 2, 5)}, []string{`"x"`, `"y"`, "folder"}},
		"empty axis":   {[]*onnx.Tensor{x}, []onnx.ValueInfo{Value("x", 0, 3)}, []string{`"x"`, "folder"}},
		"sequence":     {[]*onnx.Tensor{x}, []onnx.ValueInfo{sequence}, []string{`"x"`, "no tensor"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := save(t, test.arrays...)
			_, err := calibrate.Load(path, test.inputs)
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range append(test.words, path) {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
		})
	}
	broken := filepath.Join(t.TempDir(), "broken.npz")
	if err := os.WriteFile(broken, []byte("PK no zip"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{broken, filepath.Join(t.TempDir(), "none.npz"), t.TempDir()} {
		if _, err := calibrate.Load(path, []onnx.ValueInfo{Value("x", -1, 3)}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A folder holds one run a file: sizes may differ from run to run.
func TestLoadFolder(t *testing.T) {
	dir := t.TempDir()
	for i, n := range []int{2, 3, 1} {
		arrays := []*onnx.Tensor{Named("x", Random(uint64(i), n, 3)), Named("state", Random(9, 2, 1, 4))}
		if err := npy.WriteArchiveFile(filepath.Join(dir, fmt.Sprintf("run%d.npz", i)), arrays); err != nil {
			t.Fatal(err)
		}
	}
	inputs := []onnx.ValueInfo{Value("x", -1, 3), Value("state", 2, 1, 4)}
	d, err := calibrate.Load(dir, inputs)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Batches) != 3 || d.Samples != 6 || d.Batches[1]["x"].Shape[0] != 3 {
		t.Errorf("%d batches, %d samples", len(d.Batches), d.Samples)
	}
	inputs[1] = Value("state", 3, 1, 4)
	if _, err := calibrate.Load(dir, inputs); err == nil || !strings.Contains(err.Error(), "run0.npz") {
		t.Errorf("a wrong first axis gives %v", err)
	}
}

func TestSplit(t *testing.T) {
	for n := 1; n < 60; n++ {
		d := &calibrate.Data{Samples: 4 * n}
		for i := range n {
			d.Batches = append(d.Batches, map[string]*onnx.Tensor{"x": onnx.FromSlice([]float32{float32(i)}, 1)})
		}
		fit, held := d.Split(0.1)
		seen := map[float32]int{}
		for _, b := range append(append([]map[string]*onnx.Tensor(nil), fit.Batches...), held.Batches...) {
			seen[b["x"].Float32s()[0]]++
		}
		if len(seen) != n || len(fit.Batches)+len(held.Batches) != n || fit.Samples+held.Samples != d.Samples {
			t.Fatalf("%d batches are split into %d and %d", n, len(fit.Batches), len(held.Batches))
		}
		if len(fit.Batches) == 0 || n > 1 && len(held.Batches) == 0 {
			t.Errorf("%d batches are split into %d and %d", n, len(fit.Batches), len(held.Batches))
		}
		if share := float64(len(held.Batches)) / float64(n); n > 20 && (share < 0.05 || share > 0.15) {
			t.Errorf("of %d batches, %d are held back", n, len(held.Batches))
		}
		for _, most := range []int{1, 5, 100} {
			thin := d.Thin(most)
			if len(thin.Batches) != min(n, most) {
				t.Errorf("%d of %d batches are kept, want %d", len(thin.Batches), n, most)
			}
		}
		if limited := d.Limit(8); limited.Samples > 8 && len(limited.Batches) > 1 {
			t.Errorf("limited to 8 samples: %d in %d batches", limited.Samples, len(limited.Batches))
		}
	}
}

func TestFirstSample(t *testing.T) {
	batch := map[string]*onnx.Tensor{"x": Random(1, 5, 3), "y": Random(2, 5, 2)}
	free := calibrate.FirstSample(batch, []onnx.ValueInfo{Value("x", -1, 3), Value("y", -1, 2)})
	if free["x"].Shape[0] != 1 || free["y"].Shape[0] != 1 || free["x"].Float32s()[2] != batch["x"].Float32s()[2] {
		t.Errorf("the first sample is %v", free)
	}
	if fixed := calibrate.FirstSample(batch, []onnx.ValueInfo{Value("x", 5, 3), Value("y", -1, 2)}); fixed["x"].Shape[0] != 5 {
		t.Errorf("a fixed batch is cut to %v", fixed)
	}
}

func TestRandom(t *testing.T) {
	inputs := []onnx.ValueInfo{Value("x", -1, 3), Typed(onnx.Int64, "ids", -1), Typed(onnx.Uint8, "image", 2), Typed(onnx.Bool, "mask", 4), Typed(onnx.Float16, "half", 2)}
	a, err := calibrate.Random(inputs, 3, 5, 1)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := calibrate.Random(inputs, 3, 5, 1)
	c, _ := calibrate.Random(inputs, 3, 5, 2)
	if len(a.Batches) != 3 || a.Samples != 15 {
		t.Errorf("%d batches, %d samples", len(a.Batches), a.Samples)
	}
	for _, info := range inputs {
		x := a.Batches[0][info.Name]
		if x.Type != info.Type.Elem || x.Rank() != len(info.Type.Shape) {
			t.Errorf("%s is %v", info.Name, x)
		}
		if string(x.Raw()) != string(b.Batches[0][info.Name].Raw()) {
			t.Errorf("%s: one seed gives two results", info.Name)
		}
	}
	if string(a.Batches[0]["x"].Raw()) == string(c.Batches[0]["x"].Raw()) {
		t.Error("two seeds give one result")
	}
	for _, bad := range []onnx.ValueInfo{{Name: "x"}, Value("x", 1<<20, 1<<20), Value("x", math.MaxInt, 2), Typed(onnx.String, "x", 1)} {
		if _, err := calibrate.Random([]onnx.ValueInfo{bad}, 1, 1, 1); err == nil {
			t.Errorf("%v is taken", bad.Type)
		}
	}
}

// moments runs a two-layer model on two batches and returns the moments with
// the inputs of both layers.
func TestMoments(t *testing.T) {
	w1, w2 := Random(1, 5, 7), Random(2, 7, 7)
	m := Model(17, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 2, 5)}, Outputs: Outputs("y"),
		Initializers: []*onnx.Tensor{Named("w1", w1), Named("w2", w2)},
		// The second weight is tied: it sees the output of Relu and of itself.
		Nodes: []*onnx.Node{Node("MatMul", "x w1", "a"), Node("Relu", "a", "b"), Node("MatMul", "b w2", "c"), Node("MatMul", "c w2", "y")}})
	layers := discover.Find(Open(t, m)).Layers
	d := &calibrate.Data{Samples: 7}
	sums := [][]float64{make([]float64, 25), make([]float64, 49)}
	rows := []int{0, 0}
	add := func(layer int, v []float64) {
		n := len(v)
		rows[layer]++
		for i := range v {
			for j := range v {
				sums[layer][i*n+j] += v[i] * v[j]
			}
		}
	}
	for seed, n := range []int{4, 3} {
		x := Random(uint64(10+seed), n, 2, 5)
		d.Batches = append(d.Batches, map[string]*onnx.Tensor{"x": x})
		for r := range 2 * n {
			in := make([]float64, 5)
			for i := range in {
				in[i] = float64(x.Float32s()[5*r+i])
			}
			add(0, in)
			b := multiply(in, w1)
			for i := range b {
				b[i] = max(b[i], 0)
			}
			add(1, b)
			add(1, multiply(b, w2))
		}
	}
	calls := 0
	for threads := 1; threads <= 2; threads++ {
		moments, err := calibrate.Moments(context.Background(), m, layers, d, threads, func(done, all int) {
			calls++
			if all != 2 || done < 1 || done > 2 {
				t.Errorf("progress is %d of %d", done, all)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range layers {
			got := moments[l.Name]
			if got.Rows != rows[i] || got.Runs != 2 || len(got.Values) != len(sums[i]) {
				t.Fatalf("layer %s: %d rows in %d runs, want %d", l.Name, got.Rows, got.Runs, rows[i])
			}
			for k, sum := range sums[i] {
				if want := sum / float64(rows[i]); math.Abs(got.Values[k]-want) > 1e-6 {
					t.Fatalf("layer %s, element %d: %v, want %v", l.Name, k, got.Values[k], want)
				}
			}
		}
	}
	if calls != 4 {
		t.Errorf("progress was told %d times", calls)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := calibrate.Moments(cancelled, m, layers, d, 1, nil); err == nil {
		t.Error("a cancelled calibration gives no error")
	}
}

// multiply returns v w in float64.
func multiply(v []float64, w *onnx.Tensor) []float64 {
	y := make([]float64, w.Shape[1])
	for j := range y {
		for i := range v {
			y[j] += v[i] * float64(w.Float32s()[i*w.Shape[1]+j])
		}
	}
	return y
}

// Activations that are no numbers are an error, not a moment.
func TestMomentsOfNaN(t *testing.T) {
	m := Model(17, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 4)}, Outputs: Outputs("y"), Initializers: []*onnx.Tensor{Named("w", Random(1, 4, 4))},
		Nodes: []*onnx.Node{Node("Log", "x", "l"), Node("MatMul", "l w", "y")}})
	layers := discover.Find(Open(t, m)).Layers
	d := &calibrate.Data{Samples: 1, Batches: []map[string]*onnx.Tensor{{"x": onnx.FromSlice([]float32{-1, 1, 1, 1}, 1, 4)}}}
	if _, err := calibrate.Moments(context.Background(), m, layers, d, 1, nil); err == nil || !strings.Contains(err.Error(), `"l"`) || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("got %v", err)
	}
}

// Layers too wide for a moment are left out before any memory is taken.
func TestMomentsOfWideLayers(t *testing.T) {
	m := Model(17, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 100_000), Value("z", -1, 4)}, Outputs: Outputs("y v"),
		Initializers: []*onnx.Tensor{Named("w", Random(1, 100_000, 1)), Named("u", Random(1, 4, 4))}, Nodes: []*onnx.Node{Node("MatMul", "x w", "y"), Node("MatMul", "z u", "v")}})
	layers := discover.Find(Open(t, m)).Layers
	d := &calibrate.Data{Samples: 1, Batches: []map[string]*onnx.Tensor{{"x": onnx.NewTensor(onnx.Float32, 1, 100_000), "z": Random(2, 1, 4)}}}
	moments, err := calibrate.Moments(context.Background(), m, layers, d, 1, nil)
	if err != nil || moments["node.y"] != nil || moments["node.v"] == nil {
		t.Errorf("moments are %v, %v", moments, err)
	}
}
