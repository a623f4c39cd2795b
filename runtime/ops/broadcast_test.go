package ops

import (
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"pgregory.net/rapid"
)

// drawBroadcast draws an output shape and shapes that broadcast to it.
func drawBroadcast(t *rapid.T, operands int) (out []int, shapes [][]int) {
	rank := rapid.IntRange(0, 5).Draw(t, "rank")
	full := rapid.SliceOfN(rapid.IntRange(0, 4), rank, rank).Draw(t, "full")
	out = make([]int, rank)
	for i := range out {
		out[i] = 1
	}
	for range operands {
		skip := rapid.IntRange(0, rank).Draw(t, "skip")
		shape := slices.Clone(full[skip:])
		for i := range shape {
			if rapid.Bool().Draw(t, "one") {
				shape[i] = 1
			}
			if shape[i] != 1 {
				out[skip+i] = shape[i]
			}
		}
		shapes = append(shapes, shape)
	}
	return out, shapes
}

// elementAt returns the position in a dense tensor of the given shape of the
// element that broadcasts to position flat of out: the definition.
func elementAt(flat int, out, shape []int) int {
	at, step := 0, 1
	for i := len(out) - 1; i >= 0; i-- {
		index := flat % out[i]
		flat /= out[i]
		if j := i - (len(out) - len(shape)); j >= 0 {
			if shape[j] != 1 {
				at += index * step
			}
			step *= shape[j]
		}
	}
	return at
}

func TestNestVisitsEveryElement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want, shapes := drawBroadcast(t, 3)
		out, err := broadcastShapes(shapes...)
		if err != nil || len(out) > len(want) || !slices.Equal(out, want[len(want)-len(out):]) {
			t.Fatalf("broadcastShapes(%v) = %v, %v; want %v", shapes, out, err, want)
		}
		n := newNest(out, shapes...)
		total, _ := onnx.Elements(out)
		if n.total != total {
			t.Fatalf("total %d, want %d", n.total, total)
		}
		from := rapid.IntRange(0, total).Draw(t, "from")
		to := rapid.IntRange(from, total).Draw(t, "to")
		next := from
		n.rows(from, to, func(at, count int, operands []int) {
			for i := range count {
				if at+i != next {
					t.Fatalf("visited %d, want %d", at+i, next)
				}
				for k, shape := range shapes {
					if got, want := operands[k]+i*n.step(k), elementAt(next, out, shape); got != want {
						t.Fatalf("element %d of %v: operand %v at %d, want %d", next, out, shape, got, want)
					}
				}
				next++
			}
		})
		if next != to {
			t.Fatalf("ended at %d, want %d", next, to)
		}
	})
}

func TestBroadcastErrors(t *testing.T) {
	if s, err := broadcastShapes([]int{2, 3}, []int{2}); err == nil {
		t.Errorf("[2 3] and [2] gave %v", s)
	}
	if s, err := broadcastShapes([]int{0}, []int{2}); err == nil {
		t.Errorf("[0] and [2] gave %v", s)
	}
	for _, axis := range []int{2, 3, -3, 1 << 40} {
		if s, err := alignAxis([]int{2, 3}, []int{3}, axis); err == nil {
			t.Errorf("axis %d gave %v", axis, s)
		}
	}
}

func TestAlignAxis(t *testing.T) {
	got, err := alignAxis([]int{2, 3, 4, 5}, []int{3, 4}, 1)
	if err != nil || !slices.Equal(got, []int{3, 4, 1}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestBroadcastDims(t *testing.T) {
	n, s, other, unknown := onnx.Dim{Size: 4}, onnx.Dim{Size: -1, Symbol: "s"}, onnx.Dim{Size: -1, Symbol: "t"}, onnx.Dim{Size: -1}
	one := onnx.Dim{Size: 1}
	for _, x := range []struct{ a, b, want onnx.Dim }{
		{n, one, n}, {one, s, s}, {s, s, s}, {s, n, n}, {s, other, unknown}, {unknown, n, n}, {unknown, unknown, unknown}, {unknown, one, unknown},
	} {
		for _, pair := range [][2]onnx.Dim{{x.a, x.b}, {x.b, x.a}} {
			got, err := broadcastDims([]onnx.Dim{pair[0]}, []onnx.Dim{pair[1]})
			if err != nil || got[0] != x.want {
				t.Errorf("%v with %v: %v, %v; want %v", pair[0], pair[1], got, err, x.want)
			}
		}
	}
	if got, err := broadcastDims([]onnx.Dim{{Size: 2}}, []onnx.Dim{{Size: 3}}); err == nil {
		t.Errorf("2 with 3 gave %v", got)
	}
}
