package runtime

import (
	"fmt"

	"github.com/kcompress/kcompress/runtime/ops"
)

// WithOperator adds an operator of the user's to a session: for nodes that the
// runtime has no operator for, or in place of its own or of a model-local
// function of that domain and name. It may be given several times; entries for
// one operator must be for different opset versions. The kernel is called by
// several goroutines at once if Run is.
//
// A model must import the operator's domain, as it must for any other.
func WithOperator(op ops.Operator) Option {
	return func(o *options) {
		if op.Domain == "ai.onnx" {
			op.Domain = ""
		}
		o.operators = append(o.operators, op)
	}
}

// checkOperators reports the first of the user's operators that is incomplete
// or claims versions that another one has.
func checkOperators(operators []ops.Operator) error {
	for i, op := range operators {
		switch {
		case op.Name == "":
			return fmt.Errorf("operator %d of the options has no name", i+1)
		case op.Build == nil:
			return fmt.Errorf("operator %s of the options has no Build function", op.Name)
		case op.MinInputs < 0 || op.MaxInputs >= 0 && op.MaxInputs < op.MinInputs:
			return fmt.Errorf("operator %s of the options takes %d to %d inputs", op.Name, op.MinInputs, op.MaxInputs)
		case op.Until != 0 && op.Until < op.Since:
			return fmt.Errorf("operator %s of the options is for versions %d to %d", op.Name, op.Since, op.Until)
		}
		for _, other := range operators[:i] {
			if other.Domain == op.Domain && other.Name == op.Name && other.Since == op.Since {
				return fmt.Errorf("operator %s of the options is given twice for version %d", op.Name, op.Since)
			}
		}
	}
	return nil
}

// findOperator returns the newest entry for a version, nil if there is none.
func findOperator(operators []ops.Operator, domain, name string, version int) *ops.Operator {
	var found *ops.Operator
	for i := range operators {
		op := &operators[i]
		fits := op.Domain == domain && op.Name == name && op.Since <= version && (op.Until == 0 || version <= op.Until)
		if fits && (found == nil || op.Since > found.Since) {
			found = op
		}
	}
	return found
}
