package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// mlTreeOps are ensembles of decision trees. TreeEnsembleClassifier and
// -Regressor take double thresholds as tensors since version 3; TreeEnsemble
// replaces both in version 5.
var mlTreeOps = []Operator{
	{Domain: mlDomain, Name: "TreeEnsembleClassifier", MinInputs: 1, MaxInputs: 1, Build: buildTreeClassifier},
	{Domain: mlDomain, Name: "TreeEnsembleRegressor", MinInputs: 1, MaxInputs: 1, Build: buildTreeRegressor},
	{Domain: mlDomain, Name: "TreeEnsemble", Since: 5, MinInputs: 1, MaxInputs: 1, Build: buildTreeEnsemble},
}

// numberList returns the floats of attribute name, or of the tensor in
// name_as_tensor, nil if neither is given.
func numberList(n *Node, name string) ([]float64, error) {
	if t := n.Tensor(name + "_as_tensor"); t != nil {
		return tensorNumbers(t)
	}
	values := n.Floats(name)
	if values == nil {
		return nil, nil
	}
	list := make([]float64, len(values))
	for i, v := range values {
		list[i] = float64(v)
	}
	return list, nil
}

// tensorNumbers returns the elements of a tensor as float64.
func tensorNumbers(t *onnx.Tensor) ([]float64, error) {
	read, err := numberReader(t)
	if err != nil {
		return nil, err
	}
	list := make([]float64, t.Len())
	for i := range list {
		list[i] = read(i)
	}
	return list, nil
}

// orZero returns element i of a list that may be missing.
func orZero[T any](list []T, i int) (v T) {
	if list == nil {
		return v
	}
	return list[i]
}

// readForest reads the attributes nodes_* and PREFIX_* (class or target) of
// versions 1 and 3, in which leaves are nodes of mode LEAF.
func readForest(n *Node, prefix string, targets int) (*forest, error) {
	f := &forest{targets: targets, aggregate: "SUM"}
	ids, trees, modes := n.Ints("nodes_nodeids"), n.Ints("nodes_treeids"), n.Texts("nodes_modes")
	features, yes, no := n.Ints("nodes_featureids"), n.Ints("nodes_truenodeids"), n.Ints("nodes_falsenodeids")
	missing := n.Ints("nodes_missing_value_tracks_true")
	values, err := numberList(n, "nodes_values")
	if err != nil {
		return nil, err
	}
	for name, length := range map[string]int{"nodes_treeids": len(trees), "nodes_modes": len(modes), "nodes_featureids": len(features),
		"nodes_truenodeids": len(yes), "nodes_falsenodeids": len(no), "nodes_values": len(values)} {
		if length != len(ids) {
			return nil, fmt.Errorf("%s has %d entries for %d nodes", name, length, len(ids))
		}
	}
	if missing != nil && len(missing) != len(ids) {
		return nil, fmt.Errorf("nodes_missing_value_tracks_true has %d entries for %d nodes", len(missing), len(ids))
	}
	// place is the number of each node: of an inner one, or ^leaf.
	place := map[[2]int]int{}
	for i := range ids {
		key := [2]int{trees[i], ids[i]}
		if _, ok := place[key]; ok {
			return nil, fmt.Errorf("tree %d has several nodes %d", trees[i], ids[i])
		}
		if modes[i] == "LEAF" {
			place[key] = ^len(f.leaves)
			f.leaves = append(f.leaves, nil)
		} else {
			place[key] = len(f.nodes)
			f.nodes = append(f.nodes, treeNode{})
		}
	}
	for i := range ids {
		key := [2]int{trees[i], ids[i]}
		if i == 0 || trees[i] != trees[i-1] {
			f.roots = append(f.roots, place[key])
		}
		if modes[i] == "LEAF" {
			continue
		}
		mode, ok := map[string]uint8{"BRANCH_LEQ": treeLEQ, "BRANCH_LT": treeLT, "BRANCH_GTE": treeGTE,
			"BRANCH_GT": treeGT, "BRANCH_EQ": treeEQ, "BRANCH_NEQ": treeNEQ}[modes[i]]
		yesPlace, ok1 := place[[2]int{trees[i], yes[i]}]
		noPlace, ok2 := place[[2]int{trees[i], no[i]}]
		if !ok || !ok1 || !ok2 {
			return nil, fmt.Errorf("node %d of tree %d has mode %s and children %d and %d", ids[i], trees[i], modes[i], yes[i], no[i])
		}
		f.nodes[place[key]] = treeNode{feature: features[i], mode: mode, missingTrue: orZero(missing, i) != 0,
			split: values[i], yes: yesPlace, no: noPlace}
	}
	if err := f.readVotes(n, prefix, place); err != nil {
		return nil, err
	}
	if f.base, err = numberList(n, "base_values"); err != nil {
		return nil, err
	}
	return f, f.check()
}

// readVotes reads the weights of the leaves.
func (f *forest) readVotes(n *Node, prefix string, place map[[2]int]int) error {
	ids, nodes, trees := n.Ints(prefix+"_ids"), n.Ints(prefix+"_nodeids"), n.Ints(prefix+"_treeids")
	weights, err := numberList(n, prefix+"_weights")
	if err != nil {
		return err
	}
	if len(nodes) != len(ids) || len(trees) != len(ids) || len(weights) != len(ids) {
		return fmt.Errorf("%s_ids, _nodeids, _treeids and _weights have different lengths", prefix)
	}
	for i, target := range ids {
		at, ok := place[[2]int{trees[i], nodes[i]}]
		if !ok {
			return fmt.Errorf("%s_nodeids names node %d of tree %d, which does not exist", prefix, nodes[i], trees[i])
		}
		if at < 0 { // weights at inner nodes mean nothing
			f.leaves[^at] = append(f.leaves[^at], treeVote{target, weights[i]})
		}
	}
	return nil
}

func buildTreeRegressor(n *Node) (Kernel, error) {
	targets := n.Int("n_targets", 1)
	if targets < 1 || targets > onnx.MaxElements {
		return nil, fmt.Errorf("n_targets %d must be positive", targets)
	}
	f, err := readForest(n, "target", targets)
	if err != nil {
		return nil, err
	}
	f.aggregate = n.Text("aggregate_function", "SUM")
	switch f.aggregate {
	case "SUM", "AVERAGE", "MIN", "MAX":
	default:
		return nil, fmt.Errorf("aggregate_function %q is not one of SUM, AVERAGE, MIN, MAX", f.aggregate)
	}
	transform, err := transformAttr(n)
	return func(c *Call) error { return f.regress(c, onnx.Float32, transform) }, err
}

// buildTreeEnsemble is TreeEnsemble, whose attributes keep inner nodes and
// leaves apart.
func buildTreeEnsemble(n *Node) (Kernel, error) {
	f := &forest{targets: n.Int("n_targets", 1), roots: n.Ints("tree_roots")}
	functions := []string{"AVERAGE", "SUM", "MIN", "MAX"}
	transforms := []string{"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"}
	function, transform := n.Int("aggregate_function", 1), n.Int("post_transform", 0)
	if function < 0 || function >= len(functions) || transform < 0 || transform >= len(transforms) || f.targets < 1 || f.targets > onnx.MaxElements {
		return nil, fmt.Errorf("aggregate_function %d, post_transform %d and n_targets %d are out of range", function, transform, f.targets)
	}
	f.aggregate = functions[function]
	splits, weights, err := f.readTensors(n)
	if err != nil {
		return nil, err
	}
	targets := n.Ints("leaf_targetids")
	if len(targets) != weights.Len() {
		return nil, fmt.Errorf("%d leaf_targetids for %d leaf_weights", len(targets), weights.Len())
	}
	numbers, err := tensorNumbers(weights)
	if err != nil {
		return nil, err
	}
	for i, target := range targets {
		f.leaves = append(f.leaves, []treeVote{{target, numbers[i]}})
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	return func(c *Call) error {
		if c.Tensor(0).Type != splits.Type {
			return fmt.Errorf("input 0 is %v, nodes_splits are %v", c.Tensor(0).Type, splits.Type)
		}
		return f.regress(c, splits.Type, transforms[transform])
	}, n.Err()
}

// readTensors reads the inner nodes and returns the tensors of splits and leaf
// weights.
func (f *forest) readTensors(n *Node) (splits, weights *onnx.Tensor, err error) {
	splits, weights = n.Tensor("nodes_splits"), n.Tensor("leaf_weights")
	modes := n.Tensor("nodes_modes")
	if splits == nil || weights == nil || modes == nil || modes.Type != onnx.Uint8 {
		return nil, nil, fmt.Errorf("nodes_splits, nodes_modes or leaf_weights are missing")
	}
	values, err := tensorNumbers(splits)
	if err != nil {
		return nil, nil, err
	}
	features, missing := n.Ints("nodes_featureids"), n.Ints("nodes_missing_value_tracks_true")
	yes, no := n.Ints("nodes_truenodeids"), n.Ints("nodes_falsenodeids")
	yesLeaf, noLeaf := n.Ints("nodes_trueleafs"), n.Ints("nodes_falseleafs")
	count := len(values)
	if modes.Len() != count || len(features) != count || len(yes) != count || len(no) != count ||
		len(yesLeaf) != count || len(noLeaf) != count || missing != nil && len(missing) != count {
		return nil, nil, fmt.Errorf("the nodes_* attributes have different lengths")
	}
	members, err := memberSets(n)
	if err != nil {
		return nil, nil, err
	}
	child := func(at, leaf int) int {
		if leaf != 0 && at >= 0 {
			return ^at
		}
		return at
	}
	for i, mode := range onnx.View[uint8](modes) {
		node := treeNode{feature: features[i], mode: mode, missingTrue: orZero(missing, i) != 0,
			split: values[i], yes: child(yes[i], yesLeaf[i]), no: child(no[i], noLeaf[i])}
		if mode > treeMember || yes[i] < 0 || no[i] < 0 {
			return nil, nil, fmt.Errorf("node %d has mode %d and children %d and %d", i, mode, yes[i], no[i])
		}
		if mode == treeMember {
			if len(members) == 0 {
				return nil, nil, fmt.Errorf("node %d has no set in membership_values", i)
			}
			node.members, members = members[0], members[1:]
		}
		f.nodes = append(f.nodes, node)
	}
	for _, root := range f.roots {
		if root < 0 {
			return nil, nil, fmt.Errorf("root %d is not a node", root)
		}
	}
	return splits, weights, nil
}

// memberSets returns the sets of membership_values, which end with a NaN each.
func memberSets(n *Node) ([][]float64, error) {
	t := n.Tensor("membership_values")
	if t == nil {
		return nil, nil
	}
	values, err := tensorNumbers(t)
	if err != nil {
		return nil, err
	}
	var sets [][]float64
	var set []float64
	for _, v := range values {
		if math.IsNaN(v) {
			sets = append(sets, set)
			set = nil
			continue
		}
		set = append(set, v)
	}
	if len(set) > 0 {
		sets = append(sets, set)
	}
	return sets, nil
}
