package ops

import (
	"slices"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/kernels/gemm"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// chains is the operator of K-matrices: the node of a model-local function in
// the domain of package compact, run by the kernels of kernels/butterfly
// instead of by its body. The runtime looks it up as "Chain" whatever the
// design in the function's name.
var chains = []Operator{
	{Domain: compact.Domain, Name: "Chain", MinInputs: 2, MaxInputs: -1, Build: buildChain, Infer: inferChain},
}

// rowsPerTask is the number of rows that one thread takes at a time.
const rowsPerTask = 16

func buildChain(n *Node) (Kernel, error) {
	stored := n.Constants[1:len(n.Inputs)] // a residual may follow
	if slices.Contains(stored, nil) {
		return runUnpreparedChain(n)
	}
	kernel, err := prepareChain(n, stored)
	if err != nil {
		return nil, err
	}
	kernel.after = n.After
	return func(c *Call) error { return runChain(c, kernel) }, nil
}

// isChain reports whether the runtime runs a node as a chain.
func isChain(n *Node) bool { return compact.IsChain(n.Node) }

// preparedChain is a chain in the form that the kernels read.
type preparedChain struct {
	*butterfly.Kernel
	products int // multiplications for one row
	after    Epilogue
}

func prepareChain(n *Node, stored []*onnx.Tensor) (*preparedChain, error) {
	chain, err := compact.ReadChain(n.Node, stored)
	if err != nil {
		return nil, err
	}
	kernel, err := butterfly.Prepare(chain)
	if err != nil {
		return nil, err
	}
	p := &preparedChain{Kernel: kernel}
	for _, f := range chain.Factors {
		p.products += len(f.Values)
	}
	return p, nil
}

// runUnpreparedChain is for factors that are not constant, as in training: the
// kernel is prepared anew for each run.
func runUnpreparedChain(n *Node) (Kernel, error) {
	if _, err := compact.ReadNode(n.Node); err != nil {
		return nil, err
	}
	return func(c *Call) error {
		stored := make([]*onnx.Tensor, len(c.In)-1)
		for i := range stored {
			stored[i] = c.Tensor(i + 1)
		}
		kernel, err := prepareChain(n, stored)
		if err != nil {
			return err
		}
		return runChain(c, kernel)
	}, nil
}

// runChain computes Y [..., out] = X [..., in] K'.
func runChain(c *Call, kernel *preparedChain) error {
	x := c.Tensor(0)
	if x.Type != onnx.Float32 {
		return c.TypeError(0)
	}
	rank := x.Rank()
	if rank == 0 || x.Shape[rank-1] != kernel.In() {
		return c.ShapeError(0, "a last axis as long as the chain is wide")
	}
	rows := x.Len() / kernel.In()
	shape := append(append(make([]int, 0, 8), x.Shape[:rank-1]...), kernel.Out())
	y, err := c.Output(0, onnx.Float32, shape...)
	if err != nil || rows == 0 {
		return err
	}
	c.Used("chain", rows*kernel.products)
	tasks := (rows + rowsPerTask - 1) / rowsPerTask
	size := kernel.ScratchSize(min(rows, rowsPerTask))
	scratch, err := c.Scratch(size * tasks)
	if err != nil {
		return err
	}
	e, err := kernel.after.rows(c, y)
	if err != nil {
		return err
	}
	inKernel := butterfly.Epilogue{Bias: e.Bias}
	switch e.Activation {
	case gemm.None:
	case gemm.Relu:
		inKernel.Activation = butterfly.Relu
	default:
		e.apply = kernel.after.Activation.Apply
	}
	src, dst := x.Float32s(), y.Float32s()
	in, out := kernel.In(), kernel.Out()
	if tasks == 1 {
		kernel.Apply(dst, src, rows, inKernel, scratch)
		e.finish(dst, out, 0, rows, 0, out)
		return nil
	}
	c.Parallel(rows, rowsPerTask, func(from, to int) {
		task := from / rowsPerTask
		kernel.Apply(dst[from*out:to*out], src[from*in:to*in], to-from, inKernel, scratch[task*size:(task+1)*size])
		e.finish(dst, out, from, to, 0, out)
	})
	return nil
}

func inferChain(n *Node, in []Info) ([]Info, error) {
	c, err := compact.ReadNode(n.Node)
	if err != nil {
		return nil, err
	}
	if !in[0].Type.HasShape || len(in[0].Type.Shape) == 0 {
		return []Info{UnknownShape(onnx.Float32)}, nil
	}
	shape := append([]onnx.Dim(nil), in[0].Type.Shape...)
	shape[len(shape)-1] = onnx.Dim{Size: c.Design.Out}
	return []Info{TensorInfo(onnx.Float32, shape)}, nil
}
