package ops_test

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// operatorTypes are the element types that the standard lists for an operator.
type operatorTypes struct {
	inputs []string                // the type variable of each input, the last may repeat
	types  map[string][]onnx.DType // of each type variable
}

var (
	operatorHeading = regexp.MustCompile(`^### <a name="([A-Za-z0-9]+)"`)
	parameterLine   = regexp.MustCompile(`^<dt><tt>([^<]*)</tt>(?: \(([^)]*)\))? : ([^<]*)</dt>`)
	tensorType      = regexp.MustCompile(`tensor\(([a-z0-9]+)\)`)
)

// readOperatorTypes reads the standard's Operators.md.
func readOperatorTypes(t *testing.T) map[string]*operatorTypes {
	t.Helper()
	text, err := os.ReadFile("../../../shared/onnx-suite/Operators.md")
	if err != nil {
		t.Skip("Operators.md of the standard is not in ../shared/onnx-suite: element types are NOT checked")
	}
	all := map[string]*operatorTypes{}
	var op *operatorTypes
	section := ""
	for _, line := range strings.Split(string(text), "\n") {
		if m := operatorHeading.FindStringSubmatch(line); m != nil {
			op = &operatorTypes{types: map[string][]onnx.DType{}}
			all[m[1]] = op
		}
		if strings.HasPrefix(line, "#### ") {
			section = line
		}
		m := parameterLine.FindStringSubmatch(line)
		if op == nil || m == nil {
			continue
		}
		switch {
		case strings.HasPrefix(section, "#### Inputs"):
			op.inputs = append(op.inputs, m[3])
		case strings.HasPrefix(section, "#### Type Constraints"):
			for _, name := range tensorType.FindAllStringSubmatch(m[3], -1) {
				if dtype, err := onnx.ParseDType(name[1]); err == nil {
					op.types[m[1]] = append(op.types[m[1]], dtype)
				} else if alias := map[string]onnx.DType{"float8e4m3fn": onnx.Float8E4M3FN}[name[1]]; alias != 0 {
					op.types[m[1]] = append(op.types[m[1]], alias)
				}
			}
		}
	}
	return all
}

// notTaken says which types an operator may refuse, and why.
var notTaken = map[string]struct {
	types  []onnx.DType // nil for all
	reason string
}{
	"BitCast":          {nil, "the width must be the one of the type in the attribute"},
	"Cast":             {[]onnx.DType{onnx.String}, "empty strings are no numbers"},
	"CastLike":         {[]onnx.DType{onnx.String}, "empty strings are no numbers"},
	"SequenceInsert":   {nil, "the type must be the one of the sequence"},
	"TfIdfVectorizer":  {[]onnx.DType{onnx.String}, "the attributes hold numbers"},
	"ScatterElements":  {[]onnx.DType{onnx.String, onnx.Complex64, onnx.Complex128}, "strings have no sum, complex numbers no order"},
	"ScatterND":        {[]onnx.DType{onnx.String, onnx.Complex64, onnx.Complex128}, "strings have no sum, complex numbers no order"},
	"Col2Im":           {[]onnx.DType{onnx.String, onnx.Complex64, onnx.Complex128}, "left out: nobody sums those"},
	"GridSample":       {[]onnx.DType{onnx.String, onnx.Complex64, onnx.Complex128}, "left out: nobody interpolates those"},
	"Resize":           {[]onnx.DType{onnx.String, onnx.Complex64, onnx.Complex128}, "left out: nobody interpolates those"},
	"QLinearMatMul":    {[]onnx.DType{onnx.Float8E4M3FN, onnx.Float8E4M3FNUZ, onnx.Float8E5M2, onnx.Float8E5M2FNUZ}, "left out: integers only"},
	"DequantizeLinear": {[]onnx.DType{onnx.Float8E8M0}, "left out: scales of that type only"},
}

// TestEveryElementTypeOfTheStandard runs the cases of the suite again with
// their inputs converted to every element type that the newest version of the
// operator takes.
func TestEveryElementTypeOfTheStandard(t *testing.T) {
	documented := readOperatorTypes(t)
	newest := map[string]int{}
	cases := suiteCases(t)
	for _, c := range cases {
		newest[c.node.Op] = max(newest[c.node.Op], c.opset)
	}
	runs := 0
	failed := map[string]bool{}
	for _, c := range cases {
		doc := documented[c.node.Op]
		if doc == nil || c.node.Domain != "" || c.opset < newest[c.node.Op] || hasGraph(c.node) {
			continue
		}
		for variable, types := range doc.types {
			for _, dtype := range types {
				key := c.node.Op + " " + variable + " " + dtype.String()
				inputs, changed := convertInputs(c.inputs, doc.inputs, variable, dtype)
				exception, ok := notTaken[c.node.Op]
				if !changed || failed[key] || ok && (exception.types == nil || slices.Contains(exception.types, dtype)) {
					continue
				}
				runs++
				if err := runConverted(&c, inputs); err != nil {
					failed[key] = true
					t.Errorf("%s (%s = %v): %v", c.name, variable, dtype, err)
				}
			}
		}
	}
	t.Logf("%d runs", runs)
}

// convertInputs returns the inputs with those of the type variable converted.
func convertInputs(inputs []onnx.Value, variables []string, variable string, dtype onnx.DType) ([]onnx.Value, bool) {
	out := append([]onnx.Value(nil), inputs...)
	changed := false
	for i, v := range inputs {
		x, ok := v.(*onnx.Tensor)
		if !ok || len(variables) == 0 || variables[min(i, len(variables)-1)] != variable {
			continue
		}
		if x.Type == dtype {
			return nil, false
		}
		converted, err := x.ConvertTo(dtype)
		if err != nil {
			converted = onnx.NewTensor(dtype, x.Shape...)
		}
		out[i], changed = converted, true
	}
	return out, changed
}

func runConverted(c *suiteCase, inputs []onnx.Value) (err error) {
	n := &ops.Node{Node: c.node, Opset: c.opset}
	for i, v := range inputs {
		n.Types = append(n.Types, inputInfo(v, i, knowShapes, nil))
		n.Constants = append(n.Constants, nil)
	}
	kernel, err := c.op.Build(n)
	if err != nil {
		return err
	}
	return kernel(ops.NewCall(context.Background(), inputs, len(c.node.Outputs)))
}
