package runtime

import (
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// fuseBatchNorms puts a BatchNormalization with constant parameters into the
// weights of the Conv whose result it alone reads.
func fuseBatchNorms(f *fuser) {
	for i := range f.steps {
		if !f.is(i, "Conv") {
			continue
		}
		if next := f.onlyReader(i); f.is(next, "BatchNormalization") && f.steps[next].in[0] == f.steps[i].out[0] {
			f.fuseBatchNorm(i, next)
		}
	}
}

func (f *fuser) fuseBatchNorm(conv, norm int) {
	st, bn := f.steps[conv], &f.steps[norm]
	weight := f.constant(st.in[1])
	factor, shift := f.affineOf(bn)
	if factor == nil || weight == nil || weight.Type != onnx.Float32 || weight.Rank() < 3 || weight.Shape[0] != len(factor) {
		return
	}
	bias := make([]float32, len(factor))
	if len(st.in) > 2 && st.in[2] >= 0 {
		b := f.constant(st.in[2])
		if b == nil || b.Type != onnx.Float32 || b.Len() != len(factor) {
			return
		}
		copy(bias, b.Float32s())
	}
	scaled := weight.Clone()
	values := scaled.Float32s()
	inner := len(values) / max(1, len(factor))
	for c := range factor {
		for k := range inner {
			values[c*inner+k] = float32(float64(values[c*inner+k]) * factor[c])
		}
		bias[c] = float32(float64(bias[c])*factor[c] + shift[c])
	}
	in := []int{st.in[0], f.newConstant(scaled), f.newConstant(onnx.FromSlice(bias, len(bias)))}
	n := *st.source.Node
	n.Inputs = []string{"input", "weight", "bias"}
	f.replace(norm, f.newStep(&n, label(st.node.Op, bn.node.Op), st.op, st.opset, in, bn.out[:1]), conv)
}

// affineOf returns factor and shift of each channel of a BatchNormalization of
// inference with constant float32 parameters, nil if it is not one.
func (f *fuser) affineOf(st *step) (factor, shift []float64) {
	if len(st.in) < 5 || st.source.Bool("training_mode", false) || st.opset < 9 {
		return nil, nil
	}
	for _, slot := range st.out[1:] {
		if slot >= 0 {
			return nil, nil
		}
	}
	var parameters [4][]float32
	for k := range parameters {
		t := f.constant(st.in[k+1])
		if t == nil || t.Type != onnx.Float32 || t.Rank() != 1 || k > 0 && t.Len() != len(parameters[0]) {
			return nil, nil
		}
		parameters[k] = t.Float32s()
	}
	epsilon := float64(st.source.Float("epsilon", 1e-5))
	for c := range parameters[0] {
		a := float64(parameters[0][c]) / math.Sqrt(float64(parameters[3][c])+epsilon)
		factor = append(factor, a)
		shift = append(shift, float64(parameters[1][c])-float64(parameters[2][c])*a)
	}
	return factor, shift
}

// newConstant makes a slot for a tensor that fusion has computed.
func (f *fuser) newConstant(t *onnx.Tensor) int {
	slot := f.define("")
	delete(f.program.names, "")
	f.program.constants[slot] = t
	f.infos[slot] = constantInfo(t)
	f.maker = append(f.maker, -1)
	f.readers = append(f.readers, nil)
	f.pinned = append(f.pinned, false)
	return slot
}
