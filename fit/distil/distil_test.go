package distil

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/fit/measure"
	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/compact"
)

// inputWidth, hidden and classes are the sizes of the test model.
const (
	inputWidth = 16
	hidden     = 32
	classes    = 6
)

func normal(r *rand.Rand, name string, scale float64, shape ...int) *onnx.Tensor {
	t := onnx.NewTensor(onnx.Float32, shape...)
	for i := range t.Float32s() {
		t.Float32s()[i] = float32(scale * r.NormFloat64())
	}
	t.Name = name
	return t
}

func values(name string, symbolic bool, sizes ...int) onnx.ValueInfo {
	info := onnx.ValueInfo{Name: name, Type: onnx.Type{Kind: onnx.TensorType, Elem: onnx.Float32, HasShape: true}}
	for i, n := range sizes {
		d := onnx.Dim{Size: n}
		if i == 0 && symbolic {
			d = onnx.Dim{Size: -1, Symbol: "batch"}
		}
		info.Type.Shape = append(info.Type.Shape, d)
	}
	return info
}

// models returns a perceptron and a student of it whose dense layers are
// chains with random values.
func models(output string) (teacher, student *onnx.Model) {
	r := rand.New(rand.NewPCG(7, 0))
	biases := []*onnx.Tensor{normal(r, "b1", 0.5, hidden), normal(r, "b2", 0.5, classes)}
	graph := func(layer func(name, in, out string, from, to int) *onnx.Node) *onnx.Model {
		g := &onnx.Graph{Name: "perceptron", Inputs: []onnx.ValueInfo{values("x", true, 0, inputWidth)}, Outputs: []onnx.ValueInfo{values(output, true, 0, classes)}}
		g.Nodes = []*onnx.Node{
			layer("w1", "x", "p1", inputWidth, hidden),
			{Name: "add1", Op: "Add", Inputs: []string{"p1", "b1"}, Outputs: []string{"a1"}},
			{Name: "relu", Op: "Relu", Inputs: []string{"a1"}, Outputs: []string{"h"}},
			layer("w2", "h", "p2", hidden, classes),
			{Name: "add2", Op: "Add", Inputs: []string{"p2", "b2"}, Outputs: []string{output}},
		}
		g.Initializers = slices.Clone(biases)
		return &onnx.Model{IRVersion: 10, Opsets: map[string]int{"": 20, compact.Domain: compact.Version}, Graph: g}
	}
	var weights []*onnx.Tensor
	teacher = graph(func(name, in, out string, from, to int) *onnx.Node {
		weights = append(weights, normal(r, name, 1/math.Sqrt(float64(from)), from, to))
		return &onnx.Node{Name: name, Op: "MatMul", Inputs: []string{in, name}, Outputs: []string{out}}
	})
	teacher.Graph.Initializers = append(teacher.Graph.Initializers, weights...)
	var factors []*onnx.Tensor
	student = graph(func(name, in, out string, from, to int) *onnx.Node {
		d := butterfly.Design{In: from, Out: to, Patterns: []butterfly.Pattern{{A: 1, B: 8, C: from, D: 1}, {A: 1, B: to, C: 8, D: 1}}}
		n := compact.ChainNode(d, compact.FP32, "", 0)
		n.Name, n.Inputs, n.Outputs = name, []string{in}, []string{out}
		for _, p := range d.Patterns {
			f := normal(r, name+".factor"+p.String(), 1/math.Sqrt(float64(p.C)), p.A, p.D, p.B, p.C)
			factors = append(factors, f)
			n.Inputs = append(n.Inputs, f.Name)
		}
		return n
	})
	student.Graph.Initializers = append(student.Graph.Initializers, factors...)
	return teacher, student
}

func samples(seed uint64, batches int) *calibrate.Data {
	r := rand.New(rand.NewPCG(seed, 1))
	d := &calibrate.Data{}
	for range batches {
		d.Batches = append(d.Batches, map[string]*onnx.Tensor{"x": normal(r, "x", 1, 40, inputWidth)})
		d.Samples += 40
	}
	return d
}

func distil(t *testing.T, output string, o Options) (teacher *onnx.Model, r *Result) {
	t.Helper()
	teacher, student := models(output)
	before, err := student.Encode()
	if err != nil {
		t.Fatal(err)
	}
	r, err = Run(context.Background(), teacher, student, samples(1, 8), samples(2, 2), o)
	if err != nil {
		t.Fatal(err)
	}
	after, err := student.Encode()
	if err != nil || string(before) != string(after) {
		t.Fatalf("the student that was given has changed (%v)", err)
	}
	return teacher, r
}

// Training brings a random student near its teacher, and the loss that is told
// is that of the model that is returned.
func TestRun(t *testing.T) {
	for _, output := range []string{"logits", "y"} {
		teacher, r := distil(t, output, Options{Steps: 300, Seed: 1, Threads: 2, Rate: 1e-2})
		if r.After > r.Before/5 || r.Steps != 300 {
			t.Errorf("%s: loss %g after %d steps, %g before", output, r.After, r.Steps, r.Before)
		}
		held := samples(2, 2)
		var outputs [2]measure.Outputs
		for i, m := range []*onnx.Model{teacher, r.Model} {
			s, err := runtime.New(m)
			if err != nil {
				t.Fatal(err)
			}
			if outputs[i], err = measure.Run(context.Background(), s, held); err != nil {
				t.Fatal(err)
			}
		}
		d, err := measure.Compare(teacher.Graph, outputs[0], outputs[1])
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(d.Loss()-r.After) > 0.02*r.After {
			t.Errorf("%s: the model's loss is %g, told %g", output, d.Loss(), r.After)
		}
	}
}

func TestSameOnAnyThreads(t *testing.T) {
	_, a := distil(t, "logits", Options{Steps: 20, Seed: 3, Threads: 1})
	_, b := distil(t, "logits", Options{Steps: 20, Seed: 3, Threads: 3})
	for name, x := range a.Values {
		if string(x.Raw()) != string(b.Values[name].Raw()) {
			t.Errorf("%s depends on the number of threads", name)
		}
	}
	if _, c := distil(t, "logits", Options{Steps: 20, Seed: 4}); string(c.Values["b1"].Raw()) == string(a.Values["b1"].Raw()) {
		t.Error("the seed changes nothing")
	}
}

// A run that diverges returns what it began with.
func TestNeverWorse(t *testing.T) {
	_, student := models("logits")
	_, r := distil(t, "logits", Options{Steps: 10, Seed: 1, Rate: 1e9, EvaluateEvery: 1})
	if r.After > r.Before {
		t.Errorf("loss %g after, %g before", r.After, r.Before)
	}
	for name, v := range r.Values {
		if string(v.Raw()) != string(student.Graph.Initializer(name).Raw()) {
			t.Errorf("%s changed", name)
		}
	}
}

// Training for int8 ends with a smaller loss of the rounded model than training
// without.
func TestInt8Aware(t *testing.T) {
	_, r := distil(t, "logits", Options{Steps: 150, Seed: 1, Int8Aware: true, Rate: 1e-2})
	if r.After > r.Before/3 {
		t.Errorf("loss %g after, %g before", r.After, r.Before)
	}
	p := &parameter{value: onnx.FromSlice([]float32{1, 0.5, -0.337, 0}, 1, 1, 2, 2), chain: &butterfly.Pattern{A: 1, B: 2, C: 2, D: 1}}
	const scale = 129.0 / (1 << 14) // 1/127 as float16
	for i, want := range []float64{127 * scale, 64 * scale, -43 * scale, 0} {
		if got := p.tensor(true).Float32s()[i]; math.Abs(float64(got)-want) > 1e-7 {
			t.Errorf("element %d rounds to %g, want %g", i, got, want)
		}
	}
}

func TestTimeLimit(t *testing.T) {
	_, r := distil(t, "logits", Options{Steps: 1 << 40, TimeLimit: 200 * time.Millisecond, EvaluateEvery: 1 << 30})
	if r.Steps >= 1<<30 {
		t.Errorf("%d steps", r.Steps)
	}
}

func TestNothingToTrain(t *testing.T) {
	m := &onnx.Model{IRVersion: 10, Opsets: map[string]int{"": 20}, Graph: &onnx.Graph{
		Name: "empty", Inputs: []onnx.ValueInfo{values("x", true, 0, inputWidth)}, Outputs: []onnx.ValueInfo{values("y", true, 0, inputWidth)},
		Nodes: []*onnx.Node{{Op: "Relu", Inputs: []string{"x"}, Outputs: []string{"y"}}}}}
	_, err := Run(context.Background(), m, m, samples(1, 2), samples(2, 1), Options{Steps: 1})
	if !errors.Is(err, ErrNothingToTrain) {
		t.Errorf("got %v", err)
	}
}

func TestCancel(t *testing.T) {
	teacher, student := models("logits")
	ctx, cancel := context.WithCancel(context.Background())
	o := Options{Steps: 1 << 20, Progress: func(step, _ int, _ float64) {
		if step == 3 {
			cancel()
		}
	}}
	if _, err := Run(ctx, teacher, student, samples(1, 2), samples(2, 1), o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Batches that do not fit into memory are cut, which changes nothing but
// rounding.
func TestMemoryLimit(t *testing.T) {
	teacher, student := models("logits")
	var losses []float64
	var gradients []map[string][]float32
	for _, limit := range []int{0, 16 << 10} { // a batch of 40 takes 40 x (64 + 6) floats and more
		o := Options{Seed: 1, Threads: 1, MemoryBytes: limit}
		o.setDefaults()
		tr, err := newTrainer(context.Background(), teacher, student, samples(1, 2), samples(2, 1), o)
		if err != nil {
			t.Fatal(err)
		}
		defer tr.close()
		loss, g, err := tr.loss(context.Background(), tr.held[0], false, true)
		if err != nil {
			t.Fatal(err)
		}
		if cut := tr.most > 0; cut != (limit > 0) {
			t.Errorf("limit of %d bytes: at most %d samples at once", limit, tr.most)
		}
		losses, gradients = append(losses, loss), append(gradients, g)
	}
	if math.Abs(losses[0]-losses[1]) > 1e-5*losses[0] {
		t.Errorf("losses %g and %g", losses[0], losses[1])
	}
	for name, g := range gradients[0] {
		for i, v := range g {
			if math.Abs(float64(v-gradients[1][name][i])) > 1e-5 {
				t.Errorf("%s: gradients %g and %g", name, v, gradients[1][name][i])
				break
			}
		}
	}
}

// A run that is stopped and goes on from its checkpoint gives the same bytes as
// one that is not, and no other run takes the state of it.
func TestCheckpoint(t *testing.T) {
	o := Options{Steps: 30, Seed: 5, EvaluateEvery: 4, Int8Aware: true}
	_, whole := distil(t, "logits", o)
	o.Checkpoint = filepath.Join(t.TempDir(), "state")
	teacher, student := models("logits")
	for _, last := range []int{3, 9, 21} { // before the first checkpoint, and later
		ctx, cancel := context.WithCancel(context.Background())
		o.Progress = func(step, _ int, _ float64) {
			if step == last {
				cancel()
			}
		}
		if _, err := Run(ctx, teacher, student, samples(1, 8), samples(2, 2), o); !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped at step %d: %v", last, err)
		}
		cancel()
	}
	o.Progress = nil
	_, resumed := distil(t, "logits", o)
	for name, v := range whole.Values {
		if string(v.Raw()) != string(resumed.Values[name].Raw()) {
			t.Errorf("%s differs", name)
		}
	}
	if whole.Before != resumed.Before || whole.After != resumed.After || whole.Steps != resumed.Steps {
		t.Errorf("losses %g -> %g in %d steps, without a stop %g -> %g in %d", resumed.Before, resumed.After, resumed.Steps, whole.Before, whole.After, whole.Steps)
	}
	o.Seed = 6
	if other, err := Run(context.Background(), teacher, student, samples(1, 8), samples(2, 2), o); err != nil || other.After == resumed.After {
		t.Errorf("another run: %v, %v: it must not take the checkpoint", other, err)
	}
	files, err := filepath.Glob(filepath.Join(o.Checkpoint, "*.state"))
	if err != nil || len(files) != 2 {
		t.Fatalf("states %v, %v: want one for each run", files, err)
	}
	for _, f := range files {
		if err := os.WriteFile(f, []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Run(context.Background(), teacher, student, samples(1, 8), samples(2, 2), o); err == nil {
		t.Error("a damaged checkpoint is no error")
	}
}

// The rate is found whatever the student needs: a random one needs a large rate,
// one that nearly is its teacher a small one, or it gets worse. No rate given
// does nearly as well as the best of those given.
func TestRateIsFound(t *testing.T) {
	for _, near := range []bool{false, true} {
		teacher, student := models("logits")
		if near {
			r, err := Run(context.Background(), teacher, student, samples(1, 8), samples(2, 2), Options{Steps: 400, Seed: 1, Rate: 1e-2})
			if err != nil {
				t.Fatal(err)
			}
			student = r.Model
		}
		loss := func(rate float64) float64 {
			t.Helper()
			r, err := Run(context.Background(), teacher, student, samples(1, 8), samples(2, 2), Options{Steps: 300, Seed: 2, Rate: rate})
			if err != nil {
				t.Fatal(err)
			}
			return r.After
		}
		best := math.Inf(1)
		for _, rate := range []float64{1e-4, 3e-4, 1e-3, 3e-3, 1e-2} {
			best = min(best, loss(rate))
		}
		if found := loss(0); found > 1.25*best {
			t.Errorf("near %v: the loss is %g, %g with the best of five rates", near, found, best)
		}
	}
}
