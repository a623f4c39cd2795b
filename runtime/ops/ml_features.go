package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// mlFeatureOps prepare columns of features.
var mlFeatureOps = []Operator{
	{Domain: mlDomain, Name: "Binarizer", MinInputs: 1, MaxInputs: 1, Build: buildBinarizer, Infer: inferSame},
	{Domain: mlDomain, Name: "Scaler", MinInputs: 1, MaxInputs: 1, Build: buildScaler, Infer: inferSameAs(onnx.Float32)},
	{Domain: mlDomain, Name: "Normalizer", MinInputs: 1, MaxInputs: 1, Build: buildNormalizer, Infer: inferSameAs(onnx.Float32)},
	{Domain: mlDomain, Name: "Imputer", MinInputs: 1, MaxInputs: 1, Build: buildImputer, Infer: inferSame},
	{Domain: mlDomain, Name: "FeatureVectorizer", MinInputs: 1, MaxInputs: -1, Build: buildFeatureVectorizer},
}

func buildBinarizer(n *Node) (Kernel, error) {
	threshold := float64(n.Float("threshold", 0))
	return func(c *Call) error {
		x := c.Tensor(0)
		read, err := numberReader(x)
		if err != nil {
			return c.TypeError(0)
		}
		numbers, err := oneOf(x.Type)
		if err != nil {
			return c.TypeError(0)
		}
		y, err := c.Zeroed(0, x.Type, x.Shape...)
		if err != nil {
			return err
		}
		move := blockCopier(y, numbers, 1)
		for i := range x.Len() {
			if read(i) > threshold {
				move(i, 0)
			}
		}
		return nil
	}, n.Err()
}

// perFeature checks that a list has one entry or one for each of the features
// on the last axis, and returns what to multiply a feature's number by to find
// its entry.
func perFeature(what string, entries, features int) (step int, err error) {
	switch entries {
	case 1:
		return 0, nil
	case features:
		return 1, nil
	}
	return 0, fmt.Errorf("%s has %d entries for %d features", what, entries, features)
}

// features returns the number of features of a tensor: the size of its last axis.
func features(x *onnx.Tensor) int {
	if x.Rank() == 0 {
		return 1
	}
	return x.Shape[x.Rank()-1]
}

func buildScaler(n *Node) (Kernel, error) {
	offset, scale := n.Floats("offset"), n.Floats("scale")
	return func(c *Call) error {
		x := c.Tensor(0)
		columns := features(x)
		stepOffset, err := perFeature("offset", len(offset), columns)
		if err != nil {
			return err
		}
		stepScale, err := perFeature("scale", len(scale), columns)
		if err != nil {
			return err
		}
		read, err := numberReader(x)
		if err != nil {
			return c.TypeError(0)
		}
		y, err := c.Output(0, onnx.Float32, x.Shape...)
		if err != nil {
			return err
		}
		for i := range x.Len() {
			f := i % columns
			y.Float32s()[i] = float32((read(i) - float64(offset[f*stepOffset])) * float64(scale[f*stepScale]))
		}
		return nil
	}, n.Err()
}

func buildNormalizer(n *Node) (Kernel, error) {
	norm := n.Text("norm", "MAX")
	if norm != "MAX" && norm != "L1" && norm != "L2" {
		return nil, fmt.Errorf("norm %q is not one of MAX, L1, L2", norm)
	}
	return func(c *Call) error {
		x := c.Tensor(0)
		read, err := numberReader(x)
		if err != nil {
			return c.TypeError(0)
		}
		y, err := c.Output(0, onnx.Float32, x.Shape...)
		if err != nil || y.Len() == 0 {
			return err
		}
		columns := features(x)
		for r := 0; r < x.Len(); r += columns {
			d := rowNorm(norm, read, r, columns)
			if d == 0 {
				d = 1
			}
			for i := r; i < r+columns; i++ {
				y.Float32s()[i] = float32(read(i) / d)
			}
		}
		return nil
	}, n.Err()
}

// rowNorm returns the divisor of a row. L1 sums magnitudes, as ONNX Runtime
// does; the formula of the standard leaves them out.
func rowNorm(norm string, read func(i int) float64, from, n int) float64 {
	d := 0.0
	if norm == "MAX" {
		d = math.Inf(-1)
	}
	for i := from; i < from+n; i++ {
		switch v := read(i); norm {
		case "MAX":
			d = max(d, v)
		case "L1":
			d += math.Abs(v)
		default:
			d += v * v
		}
	}
	if norm == "L2" {
		d = math.Sqrt(d)
	}
	return d
}

func buildImputer(n *Node) (Kernel, error) {
	floats, ints := n.Floats("imputed_value_floats"), n.Ints("imputed_value_int64s")
	missing, missingInt := float64(n.Float("replaced_value_float", 0)), n.Int("replaced_value_int64", 0)
	return func(c *Call) error {
		x := c.Tensor(0)
		y, err := c.Output(0, x.Type, x.Shape...)
		if err != nil {
			return err
		}
		switch x.Type {
		case onnx.Float32:
			return impute(x, y, floats, func(v float32) bool {
				return float64(v) == missing || math.IsNaN(missing) && v != v
			})
		case onnx.Float64:
			return impute(x, y, floats, func(v float64) bool {
				return v == missing || math.IsNaN(missing) && v != v
			})
		case onnx.Int64:
			return impute(x, y, ints, func(v int64) bool { return v == int64(missingInt) })
		case onnx.Int32:
			return impute(x, y, ints, func(v int32) bool { return int64(v) == int64(missingInt) })
		}
		return c.TypeError(0)
	}, n.Err()
}

// impute copies x with missing values replaced by the ones of their features.
func impute[T float32 | float64 | int32 | int64, V float32 | int](x, y *onnx.Tensor, values []V, missing func(T) bool) error {
	columns := features(x)
	step, err := perFeature("imputed_value", len(values), columns)
	if err != nil {
		return err
	}
	to := onnx.View[T](y)
	for i, v := range onnx.View[T](x) {
		if missing(v) {
			v = T(values[i%columns*step])
		}
		to[i] = v
	}
	return nil
}

// buildFeatureVectorizer joins the columns of its inputs as float32.
func buildFeatureVectorizer(n *Node) (Kernel, error) {
	widths := n.Ints("inputdimensions")
	return func(c *Call) error {
		rows, total := -1, 0
		for i := range c.In {
			x := c.Tensor(i)
			if x == nil || x.Rank() < 1 || x.Rank() > 2 {
				return fmt.Errorf("input %d is %s, expected [N,C] or [C]", i, describe(c.In[i]))
			}
			if i < len(widths) && widths[i] != features(x) {
				return fmt.Errorf("input %d has %d columns, inputdimensions says %d", i, features(x), widths[i])
			}
			count := 1
			if x.Rank() == 2 {
				count = x.Shape[0]
			}
			if rows >= 0 && rows != count {
				return fmt.Errorf("input %d has %d rows, input 0 has %d", i, count, rows)
			}
			rows = count
			total += features(x)
		}
		y, err := c.Output(0, onnx.Float32, rows, total)
		if err != nil {
			return err
		}
		from := 0
		for i := range c.In {
			x := c.Tensor(i)
			read, err := numberReader(x)
			if err != nil {
				return c.TypeError(i)
			}
			columns := features(x)
			for k := range x.Len() {
				y.Float32s()[k/columns*total+from+k%columns] = float32(read(k))
			}
			from += columns
		}
		return nil
	}, n.Err()
}
