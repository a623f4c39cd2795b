package discover_test

import (
	"strings"
	"testing"

	. "github.com/kcompress/kcompress/fit/internal/modeltest"
	"github.com/kcompress/kcompress/onnx"
)

// Weights that operators take as integers, or fused with what follows, are listed
// with the reason why they stay.
func TestOperatorsThatTakeIntegers(t *testing.T) {
	microsoft := func(n *onnx.Node) *onnx.Node {
		n.Domain = "com.microsoft"
		return n
	}
	initializers := []*onnx.Tensor{
		Named("s", onnx.Scalar(float32(0.5))), Named("z", onnx.Scalar(uint8(3))), Named("w", onnx.NewTensor(onnx.Uint8, 4, 6)), Named("zw", onnx.Scalar(uint8(7))),
		Named("wf", Random(1, 4, 6)), Named("axis", onnx.FromSlice([]int64{2}, 1)), Named("k", onnx.NewTensor(onnx.Uint8, 5, 4, 1)), Named("kf", Random(2, 5, 4, 1)),
	}
	nodes := []*onnx.Node{
		Node("QuantizeLinear", "x s z", "q"), Node("QLinearMatMul", "q s z w s zw s z", "a"), Node("MatMulInteger", "q w z zw", "b"),
		Node("Unsqueeze", "q axis", "q3"), Node("QLinearConv", "q3 s z k s zw s z", "c"), Node("ConvInteger", "q3 k z zw", "d"),
		microsoft(Node("QGemm", "q s z w s zw _ s z", "e")), microsoft(Node("FusedGemm", "x wf", "f", onnx.StringAttr("activation", "Relu"))),
		Node("Unsqueeze", "x axis", "x3"), microsoft(Node("FusedConv", "x3 kf", "g", onnx.StringAttr("activation", "Relu"))),
	}
	found := find(t, 17, "a b c d e f g", initializers, nodes)
	want := map[string]string{"node.a#3": "integers", "node.b": "integers", "node.c#3": "integers", "node.d": "integers", "node.e#3": "integers", "node.f": "optimiser", "node.g": "optimiser"}
	for _, l := range found.Layers {
		if w := want[l.Name]; w == "" || !strings.Contains(l.Skip, w) || len(l.Stored) == 0 {
			t.Errorf("layer %s, stored as %v: %q", l.Name, l.Stored, l.Skip)
		}
		delete(want, l.Name)
	}
	if len(want) > 0 {
		t.Errorf("not listed: %v", want)
	}
}
