package ops

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// randomOperators is the family RandomNormal, RandomUniform, the -Like forms
// of both, Bernoulli (opset version 15) and Multinomial (7). Their versions
// differ in element types. With the attribute seed every run gives the same
// numbers, on any number of threads; without it every run gives others.
var randomOperators = []Operator{
	{Name: "RandomNormal", Random: true, Build: buildRandom, Infer: inferRandom},
	{Name: "RandomUniform", Random: true, Build: buildRandom, Infer: inferRandom},
	{Name: "RandomNormalLike", Random: true, MinInputs: 1, MaxInputs: 1, Build: buildRandomLike, Infer: inferRandomLike},
	{Name: "RandomUniformLike", Random: true, MinInputs: 1, MaxInputs: 1, Build: buildRandomLike, Infer: inferRandomLike},
	{Name: "Bernoulli", Since: 15, Random: true, MinInputs: 1, MaxInputs: 1, Build: buildBernoulli, Infer: inferRandomLike},
	{Name: "Multinomial", Since: 7, Random: true, MinInputs: 1, MaxInputs: 1, Build: buildMultinomial, Infer: inferMultinomial},
}

// readSeed returns what makes the generator of each run, from the attribute
// seed: a float, or an integer in Dropout.
func readSeed(n *Node) func() *mersenne {
	if !n.HasAttr("seed") {
		return func() *mersenne { return newMersenne(rand.Uint32()) }
	}
	var seed uint32
	if n.Op == "Dropout" {
		seed = uint32(n.Int("seed", 0))
	} else if v := float64(n.Float("seed", 0)); math.Abs(v) < 1<<62 {
		seed = uint32(int64(v))
	}
	return func() *mersenne { return newMersenne(seed) }
}

// randomType reads the attribute dtype; Undefined means that of the input.
func randomType(n *Node, t onnx.DType) (onnx.DType, error) {
	if v := n.Int("dtype", int(t)); v >= 0 && v < 1<<16 {
		t = onnx.DType(v)
	} else {
		return t, fmt.Errorf("attribute dtype is %d, which is not an element type", v)
	}
	if t != onnx.Undefined && (!t.Valid() || t == onnx.String || t == onnx.Complex64 || t == onnx.Complex128) {
		return t, fmt.Errorf("attribute dtype is %v, which random numbers can not have", t)
	}
	return t, n.Err()
}

// distribution returns what draws one number of the node's distribution.
func distribution(n *Node) func(m *mersenne) float64 {
	if n.Op == "RandomNormal" || n.Op == "RandomNormalLike" {
		mean, scale := float64(n.Float("mean", 0)), float64(n.Float("scale", 1))
		return func(m *mersenne) float64 { return mean + scale*m.normal() }
	}
	low, high := float64(n.Float("low", 0)), float64(n.Float("high", 1))
	return func(m *mersenne) float64 { return low + (high-low)*m.uniform() }
}

// fillRandom sets output 0 to a tensor of numbers, each given by draw.
func fillRandom(c *Call, t onnx.DType, shape []int, draw func(i int) float64) error {
	if t.Bits() < 8 {
		return fmt.Errorf("random numbers can not have the type %v", t)
	}
	y, err := c.Output(0, t, shape...)
	if err != nil {
		return err
	}
	wide := onnx.NewTensor(onnx.Float64, shape...)
	for i := range onnx.View[float64](wide) {
		onnx.View[float64](wide)[i] = draw(i)
	}
	if wide, err = wide.ConvertTo(t); err != nil {
		return err
	}
	copy(y.Raw(), wide.Raw())
	return nil
}

func buildRandom(n *Node) (Kernel, error) {
	t, err := randomType(n, onnx.Float32)
	if err != nil {
		return nil, err
	}
	shape := n.Ints("shape")
	if _, err := onnx.Elements(shape); err != nil {
		return nil, err
	}
	seed, draw := readSeed(n), distribution(n)
	return func(c *Call) error {
		m := seed()
		return fillRandom(c, t, shape, func(int) float64 { return draw(m) })
	}, n.Err()
}

func buildRandomLike(n *Node) (Kernel, error) {
	t, err := randomType(n, onnx.Undefined)
	if err != nil {
		return nil, err
	}
	seed, draw := readSeed(n), distribution(n)
	return func(c *Call) error {
		x, t := c.Tensor(0), t
		if t == onnx.Undefined {
			t = x.Type
		}
		m := seed()
		return fillRandom(c, t, x.Shape, func(int) float64 { return draw(m) })
	}, n.Err()
}

// buildBernoulli builds Bernoulli: 1 with the probability that the element
// gives, else 0. One uniform number decides each, as in numpy's binomial.
func buildBernoulli(n *Node) (Kernel, error) {
	t, err := randomType(n, onnx.Undefined)
	if err != nil {
		return nil, err
	}
	seed := readSeed(n)
	return func(c *Call) error {
		x, t := c.Tensor(0), t
		if t == onnx.Undefined {
			t = x.Type
		}
		if !x.Type.IsFloat() {
			return c.TypeError(0)
		}
		probability, err := numberReader(x)
		if err != nil {
			return err
		}
		m := seed()
		return fillRandom(c, t, x.Shape, func(i int) float64 {
			p, u := probability(i), m.uniform()
			if p <= 0.5 {
				return truth[float64](u > 1-p)
			}
			return truth[float64](u <= p)
		})
	}, n.Err()
}

// buildMultinomial builds Multinomial: sample_size class numbers for each row
// of unnormalised log-probabilities [batch, classes].
func buildMultinomial(n *Node) (Kernel, error) {
	t, err := randomType(n, onnx.Int32)
	if err != nil {
		return nil, err
	}
	size, seed := n.Int("sample_size", 1), readSeed(n)
	if t != onnx.Int32 && t != onnx.Int64 {
		return nil, fmt.Errorf("attribute dtype is %v, expected int32 or int64", t)
	}
	return func(c *Call) error {
		x := c.Tensor(0)
		if !x.Type.IsFloat() {
			return c.TypeError(0)
		}
		if x.Rank() != 2 || x.Shape[1] == 0 || size < 0 {
			return c.ShapeError(0, "[batch, classes] with at least one class, and sample_size not negative")
		}
		wide, err := x.ConvertTo(onnx.Float64)
		if err != nil {
			return err
		}
		m, classes := seed(), x.Shape[1]
		var sums []float64
		return fillRandom(c, t, []int{x.Shape[0], size}, func(i int) float64 {
			if i%size == 0 {
				sums = cumulativeProbability(onnx.View[float64](wide)[i/size*classes:][:classes])
			}
			u := m.uniform() * sums[classes-1]
			at, _ := slices.BinarySearchFunc(sums, u, func(sum, u float64) int {
				if sum <= u {
					return -1
				}
				return 1
			})
			return float64(min(at, classes-1))
		})
	}, n.Err()
}

// cumulativeProbability returns the running sums of e^x, up to a factor.
func cumulativeProbability(x []float64) []float64 {
	sums, top, sum := make([]float64, len(x)), largest(x), 0.0
	for i, v := range x {
		sum += math.Exp(v - top)
		sums[i] = sum
	}
	return sums
}

func inferRandom(n *Node, _ []Info) ([]Info, error) {
	t, err := randomType(n, onnx.Float32)
	if err != nil {
		return nil, err
	}
	shape := n.Ints("shape")
	if _, err := onnx.Elements(shape); err != nil {
		return nil, err
	}
	return []Info{TensorInfo(t, numberDims(shape))}, nil
}

func inferRandomLike(n *Node, in []Info) ([]Info, error) {
	t, err := randomType(n, onnx.Undefined)
	if err != nil || len(in) == 0 {
		return nil, err
	}
	if t == onnx.Undefined {
		t = elemOf(in[0])
	}
	return []Info{infoLike(t, in[0])}, nil
}

func inferMultinomial(n *Node, in []Info) ([]Info, error) {
	t, err := randomType(n, onnx.Int32)
	if err != nil || len(in) == 0 {
		return nil, err
	}
	shape, ok := shapeOf(in[0])
	if size := n.Int("sample_size", 1); ok && len(shape) == 2 && size >= 0 {
		return []Info{TensorInfo(t, []onnx.Dim{shape[0], {Size: size}})}, nil
	}
	return []Info{UnknownShape(t)}, nil
}
