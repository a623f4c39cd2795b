package ops

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/kcompress/kcompress/onnx"
)

// stringOps work on tensors of strings, all of them one by one but for
// StringNormalizer and TfIdfVectorizer, which take rows of words.
var stringOps = []Operator{
	{Name: "StringConcat", Since: 20, MinInputs: 2, MaxInputs: 2, Build: buildStringConcat, Infer: inferStringConcat},
	{Name: "StringSplit", Since: 20, MinInputs: 1, MaxInputs: 1, Build: buildStringSplit, Infer: inferStringSplit},
	{Name: "RegexFullMatch", Since: 20, MinInputs: 1, MaxInputs: 1, Build: buildRegexFullMatch, Infer: inferSameAs(onnx.Bool)},
	{Name: "StringNormalizer", Since: 10, MinInputs: 1, MaxInputs: 1, Build: buildStringNormalizer, Infer: inferRankOfFirst},
	{Name: "TfIdfVectorizer", Since: 9, MinInputs: 1, MaxInputs: 1, Build: buildTfIdf, Infer: inferTfIdf},
}

// stringInput returns the elements of input i, which must be strings.
func stringInput(c *Call, i int) ([]string, error) {
	if c.Tensor(i).Type != onnx.String {
		return nil, c.TypeError(i)
	}
	return c.Tensor(i).Strings, nil
}

func buildStringConcat(n *Node) (Kernel, error) {
	return func(c *Call) error {
		a, err := stringInput(c, 0)
		if err != nil {
			return err
		}
		b, err := stringInput(c, 1)
		if err != nil {
			return err
		}
		shape, err := broadcastShapes(c.Tensor(0).Shape, c.Tensor(1).Shape)
		if err != nil {
			return err
		}
		y, err := c.Output(0, onnx.String, shape...)
		if err != nil {
			return err
		}
		positions(shape, broadcastSteps(shape, c.Tensor(0).Shape), func(i, from int) { y.Strings[i] = a[from] })
		bytes := 0
		positions(shape, broadcastSteps(shape, c.Tensor(1).Shape), func(i, from int) {
			if bytes += len(y.Strings[i]) + len(b[from]); c.limit() == 0 || bytes <= c.limit() {
				y.Strings[i] += b[from]
			}
		})
		if c.limit() > 0 && bytes > c.limit() {
			return fmt.Errorf("strings of %d bytes exceed the limit of %d for one tensor", bytes, c.limit())
		}
		return nil
	}, n.Err()
}

func inferStringConcat(_ *Node, in []Info) ([]Info, error) {
	info, err := inferBroadcast(onnx.String, in)
	return []Info{info}, err
}

func buildStringSplit(n *Node) (Kernel, error) {
	delimiter, most := n.Text("delimiter", ""), -1
	if n.HasAttr("maxsplit") {
		most = n.Int("maxsplit", -1)
	}
	return func(c *Call) error {
		x, err := stringInput(c, 0)
		if err != nil {
			return err
		}
		parts, width := make([][]string, len(x)), 0
		for i, s := range x {
			parts[i] = splitString(s, delimiter, most)
			width = max(width, len(parts[i]))
		}
		shape := c.Tensor(0).Shape
		y, err := c.Output(0, onnx.String, append(append([]int(nil), shape...), width)...)
		if err != nil {
			return err
		}
		for i, p := range parts {
			copy(y.Strings[i*width:(i+1)*width], p)
		}
		if !c.Wants(1) {
			return nil
		}
		counts, err := c.Output(1, onnx.Int64, shape...)
		if err != nil {
			return err
		}
		for i, p := range parts {
			counts.Int64s()[i] = int64(len(p))
		}
		return nil
	}, n.Err()
}

// splitString splits at most the given number of times, without a bound if it
// is negative. An empty delimiter stands for runs of white space, which count
// neither at the start nor at the end.
func splitString(s, delimiter string, most int) []string {
	if delimiter != "" {
		if most < 0 || most >= len(s) {
			return strings.Split(s, delimiter)
		}
		return strings.SplitN(s, delimiter, most+1)
	}
	var parts []string
	for s = strings.TrimLeftFunc(s, unicode.IsSpace); s != ""; s = strings.TrimLeftFunc(s, unicode.IsSpace) {
		end := strings.IndexFunc(s, unicode.IsSpace)
		if end < 0 || len(parts) == most {
			return append(parts, s)
		}
		parts = append(parts, s[:end])
		s = s[end:]
	}
	return parts
}

func inferStringSplit(n *Node, in []Info) ([]Info, error) {
	x := input(in, 0)
	shape, ok := shapeOf(x)
	if !ok {
		return []Info{UnknownShape(onnx.String), UnknownShape(onnx.Int64)}[:min(2, len(n.Outputs))], nil
	}
	longer := append(append([]onnx.Dim(nil), shape...), unknownDim)
	return []Info{TensorInfo(onnx.String, longer), TensorInfo(onnx.Int64, shape)}[:min(2, len(n.Outputs))], nil
}

func buildRegexFullMatch(n *Node) (Kernel, error) {
	// The syntax of Go is the one of RE2, which the standard names. The pattern
	// must be valid before it is put in brackets.
	_, err := regexp.Compile(n.Text("pattern", ""))
	if err != nil {
		return nil, fmt.Errorf("attribute pattern: %w", err)
	}
	pattern, err := regexp.Compile(`\A(?:` + n.Text("pattern", "") + `)\z`)
	if err != nil {
		return nil, fmt.Errorf("attribute pattern: %w", err)
	}
	return func(c *Call) error {
		x, err := stringInput(c, 0)
		if err != nil {
			return err
		}
		y, err := c.Output(0, onnx.Bool, c.Tensor(0).Shape...)
		if err != nil {
			return err
		}
		matches := onnx.View[bool](y)
		for i, s := range x {
			matches[i] = pattern.MatchString(s)
		}
		return nil
	}, n.Err()
}

func buildStringNormalizer(n *Node) (Kernel, error) {
	var change func(string) string
	switch action := n.Text("case_change_action", "NONE"); action {
	case "NONE":
		change = func(s string) string { return s }
	case "LOWER":
		change = strings.ToLower
	case "UPPER":
		change = strings.ToUpper
	default:
		return nil, fmt.Errorf("case_change_action %q is not one of NONE, LOWER, UPPER", action)
	}
	form := strings.ToLower
	if n.Bool("is_case_sensitive", false) {
		form = func(s string) string { return s }
	}
	stop := map[string]bool{}
	for _, word := range n.Texts("stopwords") {
		stop[form(word)] = true
	}
	return func(c *Call) error {
		x, err := stringInput(c, 0)
		if err != nil {
			return err
		}
		shape := append([]int(nil), c.Tensor(0).Shape...)
		if len(shape) != 1 && (len(shape) != 2 || shape[0] != 1) {
			return c.ShapeError(0, "[C] or [1,C]")
		}
		var kept []string
		for _, s := range x {
			if len(stop) == 0 || !stop[form(s)] {
				kept = append(kept, change(s))
			}
		}
		if len(kept) == 0 {
			kept = []string{""}
		}
		shape[len(shape)-1] = len(kept)
		y, err := c.Output(0, onnx.String, shape...)
		if err != nil {
			return err
		}
		copy(y.Strings, kept)
		return nil
	}, n.Err()
}
