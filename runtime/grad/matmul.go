package grad

import (
	"slices"

	"github.com/kcompress/kcompress/kernels/gemm"
)

// productDerivatives holds MatMul and Gemm.
var productDerivatives = map[string]*derivative{
	"MatMul": {inputs: []int{0, 1}, backward: backwardMatMul},
	"Gemm":   {inputs: []int{0, 1}, backward: backwardGemm},
}

// productWork is how many multiplications one thread takes at a time.
const productWork = 1 << 20

// multiply computes dst = a b as gemm.Multiply does, rows of dst on several
// threads.
func (c *call) multiply(dst, a, b []float32, m, n, k int, o gemm.Options) {
	grain := max(8, productWork/max(1, n*k))
	c.pool.For(m, grain, func(from, to int) {
		o, first := o, from*k
		if o.TransposeA {
			o.AStride, first = m, from
		}
		gemm.Multiply(dst[from*n:to*n], a[min(first, len(a)):], b, to-from, n, k, o)
	})
}

// matMulBatch is the matrices of a MatMul: y[i] = a[left[i]] b[right[i]] for
// [m,k] by [k,n].
type matMulBatch struct {
	m, n, k     int
	left, right []int
}

func backwardMatMul(c *call) error {
	a, err := c.floats(0)
	if err != nil {
		return err
	}
	b, err := c.floats(1)
	if err != nil {
		return err
	}
	s := newMatMulBatch(c.inShapes[0], c.inShapes[1])
	dy := c.grads[0]
	if c.needed(0) { // da = dy b'
		c.sumProducts(c.gradient(0), s.left, s.m, s.k, s.n, func(dst []float32, i, from, to int, accumulate bool) {
			gemm.Multiply(dst, dy[(i*s.m+from)*s.n:], b[s.right[i]*s.k*s.n:], to-from, s.k, s.n, gemm.Options{TransposeB: true, Accumulate: accumulate})
		})
	}
	if c.needed(1) { // db = a' dy
		c.sumProducts(c.gradient(1), s.right, s.k, s.n, s.m, func(dst []float32, i, from, to int, accumulate bool) {
			gemm.Multiply(dst, a[s.left[i]*s.m*s.k+from:], dy[i*s.m*s.n:], to-from, s.n, s.m, gemm.Options{TransposeA: true, AStride: s.k, Accumulate: accumulate})
		})
	}
	return nil
}

// newMatMulBatch finds the matrices for two shapes, as numpy.matmul does.
func newMatMulBatch(a, b []int) matMulBatch {
	if len(a) == 1 {
		a = []int{1, a[0]}
	}
	if len(b) == 1 {
		b = []int{b[0], 1}
	}
	leadA, leadB := a[:len(a)-2], b[:len(b)-2]
	s := matMulBatch{m: a[len(a)-2], k: a[len(a)-1], n: b[len(b)-1]}
	if sizeOf(leadB) == 1 && len(leadB) <= len(leadA) { // one right matrix: one product
		s.m *= sizeOf(leadA)
		s.left, s.right = []int{0}, []int{0}
		return s
	}
	whole := make([]int, max(len(leadA), len(leadB)))
	for i := range whole {
		whole[len(whole)-1-i] = max(sizeFromEnd(leadA, i), sizeFromEnd(leadB, i))
	}
	stepsA, stepsB := broadcastSteps(whole, leadA), broadcastSteps(whole, leadB)
	w := newWalk(whole, stepsA, stepsB)
	w.visit(0, w.runs(), func(_ int, at []int) {
		for i := range w.run() {
			s.left = append(s.left, at[0]+i*w.step(0))
			s.right = append(s.right, at[1]+i*w.step(1))
		}
	})
	return s
}

func sizeFromEnd(shape []int, i int) int {
	if i >= len(shape) {
		return 1
	}
	return shape[len(shape)-1-i]
}

// sumProducts sets matrix o of dst, [rows, columns], to the sum over all
// products i with owner[i] = o of what multiply gives for the rows from..to.
func (c *call) sumProducts(dst []float32, owner []int, rows, columns, depth int, multiply func(dst []float32, i, from, to int, accumulate bool)) {
	if len(dst) == 0 {
		return
	}
	products := make([][]int, len(dst)/(rows*columns))
	for i, o := range owner {
		products[o] = append(products[o], i)
	}
	block := min(rows, max(8, productWork/max(1, columns*depth)))
	blocks := (rows + block - 1) / block
	grain := max(1, productWork/max(1, block*columns*depth))
	c.pool.For(len(products)*blocks, grain, func(first, last int) {
		for task := first; task < last; task++ {
			o, from := task/blocks, task%blocks*block
			to := min(rows, from+block)
			part := dst[(o*rows+from)*columns : (o*rows+to)*columns]
			for j, i := range products[o] {
				multiply(part, i, from, to, j > 0)
			}
			if len(products[o]) == 0 {
				clear(part)
			}
		}
	})
}

// backwardGemm is for Y = alpha A' B' + beta C, where A' and B' are transposed
// if transA and transB say so.
func backwardGemm(c *call) error {
	a, err := c.floats(0)
	if err != nil {
		return err
	}
	b, err := c.floats(1)
	if err != nil {
		return err
	}
	transA, transB := c.node.Bool("transA", false), c.node.Bool("transB", false)
	alpha, beta := c.node.Float("alpha", 1), c.node.Float("beta", 1)
	if err := c.node.Err(); err != nil {
		return err
	}
	dy, m, n := c.grads[0], c.outShapes[0][0], c.outShapes[0][1]
	k := c.inShapes[0][1]
	if transA {
		k = c.inShapes[0][0]
	}
	if c.needed(0) {
		if transA {
			c.multiply(c.gradient(0), b, dy, k, m, n, gemm.Options{TransposeA: transB, TransposeB: true})
		} else {
			c.multiply(c.gradient(0), dy, b, m, k, n, gemm.Options{TransposeB: !transB})
		}
		c.scale(c.results[0], alpha)
	}
	if c.needed(1) {
		if transB {
			c.multiply(c.gradient(1), dy, a, n, k, m, gemm.Options{TransposeA: true, TransposeB: transA})
		} else {
			c.multiply(c.gradient(1), a, dy, k, n, m, gemm.Options{TransposeA: !transA})
		}
		c.scale(c.results[1], alpha)
	}
	if c.needed(2) {
		g := c.gradient(2)
		if slices.Equal(c.inShapes[2], c.outShapes[0]) {
			copy(g, dy)
		} else {
			c.sumTo(g, dy, c.outShapes[0], c.inShapes[2])
		}
		c.scale(g, beta)
	}
	return nil
}
