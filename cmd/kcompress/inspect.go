package main

import (
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kcompress/kcompress/fit"
	"github.com/kcompress/kcompress/fit/discover"
	"github.com/kcompress/kcompress/fit/recognise"
	"github.com/kcompress/kcompress/fit/write"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/compact"
)

// inspection is the JSON form of what a model holds.
type inspection struct {
	Model     string           `json:"model"`
	IRVersion int64            `json:"ir_version"`
	Opsets    map[string]int   `json:"opsets"`
	Producer  string           `json:"producer"`
	Bytes     int64            `json:"bytes"`
	Inputs    []inspectedValue `json:"inputs"`
	Outputs   []inspectedValue `json:"outputs"`
	Operators map[string]int   `json:"operators"`
	Layers    []inspectedLayer `json:"layers"`
}

type inspectedValue struct {
	Name  string   `json:"name"`
	Type  string   `json:"type"`
	Shape []string `json:"shape"`
}

type inspectedLayer struct {
	Name   string  `json:"name"`
	Op     string  `json:"op"`
	Shape  []int   `json:"shape"` // [out, in]; empty if it is no matrix
	Params int     `json:"params"`
	Bytes  int     `json:"bytes"`
	Share  float64 `json:"share"` // of the weights' bytes
	// Tied are other nodes that use the same weight.
	Tied []string `json:"tied"`
	// Kinds are what could replace the layer; empty with a reason in Note.
	Kinds []string `json:"kinds"`
	Note  string   `json:"note"`
}

func newInspect(c console) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect MODEL.onnx",
		Short: "Show what a model holds and which layers could be replaced",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := loadModel(args[0])
			if err != nil {
				return err
			}
			s, err := discover.Open(m, runtime.WithThreads(1))
			if err != nil {
				return coded(exitBadModel, err)
			}
			defer s.Close()
			i := inspectModel(m, s)
			if asJSON {
				return printJSON(c.out, i)
			}
			i.print(c)
			return nil
		},
	}
	completeFiles(cmd, "onnx")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func inspectModel(m *onnx.Model, s *runtime.Session) inspection {
	i := inspection{
		Model: m.Path, IRVersion: m.IRVersion, Opsets: map[string]int{}, Producer: strings.TrimSpace(m.Producer + " " + m.ProducerVersion),
		Inputs: inspectValues(s.Inputs()), Outputs: inspectValues(s.Outputs()), Operators: map[string]int{}, Layers: []inspectedLayer{},
	}
	for domain, version := range m.Opsets {
		if domain == "" {
			domain = "ai.onnx"
		}
		i.Opsets[domain] = version
	}
	i.Bytes = modelBytes(m)
	countOperators(m.Graph, i.Operators)
	found := discover.Find(s)
	total := 0
	for _, l := range found.Layers {
		total += l.Bytes
	}
	for _, e := range found.Embeddings {
		total += e.Bytes
	}
	exact := exactKinds(s)
	for _, l := range found.Layers {
		row := inspectLayer(l, total)
		if f, ok := exact[l.Name]; ok {
			row.noteExact(f)
		}
		i.Layers = append(i.Layers, row)
	}
	for _, e := range found.Embeddings {
		i.Layers = append(i.Layers, inspectedLayer{Name: e.Name, Op: "Gather", Shape: []int{}, Params: e.Parameters, Bytes: e.Bytes, Share: share(e.Bytes, total), Tied: []string{}, Kinds: []string{"int8", "fp16"}, Note: "an embedding: rows are looked up, not multiplied"})
	}
	return i
}

// exactKinds returns the weights that hold exact structure, by the names of their
// nodes.
func exactKinds(s *runtime.Session) map[string]recognise.Found {
	kinds := map[string]recognise.Found{}
	_, found, err := recognise.Model(s.Model(), recognise.Options{Weights: compact.INT8, Type: s.Type})
	if err != nil {
		return kinds // a fit will say why
	}
	for _, f := range found {
		for _, name := range f.Nodes {
			kinds[name] = f
		}
	}
	return kinds
}

// noteExact says what the weight is, and that a fit replaces it without loss.
func (row *inspectedLayer) noteExact(f recognise.Found) {
	note := f.Kind
	if f.Kept == "" {
		row.Kinds = append([]string{"exact"}, row.Kinds...)
		note += fmt.Sprintf(": lossless in %s", bytesText(int64(f.ChainBytes())))
		if len(f.Nodes) > 1 {
			note += " for " + strings.Join(f.Nodes, " and ")
		}
	} else {
		note += ", but " + f.Kept
	}
	if row.Note != "" {
		note += "; " + row.Note
	}
	row.Note = note
}

// modelBytes is the size of a model with its external data: a file that is
// smaller than its weights has them elsewhere.
func modelBytes(m *onnx.Model) int64 {
	info, err := os.Stat(m.Path)
	if err != nil {
		return 0
	}
	weights := int64(0)
	for _, t := range m.Graph.Initializers {
		weights += int64(t.Bytes())
	}
	if weights > info.Size() {
		return info.Size() + weights
	}
	return info.Size()
}

func inspectLayer(l *discover.Layer, total int) inspectedLayer {
	row := inspectedLayer{Name: l.Name, Op: l.Op, Shape: []int{}, Params: l.Parameters, Bytes: l.Bytes, Share: share(l.Bytes, total), Tied: []string{}}
	row.Kinds, row.Note = kindsOf(l)
	if l.In > 0 {
		row.Shape = []int{l.Out, l.In}
	}
	for _, u := range l.Uses[1:] {
		row.Tied = append(row.Tied, u.Node.Name)
	}
	for _, n := range l.Tied {
		row.Tied = append(row.Tied, n.Name)
	}
	return row
}

// kindsOf returns what could replace a layer, and why it is not more.
func kindsOf(l *discover.Layer) (kinds []string, note string) {
	kinds = []string{"int8", "fp16"}
	if l.Parameters < write.MinRounded {
		kinds = []string{}
	}
	switch {
	case l.Skip != "":
		return kinds, l.Skip
	case l.Parameters < fit.MinParameters:
		return kinds, "too small to gain"
	}
	return append([]string{"chain", "kaleidoscope", "low-rank"}, kinds...), ""
}

func share(part, total int) float64 {
	if total == 0 {
		return 0
	}
	return float64(part) / float64(total)
}

func inspectValues(infos []onnx.ValueInfo) []inspectedValue {
	values := []inspectedValue{}
	for _, info := range infos {
		v := inspectedValue{Name: info.Name, Type: info.Type.Elem.String(), Shape: []string{}}
		for _, d := range info.Type.Shape {
			switch {
			case d.Known():
				v.Shape = append(v.Shape, fmt.Sprint(d.Size))
			case d.Symbol != "":
				v.Shape = append(v.Shape, d.Symbol)
			default:
				v.Shape = append(v.Shape, "?")
			}
		}
		values = append(values, v)
	}
	return values
}

func countOperators(g *onnx.Graph, counts map[string]int) {
	for _, n := range g.Nodes {
		name := n.Op
		if n.Domain != "" {
			name = n.Domain + "." + n.Op
		}
		counts[name]++
		for _, a := range n.Attrs {
			if a.Graph != nil {
				countOperators(a.Graph, counts)
			}
			for _, sub := range a.Graphs {
				countOperators(sub, counts)
			}
		}
	}
}

func (i inspection) print(c console) {
	fmt.Fprintf(c.out, "%s: %d bytes, IR version %d, %s\n", i.Model, i.Bytes, i.IRVersion, i.Producer)
	for _, domain := range sortedKeys(i.Opsets) {
		fmt.Fprintf(c.out, "operator set: %s version %d\n", domain, i.Opsets[domain])
	}
	for _, v := range i.Inputs {
		fmt.Fprintf(c.out, "input:  %s %s[%s]\n", v.Name, v.Type, strings.Join(v.Shape, ","))
	}
	for _, v := range i.Outputs {
		fmt.Fprintf(c.out, "output: %s %s[%s]\n", v.Name, v.Type, strings.Join(v.Shape, ","))
	}
	var operators []string
	for _, name := range sortedKeys(i.Operators) {
		operators = append(operators, fmt.Sprintf("%s %d", name, i.Operators[name]))
	}
	fmt.Fprintf(c.out, "operators: %s\n", strings.Join(operators, ", "))
	var rows [][]any
	for _, l := range i.Layers {
		shape := ""
		if len(l.Shape) == 2 {
			shape = fmt.Sprintf("%dx%d", l.Shape[0], l.Shape[1])
		}
		rows = append(rows, []any{l.Name, l.Op, shape, countText(l.Params), bytesText(int64(l.Bytes)), fmt.Sprintf("%.1f%%", 100*l.Share), strings.Join(l.Tied, ", "), strings.Join(l.Kinds, ", "), l.Note})
	}
	printTable(c.out, []any{"layer", "op", "out x in", "params", "bytes", "share", "tied to", "could become", "note"}, rows)
}

func sortedKeys(m map[string]int) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
