package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// mlDomain is the domain of the classical machine learning operators.
const mlDomain = "ai.onnx.ml"

// mlLabelOps map labels and categories to others. LabelEncoder knows only
// int64 and string in version 1, lists of keys and values since 2, tensors of
// them since 4.
var mlLabelOps = []Operator{
	{Domain: mlDomain, Name: "LabelEncoder", Until: 1, MinInputs: 1, MaxInputs: 1, Build: buildLabelEncoder1},
	{Domain: mlDomain, Name: "LabelEncoder", Since: 2, MinInputs: 1, MaxInputs: 1, Build: buildLabelEncoder},
	{Domain: mlDomain, Name: "CategoryMapper", MinInputs: 1, MaxInputs: 1, Build: buildCategoryMapper},
	{Domain: mlDomain, Name: "OneHotEncoder", MinInputs: 1, MaxInputs: 1, Build: buildOneHotEncoder},
	{Domain: mlDomain, Name: "ArrayFeatureExtractor", MinInputs: 2, MaxInputs: 2, Build: buildArrayFeatureExtractor},
}

// labelKey returns element i of a tensor as a key of a Go map: labels are equal
// where their keys are. All NaN are one label.
func labelKey(t *onnx.Tensor) (func(i int) any, error) {
	switch t.Type {
	case onnx.String:
		return func(i int) any { return t.Strings[i] }, nil
	case onnx.Int64:
		return func(i int) any { return t.Int64s()[i] }, nil
	case onnx.Int32:
		return func(i int) any { return int64(onnx.View[int32](t)[i]) }, nil
	case onnx.Int16:
		return func(i int) any { return int64(onnx.View[int16](t)[i]) }, nil
	case onnx.Float32:
		return func(i int) any { return floatKey(float64(t.Float32s()[i])) }, nil
	case onnx.Float64:
		return func(i int) any { return floatKey(onnx.View[float64](t)[i]) }, nil
	}
	return nil, fmt.Errorf("labels of element type %v", t.Type)
}

func floatKey(v float64) any {
	if math.IsNaN(v) {
		return "NaN"
	}
	return v
}

// labelMap maps labels of one element type to values.
type labelMap struct {
	from  onnx.DType
	index map[any]int
	// values holds the value of each label and, at the end, the default.
	values *onnx.Tensor
}

func newLabelMap(keys, values, fallback *onnx.Tensor) (*labelMap, error) {
	if keys == nil || values == nil {
		return nil, fmt.Errorf("keys or values are missing")
	}
	if keys.Len() != values.Len() || fallback.Type != values.Type || fallback.Len() != 1 {
		return nil, fmt.Errorf("keys %v, values %v and default %v do not fit", keys, values, fallback)
	}
	key, err := labelKey(keys)
	if err != nil {
		return nil, err
	}
	m := &labelMap{from: keys.Type, index: map[any]int{}, values: onnx.NewTensor(values.Type, values.Len()+1)}
	for i := range keys.Len() {
		m.index[key(i)] = i // the last of equal keys counts
	}
	copyRange(m.values, 0, values, 0, values.Len())
	copyRange(m.values, values.Len(), fallback, 0, 1)
	return m, nil
}

// run is the kernel that maps every element of input 0.
func (m *labelMap) run(c *Call) error {
	x := c.Tensor(0)
	if x.Type != m.from {
		return c.TypeError(0)
	}
	key, err := labelKey(x)
	if err != nil {
		return err
	}
	y, err := c.Output(0, m.values.Type, x.Shape...)
	if err != nil {
		return err
	}
	move := blockCopier(y, m.values, 1)
	for i := range x.Len() {
		value, ok := m.index[key(i)]
		if !ok {
			value = m.values.Len() - 1
		}
		move(i, value)
	}
	return nil
}

// labelList returns the labels that attributes PREFIX_strings, PREFIX_int64s...
// or PREFIX_tensor hold, nil if there are none.
func labelList(n *Node, prefix string) *onnx.Tensor {
	if t := n.Tensor(prefix + "_tensor"); t != nil {
		return t
	}
	if v := n.Texts(prefix + "_strings"); v != nil {
		return onnx.FromStrings(v, len(v))
	}
	if a := n.attr(prefix+"_int64s", onnx.AttrInts); a != nil {
		return onnx.FromSlice(a.Ints, len(a.Ints))
	}
	if v := n.Floats(prefix + "_floats"); v != nil {
		return onnx.FromSlice(v, len(v))
	}
	return nil
}

// defaultLabel returns the value for labels that are not in the map.
func defaultLabel(n *Node, t onnx.DType) *onnx.Tensor {
	if d := n.Tensor("default_tensor"); d != nil {
		return d
	}
	switch t {
	case onnx.String:
		return onnx.FromStrings([]string{n.Text("default_string", "_Unused")}, 1)
	case onnx.Int64:
		return onnx.FromSlice([]int64{int64(n.Int("default_int64", -1))}, 1)
	case onnx.Int32:
		return onnx.FromSlice([]int32{-1}, 1)
	case onnx.Int16:
		return onnx.FromSlice([]int16{-1}, 1)
	case onnx.Float64:
		return onnx.FromSlice([]float64{math.Copysign(0, -1)}, 1)
	}
	return onnx.FromSlice([]float32{n.Float("default_float", float32(math.Copysign(0, -1)))}, 1)
}

func buildLabelEncoder(n *Node) (Kernel, error) {
	keys, values := labelList(n, "keys"), labelList(n, "values")
	if values == nil {
		return nil, fmt.Errorf("values are missing")
	}
	m, err := newLabelMap(keys, values, defaultLabel(n, values.Type))
	if err != nil {
		return nil, err
	}
	return m.run, n.Err()
}

// twoWay is a kernel that maps strings to integers or integers to strings,
// whichever the input holds.
func twoWay(n *Node, strings, ints *onnx.Tensor) (Kernel, error) {
	forward, err := newLabelMap(strings, ints, defaultLabel(n, onnx.Int64))
	if err != nil {
		return nil, err
	}
	back, err := newLabelMap(ints, strings, defaultLabel(n, onnx.String))
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		if c.Tensor(0).Type == onnx.String {
			return forward.run(c)
		}
		return back.run(c)
	}, n.Err()
}

func buildLabelEncoder1(n *Node) (Kernel, error) {
	classes := n.Texts("classes_strings")
	numbers := make([]int64, len(classes))
	for i := range numbers {
		numbers[i] = int64(i)
	}
	return twoWay(n, onnx.FromStrings(classes, len(classes)), onnx.FromSlice(numbers, len(numbers)))
}

func buildCategoryMapper(n *Node) (Kernel, error) {
	strings, ints := labelList(n, "cats"), n.attr("cats_int64s", onnx.AttrInts)
	if strings == nil || strings.Type != onnx.String || ints == nil {
		return nil, fmt.Errorf("cats_strings or cats_int64s are missing")
	}
	return twoWay(n, strings, onnx.FromSlice(ints.Ints, len(ints.Ints)))
}

func buildOneHotEncoder(n *Node) (Kernel, error) {
	cats := labelList(n, "cats")
	if cats == nil {
		return nil, fmt.Errorf("cats_strings or cats_int64s are missing")
	}
	key, err := labelKey(cats)
	if err != nil {
		return nil, err
	}
	index := map[any]int{}
	for i := range cats.Len() {
		index[key(i)] = i
	}
	zeros := n.Bool("zeros", true)
	return func(c *Call) error {
		x, err := asLabels(c.Tensor(0), cats.Type)
		if err != nil {
			return err
		}
		key, err := labelKey(x)
		if err != nil {
			return err
		}
		y, err := c.Zeroed(0, onnx.Float32, append(append([]int(nil), x.Shape...), cats.Len())...)
		if err != nil {
			return err
		}
		for i := range x.Len() {
			cat, ok := index[key(i)]
			if ok {
				y.Float32s()[i*cats.Len()+cat] = 1
			} else if !zeros {
				return fmt.Errorf("element %d, %v, is not one of the categories", i, key(i))
			}
		}
		return nil
	}, n.Err()
}

// asLabels returns a tensor of numbers as integers if that is what labels are.
func asLabels(x *onnx.Tensor, labels onnx.DType) (*onnx.Tensor, error) {
	if (x.Type == onnx.String) != (labels == onnx.String) {
		return nil, fmt.Errorf("input 0 is %v, the categories are %v", x.Type, labels)
	}
	if labels == onnx.String {
		return x, nil
	}
	ints, err := wholeNumbers(x)
	if err != nil {
		return nil, err
	}
	y := onnx.NewTensor(onnx.Int64, x.Shape...)
	for i, v := range ints {
		y.Int64s()[i] = int64(v)
	}
	return y, nil
}

// buildArrayFeatureExtractor picks columns: the last axis by index.
func buildArrayFeatureExtractor(n *Node) (Kernel, error) {
	return func(c *Call) error {
		x, indices := c.Tensor(0), c.Tensor(1)
		if x.Rank() == 0 {
			return c.ShapeError(0, "at least one axis")
		}
		last := x.Rank() - 1
		width, count := x.Shape[last], indices.Len()
		index, err := indexReader(indices, width)
		if err != nil {
			return err
		}
		shape := append(append([]int(nil), x.Shape[:last]...), count)
		if last == 0 {
			shape = []int{1, count}
		}
		y, err := c.Output(0, x.Type, shape...)
		if err != nil || y.Len() == 0 {
			return err
		}
		move := blockCopier(y, x, 1)
		for i := range y.Len() {
			move(i, i/count*width+index(i%count))
		}
		return nil
	}, n.Err()
}
