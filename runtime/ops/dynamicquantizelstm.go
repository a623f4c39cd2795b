package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// quantizedRecurrent holds DynamicQuantizeLSTM of com.microsoft. ONNX Runtime
// also quantizes the input and the state of each step to 8 bits; here they stay
// float32, so that results differ from its by that rounding.
var quantizedRecurrent = []Operator{
	{Domain: microsoft, Name: "DynamicQuantizeLSTM", MinInputs: 3, MaxInputs: 12, Build: buildDynamicQuantizeLSTM, Infer: inferQuantizedLSTM},
}

// The weights of DynamicQuantizeLSTM, and the inputs that LSTM does not have.
const (
	lstmWeight          = 1
	lstmRecurrence      = 2
	lstmWeightScale     = 8
	lstmWeightZero      = 9
	lstmRecurrenceScale = 10
	lstmRecurrenceZero  = 11
)

const (
	lstmInputs  = 8 // of LSTM
	lstmOutputs = 3
	lstmGates   = 4
)

func buildDynamicQuantizeLSTM(n *Node) (Kernel, error) {
	if err := needInputs(n, lstmWeightScale, lstmWeightZero, lstmRecurrenceScale, lstmRecurrenceZero); err != nil {
		return nil, err
	}
	same := *n
	same.Constants = make([]*onnx.Tensor, lstmInputs)
	from := []int{0, lstmWeight, lstmRecurrence, 3, 4, 5, 6, 7}
	for i := range from {
		switch i {
		case lstmWeight:
			same.Constants[i] = constantGates(n, lstmWeight, lstmWeightScale)
		case lstmRecurrence:
			same.Constants[i] = constantGates(n, lstmRecurrence, lstmRecurrenceScale)
		default:
			same.Constants[i] = n.Constant(i)
		}
	}
	lstm, err := newPart(&same, "LSTM", 14, lstmOutputs, n.Attrs, from...)
	if err != nil {
		return nil, err
	}
	weight, recurrence := same.Constants[lstmWeight], same.Constants[lstmRecurrence]
	return func(c *Call) error {
		in := make([]onnx.Value, lstmInputs)
		for i := range in {
			if i < len(c.In) {
				in[i] = c.In[i]
			}
		}
		for _, w := range []struct {
			constant  *onnx.Tensor
			at, scale int
		}{{weight, lstmWeight, lstmWeightScale}, {recurrence, lstmRecurrence, lstmRecurrenceScale}} {
			t := w.constant
			if t == nil {
				if t, err = gates(c.Tensor(w.at), c.Tensor(w.scale), c.Tensor(w.scale+1)); err != nil {
					return fmt.Errorf("input %d: %w", w.at, err)
				}
			}
			in[w.at] = t
		}
		_, err := lstm.finish(c, in...)
		return err
	}, nil
}

// constantGates is gates for inputs that are known at Build, else nil.
func constantGates(n *Node, weight, scale int) *onnx.Tensor {
	for _, i := range []int{weight, scale, scale + 1} {
		if n.Constant(i) == nil {
			return nil
		}
	}
	t, err := gates(n.Constant(weight), n.Constant(scale), n.Constant(scale+1))
	if err != nil {
		return nil // the run will say why
	}
	return t
}

// gates dequantizes an 8-bit weight [directions, size, 4 hidden], with scales
// and zero points [directions] or [directions, 4 hidden], and returns it as
// LSTM has it, [directions, 4 hidden, size].
func gates(w, scale, zero *onnx.Tensor) (*onnx.Tensor, error) {
	if w.Rank() != 3 || !isByte(w.Type) || w.Shape[2]%lstmGates != 0 {
		return nil, fmt.Errorf("is %v, expected 8-bit integers of shape [directions, size, 4 hidden]", w)
	}
	directions, size, columns := w.Shape[0], w.Shape[1], w.Shape[2]
	if zero.Type != w.Type {
		return nil, errZeroPointType
	}
	scales, err := float32sOf(scale)
	if err != nil {
		return nil, err
	}
	zeros, err := smallInts(zero)
	if err != nil {
		return nil, err
	}
	each := 1 // scales of a direction
	if len(scales) != directions {
		each = columns
	}
	if len(scales) != directions*each || len(zeros) != len(scales) {
		return nil, fmt.Errorf("has scales of shape %v and zero points of shape %v, expected [%d] or [%d,%d]", scale.Shape, zero.Shape, directions, directions, columns)
	}
	values, err := smallInts(w)
	if err != nil {
		return nil, err
	}
	t := onnx.NewTensor(onnx.Float32, directions, columns, size)
	dst := t.Float32s()
	for i, v := range values {
		d, row, column := i/(size*columns), i/columns%size, i%columns
		at := d*each + column%each
		dst[(d*columns+column)*size+row] = float32(v-zeros[at]) * scales[at]
	}
	return t, nil
}

func inferQuantizedLSTM(n *Node, _ []Info) ([]Info, error) {
	infos := make([]Info, max(1, len(n.Outputs)))
	for i := range infos {
		infos[i] = UnknownShape(onnx.Float32)
	}
	return infos, nil
}
