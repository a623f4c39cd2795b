package grad

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/kernels/gemm"
	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/runtime/ops"
)

// recurrentDerivatives holds the recurrent operators with their default
// activations, time first. The states are computed again, then the gradient
// goes back through time.
var recurrentDerivatives = map[string]*derivative{
	"RNN":  {inputs: []int{0, 1, 2, 3, 4, 5}, backward: backwardRecurrent, accepts: plainRecurrent},
	"GRU":  {inputs: []int{0, 1, 2, 3, 4, 5}, backward: backwardRecurrent, accepts: plainRecurrent},
	"LSTM": {inputs: []int{0, 1, 2, 3, 4, 5, 6}, backward: backwardRecurrent, accepts: plainRecurrent},
}

// defaultActivations are those of one direction.
var defaultActivations = map[string][]string{"RNN": {"Tanh"}, "GRU": {"Sigmoid", "Tanh"}, "LSTM": {"Sigmoid", "Tanh", "Tanh"}}

func plainRecurrent(n *ops.Node) bool {
	given := n.Texts("activations")
	for i, name := range given {
		wanted := defaultActivations[n.Op]
		if name != wanted[i%len(wanted)] {
			return false
		}
	}
	return !n.HasAttr("clip") && n.Int("layout", 0) == 0 && !n.Bool("input_forget", false) && !n.Has(7) && n.Err() == nil
}

// gateCounts is the number of gates of each operator.
var gateCounts = map[string]int{"RNN": 1, "GRU": 3, "LSTM": 4}

// recurrence is one direction of a recurrent node. Slices over time hold
// [steps, batch, ...] in the order of the sequence.
type recurrence struct {
	*call
	steps, batch, in, hidden, gates int
	reverse                         bool
	linearBeforeReset               bool  // GRU
	lengths                         []int // of the sequences; nil if all are whole
	x, w, r                         []float32
	bias, recurrentBias             []float32 // nil for zeros

	acts          []float32 // gates after their activation
	before, cells []float32 // state and cell before each step
	after         []float32 // cell after each step (LSTM)
	// inner is what the product with the candidate's recurrent weight is of
	// (r h), or gives (h R'), for the candidate of a GRU.
	inner []float32
	// dIn and dRec are the gradients of the products with w and with r.
	dIn, dRec []float32
	dh, dc    []float32
}

func backwardRecurrent(c *call) error {
	gates := gateCounts[c.node.Op]
	for i := range 3 {
		if _, err := c.floats(i); err != nil {
			return err
		}
		if len(c.inShapes[i]) != 3 {
			return fmt.Errorf("input %d has shape %v, expected three axes", i, c.inShapes[i])
		}
	}
	for i := range c.needs {
		if c.needs[i] {
			c.zeroGradient(i)
		}
	}
	for d := range c.inShapes[1][0] {
		s := &recurrence{call: c, gates: gates, steps: c.inShapes[0][0], batch: c.inShapes[0][1], in: c.inShapes[0][2], hidden: c.inShapes[2][2]}
		s.reverse = d == 1 || c.node.Text("direction", "forward") == "reverse"
		s.linearBeforeReset = c.node.Op == "GRU" && c.node.Bool("linear_before_reset", false)
		if err := s.load(d); err != nil {
			return err
		}
		s.forward(d)
		s.backward(d)
		s.store(d)
	}
	return c.node.Err()
}

// part returns direction d of an array with directions on its first axis.
func part(x []float32, d, size int) []float32 { return x[d*size : (d+1)*size] }

func (s *recurrence) load(d int) error {
	width, rows := s.gates*s.hidden, s.steps*s.batch
	if !slices.Equal(s.inShapes[1][1:], []int{width, s.in}) || !slices.Equal(s.inShapes[2][1:], []int{width, s.hidden}) {
		return fmt.Errorf("weights of shapes %v and %v do not fit an input of shape %v", s.inShapes[1], s.inShapes[2], s.inShapes[0])
	}
	s.x = s.call.in[0].Float32s()
	s.w, s.r = part(s.call.in[1].Float32s(), d, width*s.in), part(s.call.in[2].Float32s(), d, width*s.hidden)
	if s.has(3) {
		b, err := s.floats(3)
		if err != nil {
			return err
		}
		s.bias, s.recurrentBias = b[2*d*width:(2*d+1)*width], b[(2*d+1)*width:(2*d+2)*width]
	}
	if s.has(4) {
		var err error
		if s.lengths, err = ops.IntsOf(s.call.in[4]); err != nil {
			return err
		}
	}
	s.acts, s.dIn, s.dRec = make([]float32, rows*width), make([]float32, rows*width), make([]float32, rows*width)
	s.before, s.cells, s.after = make([]float32, rows*s.hidden), make([]float32, rows*s.hidden), make([]float32, rows*s.hidden)
	s.inner = make([]float32, rows*s.hidden)
	s.dh, s.dc = make([]float32, s.batch*s.hidden), make([]float32, s.batch*s.hidden)
	return nil
}

// time returns the place in the sequence of the i-th step that is computed.
func (s *recurrence) time(i int) int {
	if s.reverse {
		return s.steps - 1 - i
	}
	return i
}

// ended reports whether sequence b has no element at time t. From behind, the
// state stays as it began until the sequence does.
func (s *recurrence) ended(t, b int) bool { return s.lengths != nil && t >= s.lengths[b] }

// at returns the part of an array over time that belongs to time t.
func (s *recurrence) at(x []float32, t int) []float32 {
	size := len(x) / s.steps
	return x[t*size : (t+1)*size]
}

// state returns an initial state of direction d, zeros if it is not given.
func (s *recurrence) state(i, d int) []float32 {
	size := s.batch * s.hidden
	if !s.has(i) {
		return make([]float32, size)
	}
	return slices.Clone(part(s.call.in[i].Float32s(), d, size))
}

// forward computes all states again.
func (s *recurrence) forward(d int) {
	width, rows := s.gates*s.hidden, s.steps*s.batch
	s.multiply(s.acts, s.x, s.w, rows, width, s.in, gemm.Options{TransposeB: true})
	for row := range rows {
		if s.bias != nil {
			vec.Add(s.acts[row*width:(row+1)*width], s.acts[row*width:(row+1)*width], s.bias)
		}
	}
	h, cell := s.state(5, d), []float32(nil)
	if s.node.Op == "LSTM" {
		cell = s.state(6, d)
	}
	for i := range s.steps {
		t := s.time(i)
		copy(s.at(s.before, t), h)
		switch s.node.Op {
		case "RNN":
			s.forwardRNN(t, h)
		case "LSTM":
			copy(s.at(s.cells, t), cell)
			s.forwardLSTM(t, h, cell)
			copy(s.at(s.after, t), cell)
		case "GRU":
			s.forwardGRU(t, h)
		}
		for b := range s.batch {
			if s.ended(t, b) { // the state stays
				copy(s.row(h, b), s.row(s.at(s.before, t), b))
				if cell != nil {
					copy(s.row(cell, b), s.row(s.at(s.cells, t), b))
				}
			}
		}
	}
}

// addRecurrent adds h R' and the recurrent bias, of the gates from..to, to the
// gates of time t.
func (s *recurrence) addRecurrent(gates, h []float32, from, to int) {
	width, count := s.gates*s.hidden, (to-from)*s.hidden
	part := gates[from*s.hidden:]
	gemm.Multiply(part, h, s.r[from*s.hidden*s.hidden:], s.batch, count, s.hidden, gemm.Options{TransposeB: true, DstStride: width, Accumulate: true})
	if s.recurrentBias == nil {
		return
	}
	for b := range s.batch {
		row := part[b*width:][:count]
		vec.Add(row, row, s.recurrentBias[from*s.hidden:to*s.hidden])
	}
}

// gate returns gate g of sequence b in the gates of one time.
func (s *recurrence) gate(gates []float32, b, g int) []float32 {
	return gates[(b*s.gates+g)*s.hidden:][:s.hidden]
}

// row returns what belongs to sequence b in an array [batch, hidden].
func (s *recurrence) row(x []float32, b int) []float32 { return x[b*s.hidden:][:s.hidden] }

// store adds the gradients of the weights, biases, input and initial states.
func (s *recurrence) store(d int) {
	width, rows := s.gates*s.hidden, s.steps*s.batch
	if s.needed(0) {
		s.multiply(s.results[0], s.dIn, s.w, rows, s.in, width, gemm.Options{Accumulate: true})
	}
	if s.needed(1) {
		s.multiply(part(s.results[1], d, width*s.in), s.dIn, s.x, width, s.in, rows, gemm.Options{TransposeA: true})
	}
	if s.needed(2) {
		dr := part(s.results[2], d, width*s.hidden)
		s.multiply(dr, s.dRec, s.before, width, s.hidden, rows, gemm.Options{TransposeA: true})
		if s.node.Op == "GRU" && !s.linearBeforeReset { // the candidate's product is of r h
			from := 2 * s.hidden
			gemm.Multiply(dr[from*s.hidden:], s.dRec[from:], s.inner, s.hidden, s.hidden, rows, gemm.Options{TransposeA: true, AStride: width})
		}
	}
	if s.needed(3) {
		db := part(s.results[3], d, 2*width)
		for row := range rows {
			vec.Add(db[:width], db[:width], s.dIn[row*width:(row+1)*width])
			vec.Add(db[width:], db[width:], s.dRec[row*width:(row+1)*width])
		}
	}
	for i, g := range [][]float32{s.dh, s.dc} {
		if s.needed(5 + i) {
			copy(part(s.results[5+i], d, s.batch*s.hidden), g)
		}
	}
}
