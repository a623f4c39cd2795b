package ops

// stepRNN computes h = f(x W' + h R' + bias).
func (s *recurrentDirection[T]) stepRNN(round int) {
	hidden := s.hidden
	for b := range s.batch {
		if s.position(round, b) < 0 {
			continue
		}
		gate := s.row[b*hidden:][:hidden]
		addInto(gate, s.products[b*hidden:][:hidden])
		s.clipped(gate)
		activate(s.activations[0], gate)
		copy(s.h[b*hidden:], gate)
	}
}

// stepLSTM computes, with the gates in the order i, o, f, c:
//
//	i = f(x Wi' + h Ri' + Pi cell + bias), f likewise
//	cell = f cell + i g(x Wc' + h Rc' + bias)
//	o = f(x Wo' + h Ro' + Po cell + bias)
//	h = o h(cell)
func (s *recurrentDirection[T]) stepLSTM(round int) {
	hidden := s.hidden
	for b := range s.batch {
		if s.position(round, b) < 0 {
			continue
		}
		gates := s.row[b*4*hidden:][:4*hidden]
		addInto(gates, s.products[b*4*hidden:][:4*hidden])
		h, cell := s.h[b*hidden:][:hidden], s.cell[b*hidden:][:hidden]
		i, o, f, g := gates[:hidden], gates[hidden:2*hidden], gates[2*hidden:3*hidden], gates[3*hidden:]
		if s.peepholes == nil { // no gate waits for the new cell
			s.clipped(gates)
			activate(s.activations[0], gates[:3*hidden])
		} else {
			s.peephole(i, cell, 0)
			s.peephole(f, cell, 2)
		}
		s.clipCandidate(g)
		activate(s.activations[1], g)
		if s.inputForget {
			for j := range f {
				f[j] = 1 - i[j]
			}
		}
		for j := range cell {
			cell[j] = f[j]*cell[j] + i[j]*g[j]
		}
		if s.peepholes != nil {
			s.peephole(o, cell, 1)
		}
		copy(h, cell)
		activate(s.activations[2], h)
		for j := range h {
			h[j] *= o[j]
		}
	}
}

// clipCandidate clips the candidate of the cell where the gates have not been
// clipped together.
func (s *recurrentDirection[T]) clipCandidate(g []T) {
	if s.peepholes != nil {
		s.clipped(g)
	}
}

// peephole adds the cell times peephole weight number p to a gate and
// activates it.
func (s *recurrentDirection[T]) peephole(gate, cell []T, p int) {
	weights := s.peepholes[p*s.hidden:][:s.hidden]
	for j := range gate {
		gate[j] += weights[j] * cell[j]
	}
	s.clipped(gate)
	activate(s.activations[0], gate)
}

// stepGRU computes, with the gates in the order z, r, h:
//
//	z = f(x Wz' + h Rz' + bias), r likewise
//	candidate = g(x Wh' + (r h) Rh' + bias), or with linear_before_reset
//	candidate = g(x Wh' + r (h Rh' + recurrence bias) + bias)
//	h = (1-z) candidate + z h
func (s *recurrentDirection[T]) stepGRU(round int) {
	hidden := s.hidden
	n := s.blocks[0] * hidden // width of the products
	for b := range s.batch {
		if s.position(round, b) < 0 {
			continue
		}
		gates := s.row[b*3*hidden:][:3*hidden]
		addInto(gates[:2*hidden], s.products[b*n:][:2*hidden])
		s.clipped(gates[:2*hidden])
		activate(s.activations[0], gates[:2*hidden])
		r, h := gates[hidden:2*hidden], s.h[b*hidden:][:hidden]
		if !s.linearBeforeReset {
			reset := s.reset[b*hidden:][:hidden]
			for j := range reset {
				reset[j] = r[j] * h[j]
			}
			continue
		}
		linear := s.products[b*n+2*hidden:][:hidden]
		if s.recurrentBias != nil {
			addInto(linear, s.recurrentBias)
		}
		for j := range linear {
			linear[j] *= r[j]
		}
	}
	if !s.linearBeforeReset {
		s.recurrentProducts(1, s.reset)
	}
	for b := range s.batch {
		if s.position(round, b) < 0 {
			continue
		}
		part := s.products[b*hidden:][:hidden]
		if s.linearBeforeReset {
			part = s.products[b*n+2*hidden:][:hidden]
		}
		gates := s.row[b*3*hidden:][:3*hidden]
		z, candidate, h := gates[:hidden], gates[2*hidden:], s.h[b*hidden:][:hidden]
		addInto(candidate, part)
		s.clipped(candidate)
		activate(s.activations[1], candidate)
		for j := range h {
			h[j] = (1-z[j])*candidate[j] + z[j]*h[j]
		}
	}
}
