package ops_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// suiteNodes is where the single-operator cases of the ONNX backend test suite
// lie on the machines of the project. They are not part of the repository.
const suiteNodes = "../../../shared/onnx-suite/node"

// suiteCase is a case of the suite whose model is one node.
type suiteCase struct {
	name            string
	node            *onnx.Node
	opset           int
	op              *ops.Operator
	inputs, outputs []onnx.Value // nil where absent
}

// suiteCases reads every case of one node that the table has an operator for.
func suiteCases(t *testing.T) []suiteCase {
	t.Helper()
	folders, err := os.ReadDir(suiteNodes)
	if err != nil {
		t.Skipf("the ONNX test suite is not at %s: its cases are NOT run", suiteNodes)
	}
	var cases []suiteCase
	for _, folder := range folders {
		dir := filepath.Join(suiteNodes, folder.Name())
		m, err := onnx.Load(filepath.Join(dir, "model.onnx"))
		if err != nil || len(m.Graph.Nodes) != 1 || len(m.Functions) > 0 || len(m.Graph.Initializers) > 0 {
			continue
		}
		c := suiteCase{name: folder.Name(), node: m.Graph.Nodes[0]}
		c.opset = m.Opsets[c.node.Domain]
		if c.op = ops.Lookup(c.node.Domain, c.node.Op, c.opset); c.op == nil {
			continue
		}
		values := suiteValues(t, dir, "input", m.Graph.Inputs)
		for _, name := range c.node.Inputs {
			c.inputs = append(c.inputs, values[name])
		}
		values = suiteValues(t, dir, "output", m.Graph.Outputs)
		for _, name := range c.node.Outputs {
			c.outputs = append(c.outputs, values[name])
		}
		cases = append(cases, c)
	}
	return cases
}

func suiteValues(t *testing.T, dir, kind string, infos []onnx.ValueInfo) map[string]onnx.Value {
	t.Helper()
	values := map[string]onnx.Value{}
	for i, info := range infos {
		data, err := os.ReadFile(filepath.Join(dir, "test_data_set_0", fmt.Sprintf("%s_%d.pb", kind, i)))
		if err != nil {
			continue
		}
		v, err := onnx.DecodeValue(data, info.Type)
		if err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
		values[info.Name] = v
	}
	return values
}

// knowledge says how much inference is told of the inputs.
type knowledge int

const (
	knowShapes  knowledge = iota // all shapes as numbers
	knowSymbols                  // all shapes as symbols
	knowIntegers
)

// inputInfo returns what is told of a value; symbols maps the names it makes
// up to sizes.
func inputInfo(v onnx.Value, i int, k knowledge, symbols map[string]int) ops.Info {
	t, ok := v.(*onnx.Tensor)
	if !ok {
		return ops.Info{}
	}
	shape := make([]onnx.Dim, len(t.Shape))
	for a, size := range t.Shape {
		shape[a] = onnx.Dim{Size: size}
		if k == knowSymbols {
			symbol := fmt.Sprintf("in%d_%d", i, a)
			symbols[symbol] = size
			shape[a] = onnx.Dim{Size: -1, Symbol: symbol}
		}
	}
	info := ops.TensorInfo(t.Type, shape)
	if k == knowIntegers && (t.Type == onnx.Int64 || t.Type == onnx.Int32) {
		info.Const = t
	}
	return info
}

// checkInfo compares what was inferred of a value with the value.
func checkInfo(info ops.Info, v onnx.Value, symbols map[string]int) error {
	x, ok := v.(*onnx.Tensor)
	if !ok || info.Type.Kind != onnx.TensorType {
		if ok && info.Type.Kind != onnx.UnknownType || !ok && v != nil && info.Type.Kind == onnx.TensorType {
			return fmt.Errorf("inferred kind %v for %T", info.Type.Kind, v)
		}
		return nil
	}
	if info.Type.Elem != onnx.Undefined && info.Type.Elem != x.Type {
		return fmt.Errorf("inferred %v for %v", info.Type.Elem, x)
	}
	if !info.Type.HasShape {
		return nil
	}
	if len(info.Type.Shape) != x.Rank() {
		return fmt.Errorf("inferred shape %v for %v", info.Type.Shape, x)
	}
	for a, d := range info.Type.Shape {
		size := d.Size
		if d.Symbol != "" {
			size = symbols[d.Symbol]
		}
		if size >= 0 && size != x.Shape[a] {
			return fmt.Errorf("inferred shape %v for %v (symbols %v)", info.Type.Shape, x, symbols)
		}
	}
	return checkElements(info, x, symbols)
}

// checkElements compares inferred elements with those of the value.
func checkElements(info ops.Info, x *onnx.Tensor, symbols map[string]int) error {
	if info.Dims == nil {
		return nil
	}
	var values []int
	if x.Type == onnx.Bool { // truth values count as 0 and 1
		for _, b := range x.Raw() {
			values = append(values, int(b))
		}
	} else {
		var err error
		if values, err = ops.IntsOf(x); err != nil {
			return err
		}
	}
	if len(values) != len(info.Dims) {
		return fmt.Errorf("inferred %d elements for %v", len(info.Dims), x)
	}
	for i, d := range info.Dims {
		size, known := d.Size, d.Known()
		if d.Symbol != "" {
			size, known = symbols[d.Symbol], true
		}
		if known && size != values[i] {
			return fmt.Errorf("inferred elements %v for %v", info.Dims, values)
		}
	}
	return nil
}

// TestInferenceAgreesWithTheSuite infers the outputs of every case from what
// is known of the inputs, more or less, and compares with what they really are.
func TestInferenceAgreesWithTheSuite(t *testing.T) {
	checked := 0
	for _, c := range suiteCases(t) {
		if c.op.Infer == nil {
			continue
		}
		for _, k := range []knowledge{knowShapes, knowSymbols, knowIntegers} {
			n := &ops.Node{Node: c.node, Opset: c.opset}
			symbols := map[string]int{}
			for i, v := range c.inputs {
				info := inputInfo(v, i, k, symbols)
				n.Types = append(n.Types, info)
				n.Constants = append(n.Constants, info.Const)
			}
			infos, err := c.op.Infer(n, n.Types)
			if err != nil {
				t.Errorf("%s, knowledge %d: %v", c.name, k, err)
				continue
			}
			for i, v := range c.outputs {
				if v == nil || i >= len(infos) {
					continue
				}
				if err := checkInfo(infos[i], v, symbols); err != nil {
					t.Errorf("%s, knowledge %d, output %d: %v", c.name, k, i, err)
				}
				checked++
			}
		}
	}
	if checked == 0 {
		t.Error("no case of the suite was checked")
	}
	t.Logf("%d outputs checked", checked)
}
