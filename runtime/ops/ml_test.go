package ops

import (
	"math"
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

func floatsAttr(name string, v ...float32) onnx.Attribute {
	return onnx.Attribute{Name: name, Kind: onnx.AttrFloats, Floats: v}
}

func textsAttr(name string, v ...string) onnx.Attribute {
	return onnx.Attribute{Name: name, Kind: onnx.AttrStrings, Strings: v}
}

// mlNode is testNode in the domain ai.onnx.ml.
func mlNode(op string, version, outputs int, attrs ...onnx.Attribute) *Node {
	n := testNode(op, version, 1, outputs, attrs...)
	n.Domain = mlDomain
	return n
}

// mlRows are four rows of three features. The expected numbers of the tests
// below are what ONNX Runtime 1.30 computes for them.
func mlRows() *onnx.Tensor {
	return onnx.FromSlice([]float32{-0.5224384, 0.82698643, 0.22498322, 0.8539629, -0.9013177, 0.71156704,
		-0.2780298, -0.8937874, -0.862432, 0.96787393, 0.94561005, 0.06250155}, 4, 3)
}

func wantFloats(t *testing.T, v onnx.Value, want ...float32) {
	t.Helper()
	got := v.(*onnx.Tensor).Float32s()
	if len(got) != len(want) {
		t.Fatalf("got %v, expected %v", got, want)
	}
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > 1e-5 {
			t.Fatalf("got %v, expected %v", got, want)
		}
	}
}

func runML(t *testing.T, n *Node) []onnx.Value {
	t.Helper()
	out, err := runNode(n, mlRows())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// trees are two trees with five leaves; votes are for the given classes.
func trees(prefix string, weights []float32, ids ...int) []onnx.Attribute {
	return []onnx.Attribute{
		intsAttr("nodes_treeids", 0, 0, 0, 0, 0, 1, 1, 1), intsAttr("nodes_nodeids", 0, 1, 2, 3, 4, 0, 1, 2),
		intsAttr("nodes_featureids", 0, 1, 0, 0, 0, 2, 0, 0),
		textsAttr("nodes_modes", "BRANCH_LEQ", "BRANCH_LT", "LEAF", "LEAF", "LEAF", "BRANCH_GT", "LEAF", "LEAF"),
		floatsAttr("nodes_values", .1, -.2, 0, 0, 0, .3, 0, 0),
		intsAttr("nodes_truenodeids", 1, 3, 0, 0, 0, 1, 0, 0), intsAttr("nodes_falsenodeids", 2, 4, 0, 0, 0, 2, 0, 0),
		intsAttr(prefix+"_treeids", 0, 0, 0, 1, 1), intsAttr(prefix+"_nodeids", 2, 3, 4, 1, 2),
		intsAttr(prefix+"_ids", ids...), floatsAttr(prefix+"_weights", weights...),
	}
}

func TestTreeEnsembleClassifier(t *testing.T) {
	positive, mixed := []float32{.1, .2, .7, .3, .1}, []float32{-.1, .2, .7, -.3, .1}
	out := runML(t, mlNode("TreeEnsembleClassifier", 1, 2, append(trees("class", positive, 0, 0, 0, 0, 0), intsAttr("classlabels_int64s", 4, 6))...))
	if got := out[0].(*onnx.Tensor).Int64s(); !slices.Equal(got, []int64{6, 4, 4, 4}) {
		t.Errorf("labels %v", got)
	}
	wantFloats(t, out[1], .2, .8, .6, .4, .7, .3, .8, .2)
	out = runML(t, mlNode("TreeEnsembleClassifier", 3, 2, append(trees("class", mixed, 0, 0, 0, 0, 0), intsAttr("classlabels_int64s", 4, 6), textAttr("post_transform", "LOGISTIC"))...))
	if got := out[0].(*onnx.Tensor).Int64s(); !slices.Equal(got, []int64{6, 4, 6, 4}) {
		t.Errorf("labels %v", got)
	}
	wantFloats(t, out[1], .3100255, .6899745, .5986877, .4013124, .4255575, .5744425, .5, .5)
	out = runML(t, mlNode("TreeEnsembleClassifier", 1, 2, append(trees("class", positive, 0, 1, 2, 1, 1), textsAttr("classlabels_strings", "a", "b", "c"), floatsAttr("base_values", .4, .1, 0))...))
	if got := out[0].(*onnx.Tensor).Strings; !slices.Equal(got, []string{"c", "a", "a", "a"}) {
		t.Errorf("labels %v", got)
	}
	wantFloats(t, out[1], .4, .2, .7, .5, .4, 0, .4, .4, 0, .5, .2, 0)
}

func TestTreeEnsembleRegressor(t *testing.T) {
	out := runML(t, mlNode("TreeEnsembleRegressor", 1, 1, append(trees("target", []float32{.1, .2, .7, .3, .1}, 0, 0, 0, 0, 0), intAttr("n_targets", 1), textAttr("aggregate_function", "MAX"))...))
	wantFloats(t, out[0], .7, .3, .2, .1)
}

func TestTreesThatNeverEndAreRefused(t *testing.T) {
	attrs := trees("target", []float32{.1, .2, .7, .3, .1}, 0, 0, 0, 0, 0)
	attrs[5] = intsAttr("nodes_truenodeids", 1, 0, 0, 0, 0, 1, 0, 0) // the second node leads back to the first
	if _, err := runNode(mlNode("TreeEnsembleRegressor", 1, 1, attrs...), mlRows()); err == nil {
		t.Error("a cycle passes")
	}
}

func TestLinearModels(t *testing.T) {
	out := runML(t, mlNode("LinearRegressor", 1, 1, intAttr("targets", 2), floatsAttr("intercepts", .1, .2),
		floatsAttr("coefficients", -0.5255388, 0.10135639, 0.7473171, 0.5578319, -0.23304772, 0.7298801)))
	wantFloats(t, out[0], .6265158, -.1199493, .0916213, 1.4057764, -.4889858, -.3762708, -.2661032, .5651573)
	out = runML(t, mlNode("LinearClassifier", 1, 2, floatsAttr("coefficients", -0.5255388, 0.10135639, 0.7473171), floatsAttr("intercepts", .1),
		intsAttr("classlabels_ints", 5, 9), textAttr("post_transform", "LOGISTIC")))
	if got := out[0].(*onnx.Tensor).Int64s(); !slices.Equal(got, []int64{9, 9, 5, 5}) {
		t.Errorf("labels %v", got)
	}
	wantFloats(t, out[1], .348301, .651699, .4771107, .5228893, .6198674, .3801326, .566136, .433864)
	out = runML(t, mlNode("LinearClassifier", 1, 2, floatsAttr("intercepts", .1, .2, .3), textsAttr("classlabels_strings", "a", "b", "c"), textAttr("post_transform", "SOFTMAX"),
		floatsAttr("coefficients", -0.5255388, 0.10135639, 0.7473171, 0.5578319, -0.23304772, 0.7298801, 0.273674, -0.22301102, -0.9321531)))
	if got := out[0].(*onnx.Tensor).Strings; !slices.Equal(got, []string{"a", "b", "c", "b"}) {
		t.Errorf("labels %v", got)
	}
	wantFloats(t, out[1], .5275196, .250065, .2224153, .1753891, .652729, .1718819, .130169, .1456998, .7241312, .1980154, .4546852, .3472995)
}

func svmAttrs(kernel string, attrs ...onnx.Attribute) []onnx.Attribute {
	return append(attrs, textAttr("kernel_type", kernel), floatsAttr("kernel_params", .5, .3, 2),
		floatsAttr("support_vectors", -0.5239886, 0.4641714, -0.51384985, 0.70589745, 0.43281722, -0.27927637, -0.0021778345,
			-0.5583992, -0.8972925, 0.73808, -0.8692926, -0.6767472, -0.0037298203, 0.28840828, -0.7032348))
}

func TestSupportVectorMachines(t *testing.T) {
	single := floatsAttr("coefficients", -0.5232135, 0.645579, 0.85556674, 0.7799301, -0.23425019)
	double := floatsAttr("coefficients", -0.5232135, 0.645579, 0.85556674, 0.7799301, -0.23425019, -0.7838547, 0.8598962, -0.7260933, 0.12013769, 0.8529769)
	out := runML(t, mlNode("SVMRegressor", 1, 1, svmAttrs("POLY", single, floatsAttr("rho", .2), intAttr("n_supports", 5))...))
	wantFloats(t, out[0], .1317943, .7107373, 1.4311678, .61984)
	out = runML(t, mlNode("SVMClassifier", 1, 2, svmAttrs("RBF", single, floatsAttr("rho", .2), intsAttr("vectors_per_class", 2, 3), intsAttr("classlabels_ints", 3, 8))...))
	wantFloats(t, out[1], -.1675337, .1675337, -.7421791, .7421791, -1.2739354, 1.2739354, -.7185645, .7185645)
	three := []onnx.Attribute{double, floatsAttr("rho", .2, -.1, .3), intsAttr("vectors_per_class", 2, 2, 1), intsAttr("classlabels_ints", 3, 8, 9)}
	out = runML(t, mlNode("SVMClassifier", 1, 2, svmAttrs("SIGMOID", three...)...))
	if got := out[0].(*onnx.Tensor).Int64s(); !slices.Equal(got, []int64{8, 3, 3, 3}) {
		t.Errorf("labels %v", got)
	}
	wantFloats(t, out[1], -.1779801, -.3602858, .5647858, 1.249483, .4146813, .1427259, 1.2676202, -.382414, .2290953, .6923342, .2052279, .6548082)
	out = runML(t, mlNode("SVMClassifier", 1, 2, svmAttrs("POLY", append(three, floatsAttr("prob_a", -1.2, -1, -2), floatsAttr("prob_b", .1, 0, .2))...)...))
	wantFloats(t, out[1], .317377, .3902691, .292354, .4068409, .2883743, .3047849, .4100033, .167081, .4229158, .4747885, .2951808, .2300308)
}

func TestNormalizer(t *testing.T) {
	for norm, want := range map[string][]float32{
		"MAX": {-.6317376, 1, .2720519}, "L1": {-.3318316, .5252681, .1429002}, "L2": {-.520499, .8239165, .224148},
	} {
		got := runML(t, mlNode("Normalizer", 1, 1, textAttr("norm", norm)))[0].(*onnx.Tensor)
		wantFloats(t, onnx.FromSlice(got.Float32s()[:3], 3), want...)
	}
}

func TestZipMapAndDictVectorizer(t *testing.T) {
	maps, err := runNode(mlNode("ZipMap", 1, 1, textsAttr("classlabels_strings", "x", "y", "z")), mlRows())
	if err != nil {
		t.Fatal(err)
	}
	s := maps[0].(*onnx.Sequence)
	if len(s.Values) != 4 {
		t.Fatalf("%d maps", len(s.Values))
	}
	m := s.Values[1].(*onnx.Map)
	back := run1(t, mlNode("DictVectorizer", 1, 1, textsAttr("string_vocabulary", "z", "q", "y", "x")), m)
	wantFloats(t, back, 0.71156704, 0, -0.9013177, 0.8539629)
}

func TestLabelEncoder(t *testing.T) {
	nan := float32(math.NaN())
	y := run1(t, mlNode("LabelEncoder", 2, 1, floatsAttr("keys_floats", 1, nan, 1), textsAttr("values_strings", "a", "nan", "c")),
		onnx.FromSlice([]float32{1, 2, nan}, 3))
	if !slices.Equal(y.Strings, []string{"c", "_Unused", "nan"}) {
		t.Errorf("got %v", y.Strings)
	}
}
