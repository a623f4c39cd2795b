package runtime

import (
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
	"github.com/kcompress/kcompress/runtime/ops"
)

// fuseEpilogues gives products (MatMul, Gemm, Conv, chains) the nodes that
// follow and alone read their result: a constant bias, a residual of the same
// shape, and an activation, in this order.
func fuseEpilogues(f *fuser) {
	for i := range f.steps {
		if !f.isProduct(i) || !f.steps[i].source.After.IsZero() {
			continue
		}
		if f.isFloat32(f.steps[i].out[0]) && ops.FusesEpilogue(f.steps[i].source, false) {
			f.fuseEpilogue(i)
		}
	}
}

// isProduct reports whether step i is run by one of the kernels that take an
// epilogue.
func (f *fuser) isProduct(i int) bool {
	return f.is(i, "MatMul", "Gemm", "Conv") || f.steps[i].op == ops.Lookup(compact.Domain, "Chain", compact.Version)
}

// fuseEpilogue moves the product of step i to the place of the last node that
// it can be fused with.
func (f *fuser) fuseEpilogue(i int) {
	e := ops.Epilogue{}
	product := f.steps[i]
	product.in = append([]int(nil), product.in...)
	names := []string{product.node.Op}
	at := i
	for e.Activation == nil {
		next := f.onlyReader(at)
		if next < 0 || f.steps[next].source == nil {
			break
		}
		if !f.addToEpilogue(&e, &product, at, next) {
			break
		}
		names = append(names, f.steps[next].node.Op)
		product.out = f.steps[next].out[:1]
		f.remove(at)
		// The nodes so far wait where the last of them was, so that the next
		// one finds its reader.
		f.steps[next] = f.withOutput(product, next)
		at = next
	}
	if at == i {
		return
	}
	source := *product.source
	source.After = e
	for k := len(source.Inputs); k < len(product.in); k++ {
		source.Types = append(source.Types, f.info(product.in[k]))
		source.Constants = append(source.Constants, nil)
	}
	shown := *product.node
	shown.Op = label(names...)
	product.node, product.source = &shown, &source
	product.wanted = product.wanted[:1]
	f.steps[at] = product
}

// withOutput unlinks step i and returns the product linked in its place.
func (f *fuser) withOutput(product step, i int) step {
	f.remove(i)
	f.steps[i] = product
	f.link(i)
	return product
}

// addToEpilogue adds the node of step next, which reads the result of step at,
// to the epilogue, if it is of a kind that it has room for.
func (f *fuser) addToEpilogue(e *ops.Epilogue, product *step, at, next int) bool {
	result, st := f.steps[at].out[0], &f.steps[next]
	if f.is(next, "Add") && len(st.in) == 2 && st.in[0] != st.in[1] {
		other := st.in[0]
		if other == result {
			other = st.in[1]
		}
		if bias := f.biasOf(product, other); bias != nil && e.Bias == nil {
			e.Bias = bias
			return true
		}
		if e.Residual == 0 && f.constant(other) == nil && f.isFloat32(other) && f.sameShape(other, result) {
			for len(product.in) < product.op.MaxInputs { // beyond what the node itself may read
				product.in = append(product.in, -1)
			}
			e.Residual = len(product.in)
			product.in = append(product.in, other)
			return true
		}
		return false
	}
	if st.op.Domain != "" || !f.is(next, st.source.Op) || st.in[0] != result {
		return false
	}
	e.Activation = ops.ActivationOf(st.source)
	return e.Activation != nil
}

// biasOf returns a constant as one value for each column or channel of a
// product that takes a bias, else nil.
func (f *fuser) biasOf(product *step, slot int) []float32 {
	t := f.constant(slot)
	if t == nil || t.Type != onnx.Float32 || !ops.FusesEpilogue(product.source, true) {
		return nil
	}
	rank := f.rank(product.out[0])
	if rank < 1 || t.Rank() > rank {
		return nil
	}
	axis, size := rank-1, 0
	if product.source.Op == "Conv" {
		axis = 1
	}
	if d := f.info(product.out[0]).Type.Shape[axis]; d.Known() {
		size = d.Size
	}
	if t.Len() != size || size == 0 {
		return nil
	}
	if at := axis - (rank - t.Rank()); at < 0 || t.Shape[at] != size {
		return nil
	}
	return t.Float32s()
}
