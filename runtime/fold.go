package runtime

import (
	"context"
	"fmt"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// What is computed at load may take foldBase bytes, and foldFactor bytes for
// each byte of the model's weights, all nodes together: int4 weights grow
// eightfold on their way through a few nodes, but a small model must not unfold
// to gigabytes when it is opened. Nodes beyond that are left to the run.
const (
	foldBase   = 64 << 20
	foldFactor = 32
)

// fold computes a node whose inputs are all known. It reports false, and
// leaves the node to be run, if that fails: the run will say why, if it comes
// to it at all.
func (sc *scope) fold(st *step, outputs []string) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	in := make([]onnx.Value, len(st.in))
	for i, slot := range st.in {
		if slot < 0 {
			continue
		}
		in[i] = sc.program.constants[slot]
		if checkValue(st, i, in[i]) != nil {
			return false
		}
	}
	c := ops.NewCall(context.Background(), in, len(outputs))
	c.Frame = foldFrame{sc.compiler.foldLeft}
	if st.kernel(c) != nil {
		return false
	}
	taken := 0
	for i, name := range outputs {
		if name == "" {
			continue
		}
		t, isTensor := c.Out[i].(*onnx.Tensor)
		if !isTensor {
			return false
		}
		if !sharesMemory(t, in) {
			taken += memoryOf(t)
		}
	}
	if taken > sc.compiler.foldLeft {
		return false
	}
	sc.compiler.foldLeft -= taken
	if taken > 0 {
		releaseConstants(st.source.Constants)
	}
	for i, name := range outputs {
		if name != "" {
			t := c.Out[i].(*onnx.Tensor)
			slot := sc.define(name)
			sc.program.constants[slot] = t
			sc.infos[slot] = constantInfo(t)
		}
	}
	return true
}

// knownByInference makes the only output of a node a constant where inference
// has found its value, as for Constant: nothing is computed or copied then.
func (sc *scope) knownByInference(outputs []string, infos []ops.Info) bool {
	if len(outputs) != 1 || outputs[0] == "" || len(infos) == 0 || infos[0].Const == nil {
		return false
	}
	slot := sc.define(outputs[0])
	sc.program.constants[slot] = infos[0].Const
	sc.infos[slot] = constantInfo(infos[0].Const)
	return true
}

// tensorsOnly reports whether no output is known to be something else:
// sequences and optionals are left to the run.
func tensorsOnly(infos []ops.Info) bool {
	for _, info := range infos {
		if k := info.Type.Kind; k != onnx.TensorType && k != onnx.UnknownType {
			return false
		}
	}
	return true
}

// foldFrame gives memory from the heap to nodes that are computed at load, up
// to limit bytes for a tensor.
type foldFrame struct{ limit int }

// Output implements ops.Frame.
func (f foldFrame) Output(_ *ops.Call, _ int, t onnx.DType, shape []int) (*onnx.Tensor, error) {
	if n, err := onnx.Elements(shape); err != nil || outputBytes(t, n) > f.limit {
		return nil, fmt.Errorf("output %v%v exceeds the limit", t, shape)
	}
	return onnx.NewTensor(t, shape...), nil
}

// Reuse implements ops.Frame.
func (foldFrame) Reuse(*ops.Call, int, int) *onnx.Tensor { return nil }

// Alias implements ops.Frame.
func (foldFrame) Alias(c *ops.Call, _, in, from int, shape []int) *onnx.Tensor {
	return ops.PartOf(c.Tensor(in), from, shape)
}

// Scratch implements ops.Frame.
func (f foldFrame) Scratch(_ *ops.Call, bytes int) ([]byte, error) {
	if bytes < 0 || bytes > f.limit {
		return nil, fmt.Errorf("scratch memory of %d bytes exceeds the limit", bytes)
	}
	return onnx.AlignedBytes(bytes), nil
}

// Captured implements ops.Frame.
func (foldFrame) Captured(string) (onnx.Value, bool) { return nil, false }

// Limit implements ops.Frame. At least 1: 0 would be no limit.
func (f foldFrame) Limit() int { return max(f.limit, 1) }
