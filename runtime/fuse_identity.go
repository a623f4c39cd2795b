package runtime

import "github.com/kcompress/kcompress/onnx"

// fuseIdentities lets the readers of Identity nodes, and of Dropout nodes that
// do nothing, read their input.
func fuseIdentities(f *fuser) {
	for i := range f.steps {
		if !f.is(i, "Identity") && !f.isIdleDropout(i) {
			continue
		}
		st := &f.steps[i]
		from, to := st.in[0], st.out[0]
		if to < 0 || f.pinned[to] || f.info(from).Type.Kind != onnx.TensorType {
			continue
		}
		f.redirect(to, from)
		f.remove(i)
	}
}

// isIdleDropout reports whether step i is a Dropout of inference whose mask is
// not used.
func (f *fuser) isIdleDropout(i int) bool {
	if !f.is(i, "Dropout") || f.steps[i].opset < 7 || len(f.steps[i].out) > 1 && f.steps[i].out[1] >= 0 {
		return false
	}
	in := f.steps[i].in
	if f.steps[i].opset < 12 || len(in) < 3 || in[2] < 0 {
		return true
	}
	training := f.constant(in[2])
	return training != nil && training.Len() == 1 && training.Raw()[0] == 0
}

// redirect lets all readers of a value read another one.
func (f *fuser) redirect(from, to int) {
	for _, reader := range f.readers[from] {
		st := &f.steps[reader]
		for k, slot := range st.in {
			if slot == from {
				st.in[k] = to
			}
		}
		f.readers[to] = append(f.readers[to], reader)
	}
	f.readers[from] = nil
}
