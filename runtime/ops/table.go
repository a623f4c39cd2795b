package ops

import "sort"

// families lists the operators of every file of this package.
var families = [][]Operator{
	arithmetic,
	comparison,
	logic,
	mathFunctions,
	floatTests,
	activations,
	variadic,
	selection,
	clipping,
	casting,
	legacy,
	reductions,
	argReductions,
	cumulative,
	softmaxes,
	topK,
	dropouts,
	randomOperators,
	einsums,
	determinants,
	losses,
	chains,
	quantizing,
	dequantization,
	windows,
	melWeights,
	signals,
	imageDecoding,
	integerMatMuls,
	integerConvs,
	matrixProducts,
	convolutions,
	pools,
	normalizations,
	recurrentOperators,
	resizing,
	microsoftActivations,
	microsoftProducts,
	microsoftNorms,
	microsoftConvs,
	qlinearOps,
	attentions,
	sampling,
	gatedActivations,
	microsoftAttentions,
	microsoftOthers,
	quantizedRecurrent,
	reshapeOps,
	transposeOps,
	concatOps,
	sliceOps,
	gatherOps,
	scatterOps,
	expandOps,
	padOps,
	constantOps,
	selectOps,
	controlOps,
	sequenceOps,
	optionalOps,
	stringOps,
	mlLabelOps,
	mlFeatureOps,
	mlTreeOps,
	mlLinearOps,
	mlMapOps,
}

// table maps domain and name to the entries of an operator, newest first.
var table = map[[2]string][]*Operator{}

func init() {
	for _, family := range families {
		for i := range family {
			op := &family[i]
			key := [2]string{op.Domain, op.Name}
			table[key] = append(table[key], op)
		}
	}
	for _, entries := range table {
		sort.SliceStable(entries, func(i, j int) bool { return entries[i].Since > entries[j].Since })
	}
}

// Lookup returns the operator for an opset version of its domain, or nil.
func Lookup(domain, name string, version int) *Operator {
	for _, op := range table[[2]string{domain, name}] {
		if op.Since <= version && (op.Until == 0 || version <= op.Until) {
			return op
		}
	}
	return nil
}

// All returns every entry of the table, sorted by domain, name and version.
func All() []*Operator {
	var all []*Operator
	for _, entries := range table {
		all = append(all, entries...)
	}
	sort.Slice(all, func(i, j int) bool {
		a, b := all[i], all[j]
		switch {
		case a.Domain != b.Domain:
			return a.Domain < b.Domain
		case a.Name != b.Name:
			return a.Name < b.Name
		}
		return a.Since < b.Since
	})
	return all
}
