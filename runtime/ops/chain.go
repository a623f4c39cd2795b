package ops

import (
	"github.com/kcompress/kcompress/kernels/butterfly"
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
	for _, t := range n.Constants[1:] {
		if t == nil {
			return runUnpreparedChain(n)
		}
	}
	kernel, err := prepareChain(n, n.Constants[1:])
	if err != nil {
		return nil, err
	}
	return func(c *Call) error { return runChain(c, kernel) }, nil
}

// preparedChain is a chain in the form that the kernels read.
type preparedChain struct {
	*butterfly.Kernel
	products int // multiplications for one row
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
	src, dst := x.Float32s(), y.Float32s()
	if tasks == 1 {
		kernel.Apply(dst, src, rows, butterfly.Epilogue{}, scratch)
		return nil
	}
	c.Parallel(rows, rowsPerTask, func(from, to int) {
		task := from / rowsPerTask
		kernel.Apply(dst[from*kernel.Out():to*kernel.Out()], src[from*kernel.In():to*kernel.In()], to-from, butterfly.Epilogue{}, scratch[task*size:(task+1)*size])
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
