package compact_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// FuzzChain reads the chains of models, and of nodes made of the bytes
// themselves: nothing may panic, and what is accepted is a valid chain.
func FuzzChain(f *testing.F) {
	r := rand.New(rand.NewPCG(8, 8))
	const small = 512 // values: large seeds make for a slow search
	for i, d := range designs(f) {
		if d.Values() > small {
			continue
		}
		m := chainModel(f, randomChain(r, d), allWeights[i%len(allWeights)], 7+i, compact.Domain)
		data, err := m.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		node := []byte{byte(i)}
		node = binary.AppendVarint(binary.AppendVarint(node, int64(d.In)), int64(d.Out))
		for _, p := range d.Patterns {
			for _, size := range []int{p.A, p.B, p.C, p.D} {
				node = binary.AppendVarint(node, int64(size))
			}
		}
		f.Add(node)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := onnx.Decode(data); err == nil && m.Graph != nil {
			readModel(t, m)
		}
		readNode(t, data)
	})
}

// readModel reads every node of a model as a chain of each of its functions.
func readModel(t *testing.T, m *onnx.Model) {
	const most = 20 // functions and nodes: all pairs are tried
	for _, n := range m.Graph.Nodes[:min(most, len(m.Graph.Nodes))] {
		for _, f := range m.Functions[:min(most, len(m.Functions))] {
			compact.Recognise(f, n)
		}
		if len(n.Inputs) == 0 {
			continue
		}
		var stored []*onnx.Tensor
		for _, name := range n.Inputs[1:] {
			stored = append(stored, m.Graph.Initializer(name))
		}
		checkChain(t, n, stored)
	}
}

// readNode takes the bytes for the attributes of a node: the form of weights,
// the sizes, the patterns.
func readNode(t *testing.T, data []byte) {
	if len(data) == 0 {
		return
	}
	w := allWeights[int(data[0])%len(allWeights)]
	var numbers []int64
	for rest := data[1:]; len(rest) > 0 && len(numbers) < 100; {
		v, n := binary.Varint(rest)
		if n <= 0 {
			break
		}
		numbers, rest = append(numbers, v), rest[n:]
	}
	if len(numbers) < 2 {
		return
	}
	n := compact.ChainNode(butterfly.Design{}, w, "", 0)
	n.SetAttr(onnx.IntsAttr("patterns", numbers[2:]...))
	n.SetAttr(onnx.IntAttr("in", numbers[0]))
	n.SetAttr(onnx.IntAttr("out", numbers[1]))
	c, err := compact.ReadNode(n)
	const most = 1 << 16 // values, so that a case is quick
	if err != nil || c.Design.Values() > most {
		return
	}
	n.Op = compact.FunctionName(c.Design, w)
	if !compact.Recognise(compact.ChainFunction(c.Design, w, 17), n) {
		t.Fatalf("a chain of %v is not recognised", c.Design)
	}
	var stored []*onnx.Tensor
	for _, factor := range butterfly.NewChain(c.Design).Factors {
		tensors, err := compact.FactorTensors(factor, w)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, tensors...)
	}
	if !checkChain(t, n, stored) {
		t.Fatalf("a chain of %v is refused", c.Design)
	}
}

// checkChain reads a chain and reports whether it is accepted.
func checkChain(t *testing.T, n *onnx.Node, stored []*onnx.Tensor) bool {
	c, err := compact.ReadChain(n, stored)
	if err != nil {
		return false
	}
	if err := c.Design().Validate(); err != nil {
		t.Fatalf("a chain of an invalid design is accepted: %v", err)
	}
	for i, f := range c.Factors {
		if len(f.Values) != f.Pattern.Values() {
			t.Fatalf("factor %d has %d values, want %d", i, len(f.Values), f.Pattern.Values())
		}
	}
	return true
}
