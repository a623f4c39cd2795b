package ops

import (
	"fmt"
	"math"
	"strings"

	"github.com/kcompress/kcompress/kernels/vec"
)

// activation is an activation function of a recurrent operator with its
// parameters.
type activation struct {
	name        string
	alpha, beta float64
}

// activationDefaults holds, for each activation function, the defaults of its
// parameters and how many of alpha and beta it has.
var activationDefaults = map[string]struct {
	alpha, beta float64
	parameters  int
}{
	"relu": {}, "tanh": {}, "sigmoid": {}, "softsign": {}, "softplus": {},
	"affine":          {1, 0, 2},
	"leakyrelu":       {0.01, 0, 1},
	"thresholdedrelu": {1, 0, 1},
	"scaledtanh":      {1, 1, 2},
	"hardsigmoid":     {0.2, 0.5, 2},
	"elu":             {1, 0, 1},
}

// readActivations reads the activation functions of a recurrent operator:
// those of one direction after the other, the given ones if there is no
// attribute. The values of activation_alpha and activation_beta go, in order,
// to the functions that have such a parameter.
func readActivations(n *Node, directions int, otherwise ...string) ([][]activation, error) {
	names := n.Texts("activations")
	if len(names) == 0 {
		for range directions {
			names = append(names, otherwise...)
		}
	}
	if len(names) != directions*len(otherwise) {
		return nil, fmt.Errorf("activations %q: expected %d for %d directions", names, directions*len(otherwise), directions)
	}
	alphas, betas := n.Floats("activation_alpha"), n.Floats("activation_beta")
	list := make([][]activation, directions)
	for i, name := range names {
		a := activation{name: strings.ToLower(name)}
		defaults, known := activationDefaults[a.name]
		if !known {
			return nil, fmt.Errorf("activation %q is not one of the standard", name)
		}
		a.alpha, a.beta = defaults.alpha, defaults.beta
		if defaults.parameters > 0 && len(alphas) > 0 {
			a.alpha, alphas = float64(alphas[0]), alphas[1:]
		}
		if defaults.parameters > 1 && len(betas) > 0 {
			a.beta, betas = float64(betas[0]), betas[1:]
		}
		list[i/len(otherwise)] = append(list[i/len(otherwise)], a)
	}
	return list, n.Err()
}

// activate applies a to every element of v.
func activate[T float](a activation, v []T) {
	if s, ok := any(v).([]float32); ok {
		switch a.name {
		case "sigmoid":
			vec.Sigmoid(s, s)
			return
		case "tanh":
			vec.Tanh(s, s)
			return
		case "relu":
			vec.Relu(s, s)
			return
		}
	}
	for i, x := range v {
		v[i] = T(a.of(float64(x)))
	}
}

// of returns the function's value at x.
func (a activation) of(x float64) float64 {
	switch a.name {
	case "relu":
		return max(x, 0)
	case "tanh":
		return math.Tanh(x)
	case "sigmoid":
		return 1 / (1 + math.Exp(-x))
	case "softsign":
		return x / (1 + math.Abs(x))
	case "softplus":
		return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
	case "affine":
		return a.alpha*x + a.beta
	case "leakyrelu":
		if x < 0 {
			return a.alpha * x
		}
	case "thresholdedrelu":
		if x < a.alpha {
			return 0
		}
	case "scaledtanh":
		return a.alpha * math.Tanh(a.beta*x)
	case "hardsigmoid":
		return min(max(a.alpha*x+a.beta, 0), 1)
	case "elu":
		if x < 0 {
			return a.alpha * math.Expm1(x)
		}
	}
	return x
}
