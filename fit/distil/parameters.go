package distil

import (
	"math"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// parameter is an initializer that is trained, with the state of Adam.
type parameter struct {
	name  string
	value *onnx.Tensor
	// chain is the pattern of a factor; nil for biases and normalisations.
	chain         *butterfly.Pattern
	first, second []float32 // running moments of the gradient
	// firstWeight and secondWeight are the sums of the weights in the moments,
	// which start at zero and are corrected by them.
	firstWeight, secondWeight float64
}

// trainable returns what can be trained in a student, in the order of its
// nodes.
func trainable(m *onnx.Model) []*parameter {
	initializers := map[string]*onnx.Tensor{}
	for _, t := range m.Graph.Initializers {
		initializers[t.Name] = t
	}
	seen := map[string]bool{}
	var found []*parameter
	add := func(name string, p *butterfly.Pattern) {
		t := initializers[name]
		if t == nil || seen[name] || t.Type != onnx.Float32 || t.NonFinite() > 0 || p == nil && !isVector(t) {
			return
		}
		seen[name] = true
		found = append(found, &parameter{name: name, value: t.Clone(), chain: p, first: make([]float32, t.Len()), second: make([]float32, t.Len())})
	}
	for _, n := range m.Graph.Nodes {
		if compact.IsChain(n) {
			c, err := compact.ReadNode(n)
			if err != nil || c.Weights != compact.FP32 || c.IsExact() {
				continue
			}
			for i := range min(len(c.Design.Patterns), len(n.Inputs)-1) {
				add(n.Inputs[1+i], &c.Design.Patterns[i])
			}
			continue
		}
		for _, i := range vectorInputs(n) {
			if i < len(n.Inputs) {
				add(n.Inputs[i], nil)
			}
		}
	}
	return found
}

// isVector tells biases from constants such as the scale of attention.
func isVector(t *onnx.Tensor) bool { return t.Rank() == 1 && t.Shape[0] > 1 }

// vectorInputs returns the inputs of a node that are biases, or scales and
// offsets of normalisations, if they are vectors.
func vectorInputs(n *onnx.Node) []int {
	if n.Domain != "" {
		return nil
	}
	switch n.Op {
	case "Add":
		return []int{0, 1}
	case "Gemm", "Conv", "ConvTranspose":
		return []int{2}
	case "LayerNormalization", "BatchNormalization", "InstanceNormalization", "GroupNormalization":
		return []int{1, 2}
	case "RMSNormalization":
		return []int{1}
	}
	return nil
}

// tensor returns the value to run with: rounded as an int8 file stores it, or
// as it is.
func (p *parameter) tensor(rounded bool) *onnx.Tensor {
	if !rounded || p.chain == nil {
		return p.value
	}
	node := compact.ChainNode(butterfly.Design{In: p.chain.Columns(), Out: p.chain.Rows(), Patterns: []butterfly.Pattern{*p.chain}}, compact.INT8, "", 0)
	stored, err := compact.FactorTensors(butterfly.Factor{Pattern: *p.chain, Values: p.value.Float32s()}, compact.INT8)
	if err != nil {
		panic(err) // float32 always rounds
	}
	chain, err := compact.ReadChain(node, stored)
	if err != nil {
		panic(err) // what FactorTensors writes ReadChain reads
	}
	return onnx.FromSlice(chain.Factors[0].Values, p.value.Shape...)
}

// Adam (arXiv 1412.6980) with the one-cycle schedule (arXiv 1708.07120): the
// rate rises from 1/25 of its peak over the first tenth of the steps and falls
// to nearly zero along a cosine, while the momentum falls from 0.95 to 0.85 and
// rises again.
const (
	secondMomentDecay = 0.98
	leastMomentum     = 0.85
	mostMomentum      = 0.95
	warmUp            = 0.1
	firstRate         = 1.0 / 25
	lastRate          = 1e-5
	adamEpsilon       = 1e-8
)

// oneCycle returns the rate, relative to its peak, and the momentum of a step.
func oneCycle(step, steps int) (rate, momentum float64) {
	peak := warmUp * float64(steps-1)
	at := float64(step)
	if at <= peak && peak > 0 {
		return anneal(firstRate, 1, at/peak), anneal(mostMomentum, leastMomentum, at/peak)
	}
	end := float64(steps-1) - peak
	if end <= 0 {
		return lastRate, mostMomentum
	}
	return anneal(1, lastRate, (at-peak)/end), anneal(leastMomentum, mostMomentum, (at-peak)/end)
}

// anneal goes from a (at 0) to b (at 1) along a cosine.
func anneal(a, b, at float64) float64 { return b + (a-b)*(1+math.Cos(math.Pi*at))/2 }

// update moves the values against the gradient.
func (p *parameter) update(gradient []float32, rate, momentum float64) {
	p.firstWeight = momentum*p.firstWeight + 1 - momentum
	p.secondWeight = secondMomentDecay*p.secondWeight + 1 - secondMomentDecay
	root := math.Sqrt(p.secondWeight)
	step, epsilon := float32(rate*root/p.firstWeight), float32(adamEpsilon*root)
	keep := float32(momentum)
	values := p.value.Float32s()
	for i, g := range gradient {
		m := p.first[i] + (1-keep)*(g-p.first[i])
		v := p.second[i] + (1-secondMomentDecay)*(g*g-p.second[i])
		p.first[i], p.second[i] = m, v
		values[i] -= step * m / (float32(math.Sqrt(float64(v))) + epsilon)
	}
}
