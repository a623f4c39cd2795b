package onnxgo

import (
	"slices"

	"github.com/kcompress/kcompress/runtime/ops"
)

const (
	// usualOpset is the newest version at the time of onnx-go v0.5.0.
	usualOpset = 9
	// newestOpset is the newest version that is tried.
	newestOpset = 28
	// mlOpset is the version of ai.onnx.ml that is assumed, except for
	// LabelEncoder in its first form.
	mlOpset = 2
)

// domains are where operators are looked up, in this order.
var domains = []string{"", "ai.onnx.ml", "com.microsoft"}

// domainOf returns the first domain that has an operator of that name in any
// version, or "".
func domainOf(name string) string {
	for _, domain := range domains {
		for version := newestOpset; version > 0; version-- {
			if ops.Lookup(domain, name, version) != nil {
				return domain
			}
		}
	}
	return ""
}

// opsets returns the versions of all domains for the model; see WithOpset.
func (b *Backend) opsets() map[string]int {
	versions := map[string]int{"": b.opset, "ai.onnx.ml": mlOpset, "com.microsoft": 1}
	if b.opset == 0 {
		versions[""] = b.findOpset()
	}
	if slices.ContainsFunc(b.operations, (*operation).firstLabelEncoder) {
		versions["ai.onnx.ml"] = 1
	}
	return versions
}

// findOpset returns the version nearest to the usual one, newer ones first, at
// which all operators exist and take the number of inputs that they have.
func (b *Backend) findOpset() int {
	for version := usualOpset; version <= newestOpset; version++ {
		if b.fits(version) {
			return version
		}
	}
	for version := usualOpset - 1; version > 0; version-- {
		if b.fits(version) {
			return version
		}
	}
	return usualOpset
}

func (b *Backend) fits(version int) bool {
	for _, op := range b.operations {
		if domainOf(op.name) != "" {
			continue
		}
		known := ops.Lookup("", op.name, version)
		if known == nil {
			return false
		}
		n := len(op.node().Inputs)
		if n < known.MinInputs || known.MaxInputs >= 0 && n > known.MaxInputs {
			return false
		}
	}
	return true
}

// firstLabelEncoder reports whether op is LabelEncoder of ai.onnx.ml version 1,
// which alone has the attribute classes_strings.
func (op *operation) firstLabelEncoder() bool {
	if op.name != "LabelEncoder" {
		return false
	}
	for _, a := range op.attributes {
		if a.Name == "classes_strings" {
			return true
		}
	}
	return false
}
