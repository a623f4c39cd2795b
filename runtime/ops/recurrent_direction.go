package ops

import (
	"github.com/kcompress/kcompress/kernels/gemm"
	"github.com/kcompress/kcompress/onnx"
)

// recurrentDirection is one direction of a run. Rows of gates, states and
// products have an entry for each sequence of the batch.
type recurrentDirection[T float] struct {
	*recurrentRun[T]
	index       int
	reverse     bool
	activations []activation
	// gates holds the products of all steps with the input weight and the bias.
	gates []T
	// row is the gates of one step, products those with the recurrence weight.
	row, products []T
	// h and cell are the state, reset is the state times the reset gate (GRU).
	h, cell, reset []T
	// recurrentBias is what is added to the products of the last gate of a GRU
	// with linear_before_reset; peepholes belongs to LSTM. Both may be nil.
	recurrentBias, peepholes []T
}

// memory returns how many elements of working memory a direction needs.
func (r *recurrentRun[T]) memory() int {
	width := r.gateCount * r.hidden
	return r.steps*r.batch*width + 2*r.batch*width + 3*r.batch*r.hidden + 2*width
}

// direction runs direction d in the given memory.
func (r *recurrentRun[T]) direction(d int, memory []T) {
	width := r.gateCount * r.hidden
	take := func(n int) []T {
		part := memory[:n:n]
		memory = memory[n:]
		return part
	}
	s := &recurrentDirection[T]{recurrentRun: r, index: d, reverse: r.reversed[d], activations: r.functions[d]}
	s.gates, s.row, s.products = take(r.steps*r.batch*width), take(r.batch*width), take(r.batch*width)
	s.h, s.cell, s.reset = take(r.batch*r.hidden), take(r.batch*r.hidden), take(r.batch*r.hidden)
	bias := s.biases(take(width), take(width))
	if p := r.call.Tensor(recurrentP); p != nil {
		s.peepholes = onnx.View[T](p)[d*3*r.hidden:][:3*r.hidden]
	}
	s.loadState(recurrentH, s.h)
	s.loadState(recurrentC, s.cell)
	s.inputProducts(bias)
	for step := range r.steps {
		s.step(step)
	}
	s.storeState(r.last, s.h)
	s.storeState(r.lastCell, s.cell)
}

// biases returns the sum of the biases of input and recurrence, but for the
// last gate of a GRU with linear_before_reset, where the latter is kept apart.
func (s *recurrentDirection[T]) biases(sum, apart []T) []T {
	b := s.call.Tensor(recurrentB)
	if b == nil {
		return nil
	}
	width := len(sum)
	all := onnx.View[T](b)[s.index*2*width:][:2*width]
	copy(sum, all[:width])
	together := width
	if s.linearBeforeReset {
		together = 2 * s.hidden
		s.recurrentBias = apart[:s.hidden]
		copy(s.recurrentBias, all[width+together:])
	}
	for i, v := range all[width:][:together] {
		sum[i] += v
	}
	return sum
}

// inputProducts computes the part of the gates that depends on the inputs
// only, for all steps at once.
func (s *recurrentDirection[T]) inputProducts(bias []T) {
	width := s.gateCount * s.hidden
	x := onnx.View[T](s.call.Tensor(recurrentX))
	w := onnx.View[T](s.call.Tensor(recurrentW))[s.index*width*s.input:][:width*s.input]
	var weight *gemm.Packed
	if s.inputWeights != nil {
		weight = s.inputWeights[s.index]
	}
	linear(s.call, s.gates, x, s.input, s.steps*s.batch, w, width, s.input, weight, bias)
}

// linear computes dst = a w^T + bias for rows of a that are stride apart, with
// the packed weight if there is one.
func linear[T float](c *Call, dst, a []T, stride, rows int, w []T, n, k int, weight *gemm.Packed, bias []T) {
	if single, ok := any(dst).([]float32); ok && weight != nil {
		b, _ := any(bias).([]float32)
		multiplyPacked(c, weight, single, n, any(a).([]float32), stride, rows, withBias(b))
		return
	}
	matrixProduct(dst, n, matrix[T]{data: a, stride: stride}, matrix[T]{data: w, stride: k, transposed: true}, rows, n, k, false)
	if bias != nil {
		for i := range rows {
			addInto(dst[i*n:][:n], bias)
		}
	}
}

// position returns the step of the sequence that is computed in the given
// round for element b of the batch, or -1 if its sequence has ended.
func (s *recurrentDirection[T]) position(round, b int) int {
	length := s.steps
	if s.lengths != nil {
		length = s.lengths[b]
	}
	switch {
	case round >= length:
		return -1
	case s.reverse:
		return length - 1 - round
	}
	return round
}

// step computes one step of every sequence of the batch.
func (s *recurrentDirection[T]) step(round int) {
	width, hidden := s.gateCount*s.hidden, s.hidden
	for b := range s.batch {
		if t := s.position(round, b); t >= 0 {
			at := t*s.batch + b
			if s.batchFirst {
				at = b*s.steps + t
			}
			copy(s.row[b*width:][:width], s.gates[at*width:][:width])
		}
	}
	s.recurrentProducts(0, s.h)
	switch s.gateCount {
	case 1:
		s.stepRNN(round)
	case 4:
		s.stepLSTM(round)
	default:
		s.stepGRU(round)
	}
	if s.y == nil {
		return
	}
	directions := len(s.reversed)
	for b := range s.batch {
		if t := s.position(round, b); t >= 0 {
			at := (t*directions+s.index)*s.batch + b
			if s.batchFirst {
				at = (b*s.steps+t)*directions + s.index
			}
			copy(s.y[at*hidden:][:hidden], s.h[b*hidden:][:hidden])
		}
	}
}

// recurrentProducts sets products to state times the recurrence weight of a
// block of gates.
func (s *recurrentDirection[T]) recurrentProducts(block int, state []T) {
	first := 0
	for _, gates := range s.blocks[:block] {
		first += gates
	}
	n := s.blocks[block] * s.hidden
	r := onnx.View[T](s.call.Tensor(recurrentR))[(s.index*s.gateCount+first)*s.hidden*s.hidden:][:n*s.hidden]
	var weight *gemm.Packed
	if s.recurrenceWeights != nil {
		weight = s.recurrenceWeights[s.index][block]
	}
	linear(s.call, s.products, state, s.hidden, s.batch, r, n, s.hidden, weight, nil)
}

// clipped bounds the inputs of activations.
func (s *recurrentDirection[T]) clipped(v []T) {
	if s.clip <= 0 {
		return
	}
	for i, x := range v {
		v[i] = min(max(x, T(-s.clip)), T(s.clip))
	}
}

// loadState sets state from an optional input, else to 0.
func (s *recurrentDirection[T]) loadState(input int, state []T) {
	t := s.call.Tensor(input)
	if t == nil {
		clear(state)
		return
	}
	values := onnx.View[T](t)
	for b := range s.batch {
		copy(state[b*s.hidden:][:s.hidden], values[s.stateAt(b):])
	}
}

func (s *recurrentDirection[T]) storeState(output, state []T) {
	if output == nil {
		return
	}
	for b := range s.batch {
		copy(output[s.stateAt(b):][:s.hidden], state[b*s.hidden:][:s.hidden])
	}
}

// stateAt returns where the state of element b of the batch begins in an input
// or output.
func (s *recurrentDirection[T]) stateAt(b int) int {
	if s.batchFirst {
		return (b*len(s.reversed) + s.index) * s.hidden
	}
	return (s.index*s.batch + b) * s.hidden
}
