// Package write turns fitted layers into a compact ONNX model: chains take the
// place of dense nodes, and what stays is rounded.
package write

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/fit/discover"
	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// Replacement is a chain for one layer.
type Replacement struct {
	Layer *discover.Layer
	Chain *butterfly.Chain
	// Error is the relative error of the chain, noted in the file.
	Error float64
}

// Options says how values are stored.
type Options struct {
	Weights compact.Weights
	// Exact names layers whose weights are stored as they are.
	Exact map[string]bool
	// Producer goes into the file's metadata.
	Producer string
	// Trained holds, by the names of initializers that distillation changed, the
	// fingerprints of what they were. It goes into the metadata.
	Trained map[string]string
}

// MinRounded is the number of elements from which a constant is worth
// rounding: smaller ones are kept exact.
const MinRounded = 1024

// minIRVersion is the first IR version in which initializers need not be inputs
// too.
const minIRVersion = 4

// Model returns a copy of m in which the layers are replaced and the remaining
// weights and embeddings are stored in the form of the options. The model m is
// not changed.
func Model(m *onnx.Model, found *discover.Result, chains []Replacement, o Options) (*onnx.Model, error) {
	c := m.Clone()
	w := &writer{model: c, options: o, names: newNames(c)}
	// Clone keeps the order of nodes: index them to find the originals' copies.
	w.copies = map[*onnx.Node]*onnx.Node{}
	for i, n := range m.Graph.Nodes {
		w.copies[n] = c.Graph.Nodes[i]
	}
	for _, r := range chains {
		if err := w.replace(r); err != nil {
			return nil, fmt.Errorf("layer %s: %w", r.Layer.Name, err)
		}
	}
	w.foldShapes()
	prune(m.Graph, c.Graph)
	exact := exactNames(found, o.Exact)
	shareConstants(c.Graph, exact)
	w.shareTransposed(exact)
	if o.Weights != compact.FP32 {
		w.roundKept(exact)
		shareConstants(c.Graph, exact)
	}
	c.IRVersion = max(c.IRVersion, w.irVersion())
	setMetadata(c, compact.MetadataProducer, o.Producer)
	setMetadata(c, compact.MetadataWeights, string(o.Weights))
	if trained := compact.FormatTrained(c, o.Trained); trained != "" {
		setMetadata(c, compact.MetadataTrained, trained)
	}
	return c, nil
}

// exactNames returns the names of the constants that are to be stored as they
// are.
func exactNames(found *discover.Result, layers map[string]bool) map[string]bool {
	exact := map[string]bool{}
	add := func(layer string, stored []string) {
		for _, name := range stored {
			if layers[layer] {
				exact[name] = true
			}
		}
	}
	for _, l := range found.Layers {
		add(l.Name, l.Stored)
	}
	for _, e := range found.Embeddings {
		add(e.Name, e.Stored)
	}
	return exact
}

// irVersion returns the IR version that the model needs.
func (w *writer) irVersion() int64 {
	if len(w.model.Functions) > 0 {
		return compact.MinIRVersion
	}
	g := w.model.Graph
	for _, t := range g.Initializers {
		if g.Input(t.Name) == nil {
			return minIRVersion
		}
	}
	return 1
}

// setMetadata replaces the metadata entry of that key, or adds one.
func setMetadata(m *onnx.Model, key, value string) {
	rest := slices.DeleteFunc(slices.Clone(m.Metadata), func(p onnx.Property) bool { return p.Key == key })
	m.Metadata = append(rest, onnx.Property{Key: key, Value: value})
}

type writer struct {
	model   *onnx.Model
	options Options
	names   *names
	copies  map[*onnx.Node]*onnx.Node
}

// replace puts chain nodes where the layer's weight is used.
func (w *writer) replace(r Replacement) error {
	d := r.Chain.Design()
	opset := w.model.Opset("")
	if opset < compact.MinOpset {
		return fmt.Errorf("the model is written against opset %d, chains need %d", opset, compact.MinOpset)
	}
	f := compact.ChainFunction(d, w.options.Weights, opset)
	w.addFunction(f)
	var stored []string
	for i, factor := range r.Chain.Factors {
		tensors, err := compact.FactorTensors(factor, w.options.Weights)
		if err != nil {
			return err
		}
		for j, t := range tensors {
			suffix := "factor"
			if j > 0 {
				suffix = "scale"
			}
			t.Name = w.names.fresh(fmt.Sprintf("%s.%s%d", r.Layer.Name, suffix, i+1))
			w.model.Graph.Initializers = append(w.model.Graph.Initializers, t)
			stored = append(stored, t.Name)
		}
	}
	for _, u := range r.Layer.Uses {
		node := compact.ChainNode(d, w.options.Weights, r.Layer.Fingerprint, r.Error)
		node.Name = u.Node.Name
		if node.Name == "" {
			node.Name = w.names.fresh(r.Layer.Name)
		}
		node.Inputs = append([]string{u.Input}, stored...)
		if err := w.substitute(w.copies[u.Node], node); err != nil {
			return err
		}
	}
	return nil
}

// substitute replaces a MatMul or Gemm by a chain node, with a node for the
// bias of Gemm after it.
func (w *writer) substitute(old, chain *onnx.Node) error {
	g := w.model.Graph
	at := -1
	for i, n := range g.Nodes {
		if n == old {
			at = i
		}
	}
	if at < 0 {
		return fmt.Errorf("node %s is not in the graph", old.Name)
	}
	chain.Outputs = []string{old.Outputs[0]}
	nodes := []*onnx.Node{chain}
	if old.Op == "Gemm" && len(old.Inputs) > 2 && old.Inputs[2] != "" {
		product := w.names.fresh(old.Outputs[0] + ".product")
		chain.Outputs = []string{product}
		bias := old.Inputs[2]
		beta := float32(1)
		if a := old.Attr("beta"); a != nil {
			beta = a.Float
		}
		if beta != 1 {
			scale := onnx.Scalar(beta)
			scale.Name = w.names.fresh(old.Outputs[0] + ".beta")
			g.Initializers = append(g.Initializers, scale)
			scaledBias := w.names.fresh(old.Outputs[0] + ".bias")
			nodes = append(nodes, &onnx.Node{Name: w.names.fresh(chain.Name + ".beta"), Op: "Mul", Inputs: []string{bias, scale.Name}, Outputs: []string{scaledBias}})
			bias = scaledBias
		}
		nodes = append(nodes, &onnx.Node{Name: w.names.fresh(chain.Name + ".bias"), Op: "Add", Inputs: []string{product, bias}, Outputs: []string{old.Outputs[0]}})
	}
	g.Nodes = append(g.Nodes[:at:at], append(nodes, g.Nodes[at+1:]...)...)
	return nil
}

func (w *writer) addFunction(f *onnx.Function) {
	w.model.Opsets[compact.Domain] = compact.Version
	for _, other := range w.model.Functions {
		if other.Domain == f.Domain && other.Name == f.Name {
			return
		}
	}
	w.model.Functions = append(w.model.Functions, f)
}
