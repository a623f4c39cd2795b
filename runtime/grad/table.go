package grad

import "maps"

// derivatives is the table of all derivatives by domain and operator.
var derivatives = map[[2]string]*derivative{}

func init() {
	for _, family := range []map[string]*derivative{
		unaryDerivatives, binaryDerivatives, productDerivatives, softmaxDerivatives, normDerivatives,
		reduceDerivatives, shapeDerivatives, moveDerivatives, selectDerivatives,
		convDerivatives, poolDerivatives, recurrentDerivatives,
	} {
		for name, d := range family {
			derivatives[[2]string{"", name}] = d
		}
	}
	for _, name := range []string{
		"Shape", "Size", "ArgMax", "ArgMin", "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual",
		"Not", "And", "Or", "Xor", "IsNaN", "IsInf", "NonZero", "Round", "Floor", "Ceil", "Sign", "OneHot",
	} {
		derivatives[[2]string{"", name}] = flat
	}
	derivatives[[2]string{"com.microsoft", "Gelu"}] = unaryDerivatives["Gelu"]
}

// Operators returns the names of all operators with a derivative in ai.onnx.
func Operators() []string {
	var names []string
	for key := range maps.Keys(derivatives) {
		if key[0] == "" {
			names = append(names, key[1])
		}
	}
	return append(names, "Cast")
}
