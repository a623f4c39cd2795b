package grad

import (
	"fmt"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/runtime/compact"
)

// chainDerivative is that of K-matrices with factors in float32. The states
// between factors are computed again instead of being kept.
var chainDerivative = &derivative{inputs: []int{every}, backward: backwardChain}

// chainCache holds the memory of one chain between runs.
type chainCache struct {
	workspaces []*butterfly.Workspace
	gradients  [][][]float32 // of each piece of rows
}

// leastChainRows is the number of rows that is worth a piece of its own.
const leastChainRows = 64

func backwardChain(c *call) error {
	chain, err := compact.ReadChain(c.node.Node, c.in[1:])
	if err != nil {
		return err
	}
	if n, err := compact.ReadNode(c.node.Node); err != nil || n.Weights != compact.FP32 {
		return fmt.Errorf("the factors are stored as %s, derivatives need float32", n.Weights)
	}
	x, err := c.floats(0)
	if err != nil {
		return err
	}
	rows := len(x) / chain.In
	size := max(leastChainRows, (rows+pieces-1)/pieces)
	count := (rows + size - 1) / size
	k, err := c.chainCache(chain.Design(), count)
	if err != nil {
		return err
	}
	var dx []float32
	if c.needed(0) {
		dx = c.gradient(0)
	}
	dy := c.grads[0]
	c.pool.For(count, 1, func(i, _ int) {
		for _, g := range k.gradients[i] {
			clear(g)
		}
		from, to := i*size, min(rows, (i+1)*size)
		var part []float32
		if dx != nil {
			part = dx[from*chain.In : to*chain.In]
		}
		k.workspaces[i].Backward(chain, k.gradients[i], part, x[from*chain.In:to*chain.In], dy[from*chain.Out:to*chain.Out], butterfly.RowMajor, to-from)
	})
	for f := range chain.Factors {
		if chain.Factors[f].IsGather() || !c.needed(1+f) {
			continue
		}
		sum := c.zeroGradient(1 + f)
		for i := range count {
			vec.Add(sum, sum, k.gradients[i][f])
		}
	}
	return nil
}

// chainCache returns memory for as many pieces.
func (c *call) chainCache(d butterfly.Design, count int) (*chainCache, error) {
	k, _ := c.cache["chain"].(*chainCache)
	if k == nil {
		k = &chainCache{}
		c.cache["chain"] = k
	}
	for len(k.workspaces) < count {
		w, err := butterfly.NewWorkspace(d)
		if err != nil {
			return nil, err
		}
		k.workspaces = append(k.workspaces, w)
		k.gradients = append(k.gradients, d.NewGradient())
	}
	return k, nil
}
