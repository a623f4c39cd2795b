package grad

import (
	"slices"

	"github.com/kcompress/kcompress/kernels/gemm"
	"github.com/kcompress/kcompress/kernels/vec"
)

// The cells of recurrent.go: each forward step turns the gates of time t, which
// hold x W' + bias, into their activations and updates the state; each backward
// step turns the gradient dh (and dc) after time t into that before it, and
// sets dIn and dRec.

func (s *recurrence) forwardRNN(t int, h []float32) {
	gates := s.at(s.acts, t)
	s.addRecurrent(gates, h, 0, 1)
	vec.Tanh(gates, gates)
	copy(h, gates)
}

func (s *recurrence) backwardRNN(t int) {
	h, d := s.at(s.acts, t), s.at(s.dIn, t)
	for i, g := range s.dh {
		d[i] = g * (1 - h[i]*h[i])
	}
	copy(s.at(s.dRec, t), d)
	s.backRecurrent(s.dh, d, 0, 1, false)
}

// forwardLSTM has the gates in the order i, o, f, g.
func (s *recurrence) forwardLSTM(t int, h, cell []float32) {
	gates := s.at(s.acts, t)
	s.addRecurrent(gates, h, 0, 4)
	for b := range s.batch {
		inputs := gates[b*4*s.hidden:]
		vec.Sigmoid(inputs[:3*s.hidden], inputs[:3*s.hidden])
		i, o, f, g := s.gate(gates, b, 0), s.gate(gates, b, 1), s.gate(gates, b, 2), s.gate(gates, b, 3)
		vec.Tanh(g, g)
		c, y := s.row(cell, b), s.row(h, b)
		for j := range c {
			c[j] = f[j]*c[j] + i[j]*g[j]
		}
		vec.Tanh(y, c)
		vec.Mul(y, y, o)
	}
}

func (s *recurrence) backwardLSTM(t int) {
	gates, d := s.at(s.acts, t), s.at(s.dIn, t)
	tanh := make([]float32, s.hidden)
	for b := range s.batch {
		i, o, f, g := s.gate(gates, b, 0), s.gate(gates, b, 1), s.gate(gates, b, 2), s.gate(gates, b, 3)
		di, do, df, dg := s.gate(d, b, 0), s.gate(d, b, 1), s.gate(d, b, 2), s.gate(d, b, 3)
		cell, dh, dc := s.row(s.at(s.cells, t), b), s.row(s.dh, b), s.row(s.dc, b)
		vec.Tanh(tanh, s.row(s.at(s.after, t), b))
		for j, y := range tanh {
			dc[j] += dh[j] * o[j] * (1 - y*y)
			do[j] = dh[j] * y * o[j] * (1 - o[j])
			di[j] = dc[j] * g[j] * i[j] * (1 - i[j])
			df[j] = dc[j] * cell[j] * f[j] * (1 - f[j])
			dg[j] = dc[j] * i[j] * (1 - g[j]*g[j])
			dc[j] *= f[j]
		}
	}
	copy(s.at(s.dRec, t), d)
	s.backRecurrent(s.dh, d, 0, 4, false)
}

// forwardGRU has the gates in the order z, r, candidate.
func (s *recurrence) forwardGRU(t int, h []float32) {
	gates, inner := s.at(s.acts, t), s.at(s.inner, t)
	s.addRecurrent(gates, h, 0, 2)
	for b := range s.batch {
		both := gates[b*3*s.hidden:][:2*s.hidden]
		vec.Sigmoid(both, both)
	}
	if s.linearBeforeReset {
		s.linear(inner, h)
		for b := range s.batch {
			addProduct(s.gate(gates, b, 2), s.gate(gates, b, 1), s.row(inner, b))
		}
	} else {
		for b := range s.batch {
			vec.Mul(s.row(inner, b), s.gate(gates, b, 1), s.row(h, b))
		}
		s.addRecurrent(gates, inner, 2, 3)
	}
	for b := range s.batch {
		z, n, y := s.gate(gates, b, 0), s.gate(gates, b, 2), s.row(h, b)
		vec.Tanh(n, n)
		for j := range y {
			y[j] = (1-z[j])*n[j] + z[j]*y[j]
		}
	}
}

// linear sets dst to h R' plus the recurrent bias of the candidate.
func (s *recurrence) linear(dst, h []float32) {
	gemm.Multiply(dst, h, s.r[2*s.hidden*s.hidden:], s.batch, s.hidden, s.hidden, gemm.Options{TransposeB: true})
	for b := range s.batch {
		if s.recurrentBias != nil {
			vec.Add(s.row(dst, b), s.row(dst, b), s.recurrentBias[2*s.hidden:])
		}
	}
}

func (s *recurrence) backwardGRU(t int) {
	gates, d, dRec := s.at(s.acts, t), s.at(s.dIn, t), s.at(s.dRec, t)
	before, inner := s.at(s.before, t), s.at(s.inner, t)
	for b := range s.batch {
		z, n, h, dh := s.gate(gates, b, 0), s.gate(gates, b, 2), s.row(before, b), s.row(s.dh, b)
		dz, dn := s.gate(d, b, 0), s.gate(d, b, 2)
		for j, g := range dh {
			dz[j] = g * (h[j] - n[j]) * z[j] * (1 - z[j])
			dn[j] = g * (1 - z[j]) * (1 - n[j]*n[j])
			dh[j] = g * z[j]
		}
	}
	// product is the gradient of r h.
	product := make([]float32, s.batch*s.hidden)
	if !s.linearBeforeReset {
		s.backRecurrent(product, d, 2, 3, false)
	}
	for b := range s.batch {
		r, dr, dn := s.gate(gates, b, 1), s.gate(d, b, 1), s.gate(d, b, 2)
		for j := range r {
			if s.linearBeforeReset {
				dr[j] = dn[j] * s.row(inner, b)[j] * r[j] * (1 - r[j])
				continue
			}
			g := s.row(product, b)[j]
			dr[j] = g * s.row(before, b)[j] * r[j] * (1 - r[j])
			s.row(s.dh, b)[j] += g * r[j]
		}
	}
	copy(dRec, d)
	if s.linearBeforeReset {
		for b := range s.batch {
			vec.Mul(s.gate(dRec, b, 2), s.gate(d, b, 2), s.gate(gates, b, 1))
		}
		s.backRecurrent(s.dh, dRec, 2, 3, true)
	}
	s.backRecurrent(s.dh, d, 0, 2, true)
}

// backRecurrent sets dst, or adds to it, the gradient d of the gates from..to
// times their recurrent weight.
func (s *recurrence) backRecurrent(dst, d []float32, from, to int, accumulate bool) {
	gemm.Multiply(dst, d[from*s.hidden:], s.r[from*s.hidden*s.hidden:], s.batch, s.hidden, (to-from)*s.hidden,
		gemm.Options{AStride: s.gates * s.hidden, Accumulate: accumulate})
}

// backward goes back through time.
func (s *recurrence) backward(d int) {
	size := s.batch * s.hidden
	directions := s.inShapes[1][0]
	for i, g := range []*[]float32{&s.dh, &s.dc} {
		if 1+i < len(s.grads) && s.grads[1+i] != nil {
			copy(*g, part(s.grads[1+i], d, size))
		}
	}
	for i := s.steps - 1; i >= 0; i-- {
		t := s.time(i)
		if dy := s.grads[0]; dy != nil { // [steps, directions, batch, hidden]
			for b := range s.batch {
				if !s.ended(t, b) {
					vec.Add(s.row(s.dh, b), s.row(s.dh, b), s.row(part(dy, t*directions+d, size), b))
				}
			}
		}
		dh, dc := slices.Clone(s.dh), slices.Clone(s.dc)
		switch s.node.Op {
		case "RNN":
			s.backwardRNN(t)
		case "LSTM":
			s.backwardLSTM(t)
		case "GRU":
			s.backwardGRU(t)
		}
		for b := range s.batch {
			if s.ended(t, b) {
				copy(s.row(s.dh, b), s.row(dh, b))
				copy(s.row(s.dc, b), s.row(dc, b))
				width := s.gates * s.hidden
				clear(s.at(s.dIn, t)[b*width : (b+1)*width])
				clear(s.at(s.dRec, t)[b*width : (b+1)*width])
			}
		}
	}
}
