package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/kernels/gemm"
	"github.com/kcompress/kcompress/onnx"
)

// recurrentOperators holds RNN (ai.onnx 1, 7, 14, 22), LSTM (1, 7, 14, 22) and
// GRU (1, 3, 7, 14, 22). Version 14 added the attribute layout; the others
// differ in what has the same meaning here.
var recurrentOperators = []Operator{
	{Name: "RNN", MinInputs: 3, MaxInputs: 6, Build: buildRNN, Infer: inferRecurrent},
	{Name: "LSTM", MinInputs: 3, MaxInputs: 8, Build: buildLSTM, Infer: inferRecurrent},
	{Name: "GRU", MinInputs: 3, MaxInputs: 6, Build: buildGRU, Infer: inferRecurrent},
}

// The inputs of the recurrent operators; the last two are of LSTM only.
const (
	recurrentX = iota
	recurrentW
	recurrentR
	recurrentB
	recurrentLengths
	recurrentH
	recurrentC
	recurrentP
)

// recurrent is an RNN, LSTM or GRU node.
type recurrent struct {
	// gateCount is the number of gates: 1, 4 or 3.
	gateCount int
	// hiddenSize is the attribute hidden_size, 0 if absent.
	hiddenSize int
	// reversed has an element for each direction.
	reversed   []bool
	batchFirst bool
	clip       float64 // 0 for none
	wide       wideConstants
	// functions holds the activation functions of each direction.
	functions         [][]activation
	inputForget       bool // LSTM
	linearBeforeReset bool // GRU
	// blocks are the numbers of gates whose recurrent products are computed
	// together.
	blocks []int
	// inputWeights and recurrenceWeights hold, for each direction, the constant
	// weights, packed; the latter for each block.
	inputWeights      []*gemm.Packed
	recurrenceWeights [][]*gemm.Packed
}

func buildRNN(n *Node) (Kernel, error) {
	return buildRecurrent(n, &recurrent{gateCount: 1, blocks: []int{1}}, "Tanh")
}

func buildLSTM(n *Node) (Kernel, error) {
	v := &recurrent{gateCount: 4, blocks: []int{4}, inputForget: n.Bool("input_forget", false)}
	return buildRecurrent(n, v, "Sigmoid", "Tanh", "Tanh")
}

func buildGRU(n *Node) (Kernel, error) {
	v := &recurrent{gateCount: 3, blocks: []int{3}, linearBeforeReset: n.Bool("linear_before_reset", false)}
	if !v.linearBeforeReset { // the hidden gate needs the result of the reset gate
		v.blocks = []int{2, 1}
	}
	return buildRecurrent(n, v, "Sigmoid", "Tanh")
}

func buildRecurrent(n *Node, v *recurrent, activations ...string) (Kernel, error) {
	switch d := n.Text("direction", "forward"); d {
	case "forward":
		v.reversed = []bool{false}
	case "reverse":
		v.reversed = []bool{true}
	case "bidirectional":
		v.reversed = []bool{false, true}
	default:
		return nil, fmt.Errorf("direction is %q, expected forward, reverse or bidirectional", d)
	}
	v.hiddenSize, v.batchFirst, v.clip = n.Int("hidden_size", 0), n.Bool("layout", false), float64(n.Float("clip", 0))
	var err error
	if v.functions, err = readActivations(n, len(v.reversed), activations...); err != nil {
		return nil, err
	}
	v.wide = widenConstants(n)
	v.packConstants(v.wide.of(n, recurrentW), v.wide.of(n, recurrentR))
	return v.run, n.Err()
}

// packConstants packs the weights that are constant and have the right shape;
// a wrong shape is reported when the node runs.
func (v *recurrent) packConstants(w, r *onnx.Tensor) {
	directions := len(v.reversed)
	if isFloat32(w) && w.Rank() == 3 && w.Shape[0] == directions {
		rows, k := w.Shape[1], w.Shape[2]
		for d := range directions {
			v.inputWeights = append(v.inputWeights, gemm.Pack(w.Float32s()[d*rows*k:(d+1)*rows*k], k, rows, true))
		}
	}
	if isFloat32(r) && r.Rank() == 3 && r.Shape[0] == directions && r.Shape[1] == v.gateCount*r.Shape[2] {
		h := r.Shape[2]
		for d := range directions {
			rest := r.Float32s()[d*v.gateCount*h*h : (d+1)*v.gateCount*h*h]
			var blocks []*gemm.Packed
			for _, gates := range v.blocks {
				blocks = append(blocks, gemm.Pack(rest[:gates*h*h], h, gates*h, true))
				rest = rest[gates*h*h:]
			}
			v.recurrenceWeights = append(v.recurrenceWeights, blocks)
		}
	}
}

func (v *recurrent) run(c *Call) error {
	x := c.Tensor(recurrentX)
	if err := sameTypes(c, recurrentW, recurrentR, recurrentB, recurrentH, recurrentC, recurrentP); err != nil {
		return err
	}
	switch {
	case isHalf(x.Type):
		return v.wide.run(c, v.run)
	case x.Type == onnx.Float32:
		return runRecurrent[float32](c, v)
	case x.Type == onnx.Float64:
		return runRecurrent[float64](c, v)
	}
	return c.TypeError(recurrentX)
}

// recurrentSizes are the sizes of a run.
type recurrentSizes struct{ steps, batch, input, hidden int }

// sizes checks the shapes of all inputs.
func (v *recurrent) sizes(c *Call) (s recurrentSizes, err error) {
	x, r := c.Tensor(recurrentX), c.Tensor(recurrentR)
	if x.Rank() != 3 {
		return s, c.ShapeError(recurrentX, "sequence, batch and features")
	}
	if r.Rank() != 3 {
		return s, c.ShapeError(recurrentR, "directions, gates times hidden size and hidden size")
	}
	directions := len(v.reversed)
	s = recurrentSizes{steps: x.Shape[0], batch: x.Shape[1], input: x.Shape[2], hidden: r.Shape[2]}
	if v.batchFirst {
		s.steps, s.batch = s.batch, s.steps
	}
	if v.hiddenSize != 0 && v.hiddenSize != s.hidden {
		return s, fmt.Errorf("hidden_size is %d, but the recurrence weight has %d", v.hiddenSize, s.hidden)
	}
	if s.hidden >= maxWindow {
		return s, c.ShapeError(recurrentR, "a smaller hidden size")
	}
	state := []int{directions, s.batch, s.hidden}
	if v.batchFirst {
		state = []int{s.batch, directions, s.hidden}
	}
	rows := v.gateCount * s.hidden
	for i, want := range [][]int{
		recurrentW: {directions, rows, s.input}, recurrentR: {directions, rows, s.hidden},
		recurrentB: {directions, 2 * rows}, recurrentLengths: {s.batch},
		recurrentH: state, recurrentC: state, recurrentP: {directions, 3 * s.hidden},
	} {
		if t := c.Tensor(i); i > 0 && t != nil && !sameShape(t.Shape, want) {
			return s, c.ShapeError(i, fmt.Sprint(want))
		}
	}
	return s, nil
}

// lengths returns the lengths of the sequences, nil if all have all steps.
func (s recurrentSizes) lengths(c *Call) ([]int, error) {
	t := c.Tensor(recurrentLengths)
	if t == nil {
		return nil, nil
	}
	lengths, err := IntsOf(t)
	if err != nil {
		return nil, err
	}
	full := true
	for i, n := range lengths {
		if n < 0 || n > s.steps {
			return nil, fmt.Errorf("sequence %d has length %d, expected 0 to %d", i, n, s.steps)
		}
		full = full && n == s.steps
	}
	if full {
		return nil, nil
	}
	return lengths, nil
}

// recurrentRun is a run of a recurrent node.
type recurrentRun[T float] struct {
	*recurrent
	recurrentSizes
	call    *Call
	lengths []int
	// y, last and lastCell are the outputs, nil where not wanted.
	y, last, lastCell []T
}

func runRecurrent[T float](c *Call, v *recurrent) error {
	s, err := v.sizes(c)
	if err != nil {
		return err
	}
	r := &recurrentRun[T]{recurrent: v, recurrentSizes: s, call: c}
	if r.lengths, err = s.lengths(c); err != nil {
		return err
	}
	directions := len(v.reversed)
	sequence, state := []int{s.steps, directions, s.batch, s.hidden}, []int{directions, s.batch, s.hidden}
	if v.batchFirst {
		sequence, state = []int{s.batch, s.steps, directions, s.hidden}, []int{s.batch, directions, s.hidden}
	}
	for i, out := range []*[]T{&r.y, &r.last, &r.lastCell} {
		if !c.Wants(i) || i == 2 && v.gateCount != 4 {
			continue
		}
		shape := state
		if i == 0 {
			shape = sequence
		}
		t, err := c.Output(i, onnx.TypeOf[T](), shape...)
		if err != nil {
			return err
		}
		*out = onnx.View[T](t)
	}
	if r.lengths != nil {
		clear(r.y)
	}
	memory, err := scratch[T](c, directions*r.memory())
	if err != nil {
		return err
	}
	c.Parallel(directions, 1, func(from, to int) {
		for d := from; d < to; d++ {
			r.direction(d, memory[d*r.memory():(d+1)*r.memory()])
		}
	})
	return nil
}

// scratch returns n elements of unknown content that are valid during a call.
func scratch[T float](c *Call, n int) ([]T, error) {
	if _, single := any(T(0)).(float32); !single {
		return make([]T, n), nil
	}
	s, err := c.Scratch(n)
	if err != nil {
		return nil, err
	}
	return any(s).([]T), nil
}

func inferRecurrent(n *Node, in []Info) ([]Info, error) {
	x, r := in[recurrentX].Type, in[recurrentR].Type
	elem := x.Elem
	if len(x.Shape) != 3 || len(r.Shape) != 3 {
		return []Info{UnknownShape(elem), UnknownShape(elem), UnknownShape(elem)}[:max(1, min(3, len(n.Outputs)))], nil
	}
	directions := onnx.Dim{Size: 1}
	if n.Text("direction", "forward") == "bidirectional" {
		directions.Size = 2
	}
	steps, batch, hidden := x.Shape[0], x.Shape[1], r.Shape[2]
	sequence, state := []onnx.Dim{steps, directions, batch, hidden}, []onnx.Dim{directions, batch, hidden}
	if n.Bool("layout", false) {
		steps, batch = batch, steps
		sequence, state = []onnx.Dim{batch, steps, directions, hidden}, []onnx.Dim{batch, directions, hidden}
	}
	infos := []Info{TensorInfo(elem, sequence), TensorInfo(elem, state), TensorInfo(elem, state)}
	return infos[:max(1, min(3, len(n.Outputs)))], nil
}
