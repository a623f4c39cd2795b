package runtime

import (
	"context"
	"math"
	"slices"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// fuseFunctions finds functions that exporters write as many small nodes: GELU
// with erf or tanh, SiLU, HardSwish, Mish, layer and RMS normalisation. There
// are many ways to write each, so none is matched by its nodes. Instead, nodes
// that together depend on a single value are computed for sample values, by
// their own kernels, and compared with the operator that they may stand for.
func fuseFunctions(f *fuser) {
	for i := len(f.steps) - 1; i >= 0; i-- {
		if f.is(i, "Mul", "Add", "Div") && f.isFloat32(f.steps[i].out[0]) {
			f.fuseFunction(i)
		}
	}
}

// maxFunction is the largest number of nodes of a function.
const maxFunction = 16

// functionNodes are the operators that functions are made of; telling ones are
// those of which every function has at least one.
var (
	functionNodes = []string{"Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "Reciprocal", "Erf", "Tanh", "Sigmoid", "HardSigmoid", "Softplus", "Exp", "Log", "Relu", "Clip", "Min", "ReduceMean"}
	tellingNodes  = []string{"Erf", "Tanh", "Sigmoid", "HardSigmoid", "Softplus", "Clip", "Min", "ReduceMean"}
)

// region is a set of nodes with one result.
type region struct {
	*fuser
	steps []int // in order of a run
	root  int
	x     int // the value that all depend on
	// telling is set once there is a reason to compare.
	telling, reduces bool
}

// fuseFunction grows the region that ends in step root, always by the node that
// runs last among those it depends on: where all depends on one value, that
// value is found.
func (f *fuser) fuseFunction(root int) {
	r := region{fuser: f, root: root}
	for i := root; i >= 0 && r.add(i); i = r.latest() {
		if r.x < 0 || !r.telling {
			continue
		}
		if by, ok := r.identify(); ok {
			f.replace(root, by, slices.DeleteFunc(r.steps, func(i int) bool { return i == root })...)
			return
		}
	}
}

// add takes step i into the region, if it may be part of a function and what it
// makes is needed in the region only.
func (r *region) add(i int) bool {
	if len(r.steps) == maxFunction || !r.is(i, functionNodes...) {
		return false
	}
	st := &r.fuser.steps[i]
	out := st.out[0]
	if i != r.root && (r.pinned[out] || !r.isFloat32(out)) {
		return false
	}
	for _, reader := range r.readers[out] {
		if i != r.root && !slices.Contains(r.steps, reader) {
			return false
		}
	}
	r.steps = append(r.steps, i)
	r.telling = r.telling || r.is(i, tellingNodes...)
	r.reduces = r.reduces || r.is(i, "ReduceMean")
	r.x = -1
	for _, leaf := range r.leaves() {
		if r.x >= 0 {
			r.x = -1
			break
		}
		r.x = leaf
	}
	return true
}

// leaves returns the values that the region reads and does not make, without
// constants.
func (r *region) leaves() []int {
	var leaves []int
	for _, i := range r.steps {
		for _, slot := range r.fuser.steps[i].in {
			if slot < 0 || r.program.constants[slot] != nil || slices.Contains(leaves, slot) {
				continue
			}
			if maker := r.maker[slot]; maker < 0 || !slices.Contains(r.steps, maker) {
				leaves = append(leaves, slot)
			}
		}
	}
	return leaves
}

// latest returns the step that makes the leaf that is computed last, -1 if none
// is computed.
func (r *region) latest() int {
	last := -1
	for _, leaf := range r.leaves() {
		last = max(last, r.maker[leaf])
	}
	return last
}

// identify returns the step that computes the same as the region.
func (r *region) identify() (step, bool) {
	if !r.isFloat32(r.x) || r.rank(r.x) < 1 {
		return step{}, false
	}
	slices.Sort(r.steps)
	if r.reduces {
		return r.identifyNorm()
	}
	for _, slot := range r.constantInputs() {
		if _, ok := r.scalar(slot); !ok {
			return step{}, false
		}
	}
	x := make([]float32, 0, 97)
	for i := range cap(x) {
		x = append(x, float32(i-48)/6+0.01)
	}
	x = append(x, -1e-3, 1e-4, 30, -30)
	y := r.evaluate(x)
	if y == nil {
		return step{}, false
	}
	for _, candidate := range []struct {
		name  string
		opset int
		attrs []onnx.Attribute
	}{
		{"Gelu", 20, nil},
		{"Gelu", 20, []onnx.Attribute{onnx.StringAttr("approximate", "tanh")}},
		{"Swish", 24, nil},
		{"HardSwish", 14, nil},
		{"Mish", 18, nil},
	} {
		n := nodeLike(r.fuser.steps[r.root].node, candidate.name, 1, 1, candidate.attrs...)
		by := r.newStep(n, candidate.name, ops.Lookup("", candidate.name, candidate.opset), candidate.opset, []int{r.x}, r.fuser.steps[r.root].out)
		if agree(y, r.apply(&by, x), 4e-6) {
			return by, true
		}
	}
	return step{}, false
}

// constantInputs returns the constants that the region reads, but for the axes
// of reductions.
func (r *region) constantInputs() []int {
	var slots []int
	for _, i := range r.steps {
		for k, slot := range r.fuser.steps[i].in {
			if slot < 0 || r.program.constants[slot] == nil || k > 0 && r.is(i, "ReduceMean") || slices.Contains(slots, slot) {
				continue
			}
			slots = append(slots, slot)
		}
	}
	return slots
}

// identifyNorm compares with normalisations over the last axis.
func (r *region) identifyNorm() (step, bool) {
	shape := r.info(r.x).Type.Shape
	size := shape[len(shape)-1]
	if !size.Known() || size.Size < 2 || size.Size > 1<<16 {
		return step{}, false
	}
	vectors, epsilons := []int{-1}, []float32{}
	for _, slot := range r.constantInputs() {
		if v, ok := r.scalar(slot); ok && v > 0 && v < 0.1 {
			epsilons = append(epsilons, v)
			continue
		}
		if t := r.constant(slot); t != nil && t.Type == onnx.Float32 && t.Len() == size.Size && t.Shape[t.Rank()-1] == size.Size {
			vectors = append(vectors, slot)
		}
	}
	if len(epsilons) > 2 || len(vectors) > 3 {
		return step{}, false
	}
	for _, epsilon := range epsilons {
		rows := normSamples(size.Size, epsilon)
		want := make([][]float32, len(rows))
		for i, row := range rows {
			if want[i] = r.evaluate(row); want[i] == nil {
				return step{}, false
			}
		}
		for _, scale := range vectors[1:] {
			for _, bias := range vectors {
				if by, ok := r.normStep(scale, bias, epsilon); ok && r.equalOn(&by, rows, want) {
					return by, true
				}
			}
		}
	}
	return step{}, false
}

// normStep returns a normalisation by the constants in the slots; bias may be
// -1.
func (r *region) normStep(scale, bias int, epsilon float32) (step, bool) {
	if scale == bias {
		return step{}, false
	}
	in := []int{r.x, scale}
	if bias >= 0 {
		in = append(in, bias)
	}
	n := nodeLike(r.fuser.steps[r.root].node, "LayerNormalization", len(in), 1, onnx.FloatAttr("epsilon", epsilon), onnx.IntAttr("axis", -1))
	return r.newStep(n, n.Op, ops.Lookup("", n.Op, 17), 17, in, r.fuser.steps[r.root].out), true
}

// normSamples are rows of n elements: of usual size, with a large mean, and
// with a deviation of about the square root of epsilon.
func normSamples(n int, epsilon float32) [][]float32 {
	rows := make([][]float32, 3)
	for i, scale := range []float64{1, 2, math.Sqrt(float64(epsilon))} {
		rows[i] = make([]float32, n)
		for j := range rows[i] {
			rows[i][j] = float32(scale * (math.Sin(float64(j*j+3*j+i)) + float64(i)))
		}
	}
	return rows
}

func (r *region) equalOn(by *step, rows, want [][]float32) bool {
	for i, row := range rows {
		if !agree(want[i], r.apply(by, row), 2e-5) {
			return false
		}
	}
	return true
}

// agree reports whether two results are the same to within rounding.
func agree(a, b []float32, tolerance float64) bool {
	if len(a) != len(b) || len(a) == 0 {
		return false
	}
	for i := range a {
		if d := math.Abs(float64(a[i]) - float64(b[i])); !(d <= tolerance*max(1, math.Abs(float64(a[i])))) {
			return false
		}
	}
	return true
}

// evaluate computes the region for a row of values of x, nil if that fails.
func (r *region) evaluate(row []float32) []float32 {
	values := map[int]onnx.Value{r.x: r.sample(row)}
	for _, i := range r.steps {
		st := &r.fuser.steps[i]
		y := r.compute(st, values)
		if y == nil {
			return nil
		}
		values[st.out[0]] = y
	}
	return floatsOf(values[r.fuser.steps[r.root].out[0]], len(row))
}

// apply computes a step for a row of values of x, nil if that fails.
func (r *region) apply(st *step, row []float32) []float32 {
	return floatsOf(r.compute(st, map[int]onnx.Value{r.x: r.sample(row)}), len(row))
}

// sample is a row in a tensor of the rank of x.
func (r *region) sample(row []float32) onnx.Value {
	shape := make([]int, r.rank(r.x))
	for i := range shape {
		shape[i] = 1
	}
	shape[len(shape)-1] = len(row)
	return onnx.FromSlice(row, shape...)
}

// compute runs a step by itself, nil if that fails.
func (r *region) compute(st *step, values map[int]onnx.Value) (y onnx.Value) {
	defer func() {
		if recover() != nil {
			y = nil
		}
	}()
	source := *st.source
	kernel, err := build(st.op, &source)
	if err != nil {
		return nil
	}
	in := make([]onnx.Value, len(st.in))
	for k, slot := range st.in {
		if slot < 0 {
			continue
		}
		if in[k] = r.program.constants[slot]; in[k] == nil {
			in[k] = values[slot]
		}
	}
	c := ops.NewCall(context.Background(), in, 1)
	if kernel(c) != nil {
		return nil
	}
	return c.Out[0]
}

// floatsOf returns the elements of a float32 tensor of n elements, else nil.
func floatsOf(v onnx.Value, n int) []float32 {
	t, ok := v.(*onnx.Tensor)
	if !ok || t == nil || t.Type != onnx.Float32 || t.Len() != n {
		return nil
	}
	return t.Float32s()
}
