package ops

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/kcompress/kcompress/onnx"
)

// mlMapOps make maps of tensors and tensors of maps.
var mlMapOps = []Operator{
	{Domain: mlDomain, Name: "ZipMap", MinInputs: 1, MaxInputs: 1, Values: true, Build: buildZipMap},
	{Domain: mlDomain, Name: "DictVectorizer", MinInputs: 1, MaxInputs: 1, Values: true, Build: buildDictVectorizer},
	{Domain: mlDomain, Name: "CastMap", MinInputs: 1, MaxInputs: 1, Values: true, Build: buildCastMap},
}

// buildZipMap gives a map of labels to scores for every row.
func buildZipMap(n *Node) (Kernel, error) {
	keys, err := classLabels(n, "classlabels_int64s")
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		x := c.Tensor(0)
		if x == nil || x.Type != onnx.Float32 || x.Rank() < 1 || x.Rank() > 2 || features(x) != keys.Len() {
			return fmt.Errorf("input 0 is %s, expected float32[N,%d]", describe(c.In[0]), keys.Len())
		}
		s := &onnx.Sequence{}
		if x.Rank() == 1 {
			x = x.Reshaped(1, x.Len())
		}
		for r := range x.Shape[0] {
			s.Values = append(s.Values, &onnx.Map{Keys: keys, Values: stepOf(x, r).Clone()})
		}
		c.Set(0, s)
		return nil
	}, n.Err()
}

// mapInput returns input 0, which must be a map whose keys and values fit.
func mapInput(c *Call) (*onnx.Map, error) {
	m, ok := c.In[0].(*onnx.Map)
	if !ok || m.Keys == nil || m.Values == nil || m.Keys.Len() != m.Values.Len() {
		return nil, fmt.Errorf("input 0 is %s, expected a map", describe(c.In[0]))
	}
	return m, nil
}

// buildDictVectorizer writes the values of a map to the places that a
// vocabulary gives their keys.
func buildDictVectorizer(n *Node) (Kernel, error) {
	var words *onnx.Tensor
	if v := n.Texts("string_vocabulary"); v != nil {
		words = onnx.FromStrings(v, len(v))
	} else if a := n.attr("int64_vocabulary", onnx.AttrInts); a != nil {
		words = onnx.FromSlice(a.Ints, len(a.Ints))
	}
	if words == nil {
		return nil, fmt.Errorf("the vocabulary is missing")
	}
	key, err := labelKey(words)
	if err != nil {
		return nil, err
	}
	place := map[any]int{}
	for i := range words.Len() {
		place[key(i)] = i
	}
	return func(c *Call) error {
		m, err := mapInput(c)
		if err != nil {
			return err
		}
		key, err := labelKey(m.Keys)
		if err != nil {
			return err
		}
		y, err := c.Zeroed(0, m.Values.Type, 1, words.Len())
		if err != nil {
			return err
		}
		for i := range m.Keys.Len() {
			if at, ok := place[key(i)]; ok {
				copyRange(y, at, m.Values, i, 1)
			}
		}
		return nil
	}, n.Err()
}

// buildCastMap writes the values of a map in the order of their keys, or to
// the places that the keys name.
func buildCastMap(n *Node) (Kernel, error) {
	sparse, size := n.Text("map_form", "DENSE") == "SPARSE", n.Int("max_map", 1)
	to := map[string]onnx.DType{"TO_FLOAT": onnx.Float32, "TO_STRING": onnx.String, "TO_INT64": onnx.Int64}[n.Text("cast_to", "TO_FLOAT")]
	if to == onnx.Undefined {
		return nil, fmt.Errorf("cast_to %q is not one of TO_FLOAT, TO_STRING, TO_INT64", n.Text("cast_to", ""))
	}
	return func(c *Call) error {
		m, err := mapInput(c)
		if err != nil {
			return err
		}
		if m.Keys.Type != onnx.Int64 {
			return fmt.Errorf("keys are %v, expected int64", m.Keys.Type)
		}
		keys := m.Keys.Int64s()
		order := make([]int, len(keys))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(a, b int) int { return cmp.Compare(keys[a], keys[b]) })
		width := len(keys)
		if sparse {
			width = size
		}
		y, err := c.Zeroed(0, to, 1, width)
		if err != nil {
			return err
		}
		for place, i := range order {
			if sparse {
				if place = int(keys[i]); place < 0 || place >= width {
					return fmt.Errorf("key %d is outside of max_map %d", place, width)
				}
			}
			if err := castValue(y, place, m.Values, i); err != nil {
				return err
			}
		}
		return nil
	}, n.Err()
}

// castValue sets element d of y to element s of a tensor of float32 or string.
func castValue(y *onnx.Tensor, d int, from *onnx.Tensor, s int) error {
	var number float64
	var text string
	switch from.Type {
	case onnx.Float32:
		number = float64(from.Float32s()[s])
		text = strconv.FormatFloat(number, 'g', -1, 32)
	case onnx.String:
		text = from.Strings[s]
	default:
		return fmt.Errorf("values are %v, expected float32 or string", from.Type)
	}
	if from.Type == onnx.String && y.Type != onnx.String {
		var err error
		if number, err = strconv.ParseFloat(text, 64); err != nil {
			return fmt.Errorf("value %q is no number", text)
		}
	}
	switch y.Type {
	case onnx.String:
		y.Strings[d] = text
	case onnx.Float32:
		y.Float32s()[d] = float32(number)
	default:
		y.Int64s()[d] = int64(number)
	}
	return nil
}
