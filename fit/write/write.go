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
	w := &writer{model: c, options: o, names: newNames(c), copies: map[*onnx.Node]*onnx.Node{}, homes: map[*onnx.Node]graphPair{}, parts: map[*onnx.Node][]*onnx.Node{}, halved: map[string]string{}}
	w.pair(graphPair{m.Graph, c.Graph, 0})
	for _, r := range chains {
		if err := w.replace(r); err != nil {
			return nil, fmt.Errorf("layer %s: %w", r.Layer.Name, err)
		}
	}
	w.foldShapes()
	slices.SortFunc(w.changed, func(a, b graphPair) int { return b.depth - a.depth }) // from the inside outwards
	for _, g := range w.changed {
		prune(g.original, g.copied)
	}
	prune(m.Graph, c.Graph)
	exact := exactNames(found, o.Exact)
	shareConstants(c.Graph, exact)
	w.shareTransposed(exact)
	if o.Weights != compact.FP32 {
		w.roundKept(exact)
		w.roundAdded(exact)
		shareConstants(c.Graph, exact)
	}
	c.IRVersion = max(c.IRVersion, w.irVersion())
	setMetadata(c, compact.MetadataProducer, o.Producer)
	setMetadata(c, compact.MetadataWeights, string(o.Weights))
	if trained := compact.FormatTrained(c, w.storedNames(o.Trained)); trained != "" {
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
	homes   map[*onnx.Node]graphPair    // by copy
	parts   map[*onnx.Node][]*onnx.Node // what became of batched MatMul nodes
	changed []graphPair                 // subgraphs in which layers were replaced
	// halved holds the names of float16 initializers by those of the values that
	// they become.
	halved map[string]string
}

// storedNames replaces the names of values by those that they are stored under.
func (w *writer) storedNames(trained map[string]string) map[string]string {
	stored := map[string]string{}
	for name, original := range trained {
		if half := w.halved[name]; half != "" {
			name = half
		}
		stored[name] = original
	}
	return stored
}

// graphPair is a graph of the model, or a subgraph so many graphs deep in it, and
// its copy.
type graphPair struct {
	original, copied *onnx.Graph
	depth            int
}

// pair notes the copy of each node of a graph and its subgraphs: Clone keeps
// their order.
func (w *writer) pair(g graphPair) {
	for i, n := range g.original.Nodes {
		c := g.copied.Nodes[i]
		w.copies[n], w.homes[c] = c, g
		inner := c.Subgraphs()
		for j, sub := range n.Subgraphs() {
			w.pair(graphPair{sub, inner[j], g.depth + 1})
		}
	}
}

// put replaces a node of the graph or a subgraph by others.
func (w *writer) put(old *onnx.Node, nodes ...*onnx.Node) error {
	home, ok := w.homes[old]
	if !ok {
		return fmt.Errorf("node %s is not in the graph", old.Name)
	}
	g := home.copied
	at := slices.Index(g.Nodes, old)
	if at < 0 {
		return fmt.Errorf("node %s was replaced before", old.Name)
	}
	g.Nodes = slices.Replace(g.Nodes, at, at+1, nodes...)
	for _, n := range nodes {
		w.homes[n] = home
	}
	if g != w.model.Graph && !slices.Contains(w.changed, home) {
		w.changed = append(w.changed, home)
	}
	return nil
}

// store adds an initializer and returns its name.
func (w *writer) store(t *onnx.Tensor, name string) string {
	t.Name = w.names.fresh(name)
	w.model.Graph.Initializers = append(w.model.Graph.Initializers, t)
	return t.Name
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
