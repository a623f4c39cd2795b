package ops

import (
	"math"
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"pgregory.net/rapid"
)

// TestAttentionIsItsDefinition compares Attention with its formula, number by
// number, for random sizes, masks, caches and windows.
func TestAttentionIsItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 4)
		batch, keyHeads, group := size.Draw(t, "batch"), size.Draw(t, "heads"), rapid.IntRange(1, 3).Draw(t, "group")
		queries, incoming, past := rapid.IntRange(1, 20).Draw(t, "queries"), rapid.IntRange(1, 20).Draw(t, "keys"), rapid.IntRange(0, 3).Draw(t, "past")
		width, valueWidth := size.Draw(t, "width"), size.Draw(t, "value width")
		heads, keys := keyHeads*group, past+incoming
		causal, left, right := rapid.IntRange(0, 1).Draw(t, "causal"), rapid.IntRange(-1, 3).Draw(t, "left"), rapid.IntRange(-1, 3).Draw(t, "right")
		softcap := float32(rapid.IntRange(0, 1).Draw(t, "softcap")) * 0.5
		q, k, v := waves(1, batch, heads, queries, width), waves(2, batch, keyHeads, keys, width), waves(3, batch, keyHeads, keys, valueWidth)
		maskShape := []int{batch, heads, queries, keys}
		for i := range maskShape[:3] {
			if rapid.Bool().Draw(t, "one") {
				maskShape[i] = 1
			}
		}
		mask := waves(4, maskShape...)
		for i := range mask.Float32s() {
			if i%5 == 3 {
				mask.Float32s()[i] = float32(math.Inf(-1))
			}
		}
		visible := func(query, key int) bool {
			p := query + past
			return (causal == 0 || key <= p) && (left < 0 || key >= p-left) && (right < 0 || key <= p+right)
		}
		var want []float64
		eachIndex([]int{batch, heads, queries}, func(index []int) {
			b, h, i := index[0], index[1], index[2]
			scores, sum := make([]float64, keys), 0.0
			for j := range keys {
				var dot float64
				for d := range width {
					dot += float64(q.Float32s()[at(q.Shape, []int{b, h, i, d})]) * float64(k.Float32s()[at(k.Shape, []int{b, h / group, j, d})])
				}
				dot /= math.Sqrt(float64(width))
				if softcap > 0 {
					dot = float64(softcap) * math.Tanh(dot/float64(softcap))
				}
				dot += float64(mask.Float32s()[broadcastIndex(at([]int{batch, heads, queries, keys}, []int{b, h, i, j}), []int{batch, heads, queries, keys}, maskShape)])
				if visible(i, j) {
					scores[j] = math.Exp(dot)
				}
				sum += scores[j]
			}
			for e := range valueWidth {
				var y float64
				for j := range keys {
					if sum > 0 {
						y += scores[j] / sum * float64(v.Float32s()[at(v.Shape, []int{b, h / group, j, e})])
					}
				}
				want = append(want, y)
			}
		})
		n := node("Attention", 25, intAttr("is_causal", causal), intAttr("left_window_size", left), intAttr("right_window_size", right), floatAttr("softcap", softcap))
		in := []*onnx.Tensor{q, k, v, mask}
		if past > 0 {
			pastK, newK := cut(k, past)
			pastV, newV := cut(v, past)
			in = []*onnx.Tensor{q, newK, newV, mask, pastK, pastV}
		}
		checkFloatNode(t, n, want, in...)
	})
}

// cut divides x along axis 2.
func cut(x *onnx.Tensor, first int) (head, tail *onnx.Tensor) {
	shape := slices.Clone(x.Shape)
	head, tail = onnx.NewTensor(x.Type, shape[0], shape[1], first, shape[3]), onnx.NewTensor(x.Type, shape[0], shape[1], shape[2]-first, shape[3])
	row := shape[3]
	for i := range shape[0] * shape[1] {
		copy(head.Float32s()[i*first*row:][:first*row], x.Float32s()[i*shape[2]*row:])
		copy(tail.Float32s()[i*(shape[2]-first)*row:][:(shape[2]-first)*row], x.Float32s()[(i*shape[2]+first)*row:])
	}
	return head, tail
}

// TestAttentionOfLongSequences covers several blocks of queries.
func TestAttentionOfLongSequences(t *testing.T) {
	q, k, v := waves(1, 1, 2, 300, 16), waves(2, 1, 2, 700, 16), waves(3, 1, 2, 700, 8)
	product := run1(t, testNode("MatMul", 13, 2, 1), q, swapAxes(t, k, 0, 1, 3, 2))
	for i := range product.Float32s() {
		product.Float32s()[i] *= 0.25
	}
	for first := 0; first < product.Len(); first += 700 {
		softmaxRow(product.Float32s()[first : first+700])
	}
	want := run1(t, testNode("MatMul", 13, 2, 1), product, v)
	checkFloatNode(t, node("Attention", 23), convertFloats[float64](want.Float32s()), q, k, v)
}

// TestRotaryKeepsLengths checks that rotation keeps the norm of every pair and
// that rotating by the opposite angles undoes it.
func TestRotaryKeepsLengths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		batch, heads, length, half := rapid.IntRange(1, 3).Draw(t, "batch"), rapid.IntRange(1, 3).Draw(t, "heads"), rapid.IntRange(1, 4).Draw(t, "length"), rapid.IntRange(1, 4).Draw(t, "half")
		rest := rapid.IntRange(0, 2).Draw(t, "rest")
		x := waves(1, batch, heads, length, 2*half+rest)
		cos, sin := onnx.NewTensor(onnx.Float32, batch, length, half), onnx.NewTensor(onnx.Float32, batch, length, half)
		for i := range cos.Float32s() {
			s, c := math.Sincos(float64(i) * 0.7)
			cos.Float32s()[i], sin.Float32s()[i] = float32(c), float32(s)
		}
		attributes := []onnx.Attribute{intAttr("interleaved", rapid.IntRange(0, 1).Draw(t, "interleaved")), intAttr("rotary_embedding_dim", 2*half)}
		y := run1(t, testNode("RotaryEmbedding", 23, 3, 1, attributes...), x, cos, sin)
		var before, after float64
		for i, v := range x.Float32s() {
			before += float64(v) * float64(v)
			after += float64(y.Float32s()[i]) * float64(y.Float32s()[i])
		}
		if math.Abs(before-after) > 1e-4 {
			t.Fatalf("the sum of squares goes from %v to %v", before, after)
		}
		for i := range sin.Float32s() {
			sin.Float32s()[i] *= -1
		}
		back := run1(t, testNode("RotaryEmbedding", 23, 3, 1, attributes...), y, cos, sin)
		wantNear(t, back, convertFloats[float64](x.Float32s()), 1e-5)
	})
}

// TestLinearAttentionIsAttentionWithoutSoftmax compares the recurrence of the
// rule linear with causal products of all pairs.
func TestLinearAttentionIsAttentionWithoutSoftmax(t *testing.T) {
	length, heads, width := 7, 2, 3
	q, k, v := waves(1, 1, length, heads*width), waves(2, 1, length, heads*width), waves(3, 1, length, heads*width)
	want := make([]float64, length*heads*width)
	for h := range heads {
		for i := range length {
			for j := range i + 1 {
				var dot float64
				for d := range width {
					dot += float64(q.Float32s()[(i*heads+h)*width+d]) * float64(k.Float32s()[(j*heads+h)*width+d])
				}
				for d := range width {
					want[(i*heads+h)*width+d] += 2 * dot * float64(v.Float32s()[(j*heads+h)*width+d])
				}
			}
		}
	}
	n := testNode("LinearAttention", 27, 3, 2, intAttr("q_num_heads", heads), intAttr("kv_num_heads", heads), floatAttr("scale", 2), textAttr("update_rule", "linear"))
	out, err := runNode(n, q, k, v)
	if err != nil {
		t.Fatal(err)
	}
	wantNear(t, out[0].(*onnx.Tensor), want, 1e-5)
}

// TestCausalConvInPieces checks that handing on the state gives the same as one
// call over the whole sequence.
func TestCausalConvInPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length, kernel := rapid.IntRange(2, 9).Draw(t, "length"), rapid.IntRange(1, 4).Draw(t, "kernel")
		first := rapid.IntRange(1, length-1).Draw(t, "first")
		x, w := waves(1, 2, 3, 1, length), waves(2, 3, 1, kernel)
		flat := func(x *onnx.Tensor) *onnx.Tensor { return x.Reshaped(2, 3, x.Len()/6) }
		columns := swapAxes(t, x, 0, 1, 3, 2)
		head, tail := cut(columns, first)
		n := testNode("CausalConvWithState", 27, 4, 2, textAttr("activation", "silu"))
		whole, err := runNode(n, flat(x), w, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		one, err := runNode(n, flat(head), w, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		two, err := runNode(n, flat(tail), w, nil, one[1])
		if err != nil {
			t.Fatal(err)
		}
		joined := run1(t, testNode("Concat", 13, 2, 1, intAttr("axis", 2)), one[0], two[0])
		wantNear(t, joined, convertFloats[float64](whole[0].(*onnx.Tensor).Float32s()), 1e-6)
		wantNear(t, two[1].(*onnx.Tensor), convertFloats[float64](whole[1].(*onnx.Tensor).Float32s()), 0)
	})
}
