package ops

import (
	"slices"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"pgregory.net/rapid"
)

// einsumByLoops computes an explicit equation without an ellipsis by one loop
// over all values of all letters: the definition.
func einsumByLoops(terms []string, output string, inputs []*onnx.Tensor) (shape []int, result []float64) {
	var letters []byte
	sizes := map[byte]int{}
	for i, term := range terms {
		for axis := range len(term) {
			l, s := term[axis], inputs[i].Shape[axis]
			if !slices.Contains(letters, l) {
				letters = append(letters, l)
				sizes[l] = s
			}
			if sizes[l] == 1 {
				sizes[l] = s
			}
		}
	}
	index := map[byte]int{}
	position := func(term string, shape []int) int {
		at := 0
		for axis, s := range shape {
			at *= s
			if s != 1 {
				at += index[term[axis]]
			}
		}
		return at
	}
	total := 1
	for _, l := range letters {
		total *= sizes[l]
	}
	for axis := range len(output) {
		shape = append(shape, sizes[output[axis]])
	}
	result = make([]float64, product(shape))
	for flat := range total {
		rest := flat
		for _, l := range letters {
			index[l] = rest % sizes[l]
			rest /= sizes[l]
		}
		p := 1.0
		for i, term := range terms {
			p *= float64(inputs[i].Float32s()[position(term, inputs[i].Shape)])
		}
		result[position(output, shape)] += p
	}
	return shape, result
}

// smallNumbers fills a tensor with integers, so that sums are exact.
func smallNumbers(x *onnx.Tensor, seed int) *onnx.Tensor {
	for i := range x.Float32s() {
		x.Float32s()[i] = float32((i*7+seed*13)%5 - 2)
	}
	return x
}

func TestEinsum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := map[byte]int{}
		for _, l := range []byte("abcde") {
			sizes[l] = rapid.SampledFrom([]int{0, 1, 2, 3, 4}).Draw(t, "size")
		}
		var terms []string
		var inputs []*onnx.Tensor
		used := ""
		for i := range rapid.IntRange(1, 3).Draw(t, "inputs") {
			term := rapid.StringOfN(rapid.SampledFrom([]rune("abcde")), 0, 4, -1).Draw(t, "term")
			var shape []int
			for axis := range len(term) {
				s := sizes[term[axis]]
				if rapid.IntRange(0, 5).Draw(t, "one") == 0 && strings.Count(term, term[axis:axis+1]) == 1 {
					s = 1
				}
				shape = append(shape, s)
			}
			terms, used = append(terms, term), used+term
			inputs = append(inputs, smallNumbers(onnx.NewTensor(onnx.Float32, shape...), i))
		}
		output := ""
		for _, l := range rapid.Permutation([]rune("abcde")).Draw(t, "order") {
			if strings.ContainsRune(used, l) && rapid.Bool().Draw(t, "kept") {
				output += string(l)
			}
		}
		equation := strings.Join(terms, ", ") + " -> " + output
		y := onThreads(t, node("Einsum", 12, textAttr("equation", equation)), inputs...)[0].(*onnx.Tensor)
		shape, want := einsumByLoops(terms, output, inputs)
		if !slices.Equal(y.Shape, shape) {
			t.Fatalf("%s of %v: shape %v, want %v", equation, inputs, y.Shape, shape)
		}
		for i, got := range y.Float32s() {
			if float64(got) != want[i] {
				t.Fatalf("%s of %v: element %d is %g, want %g", equation, inputs, i, got, want[i])
			}
		}
	})
}

// TestEinsumForms compares implicit outputs and ellipses with equations in
// which everything is written out.
func TestEinsumForms(t *testing.T) {
	a, b := smallNumbers(onnx.NewTensor(onnx.Float32, 2, 3, 4), 1), smallNumbers(onnx.NewTensor(onnx.Float32, 2, 4, 5), 2)
	c, flat := smallNumbers(onnx.NewTensor(onnx.Float32, 4, 5), 3), smallNumbers(onnx.NewTensor(onnx.Float32, 3, 4), 4)
	for _, x := range []struct {
		short, long string
		in          []*onnx.Tensor
	}{
		{"...ij,...jk->...ik", "zij,zjk->zik", []*onnx.Tensor{a, b}},
		{"...ij,...jk", "zij,zjk->zik", []*onnx.Tensor{a, b}},
		{"...ij,jk", "zij,jk->zik", []*onnx.Tensor{a, c}},
		{"i...", "izj->zji", []*onnx.Tensor{a}}, // the ellipsis comes first
		{"ba", "ba->ab", []*onnx.Tensor{flat}},
		{"...->...", "ij->ij", []*onnx.Tensor{flat}},
		{"aB,aC", "aB,aC->BC", []*onnx.Tensor{flat, flat}},
	} {
		short := onThreads(t, node("Einsum", 12, textAttr("equation", x.short)), x.in...)[0].(*onnx.Tensor)
		long := onThreads(t, node("Einsum", 12, textAttr("equation", x.long)), x.in...)[0].(*onnx.Tensor)
		if !slices.Equal(short.Shape, long.Shape) || !slices.Equal(short.Float32s(), long.Float32s()) {
			t.Errorf("%s gives %v, %s gives %v", x.short, short, x.long, long)
		}
	}
}

func TestEinsumErrors(t *testing.T) {
	x := onnx.NewTensor(onnx.Float32, 2, 3)
	for _, equation := range []string{"", "i", "ijk", "ij,jk", "ij->k", "ij->ii", "i1->i", "ij->ij->", "ii", "......", "ij..", "->"} {
		if _, err := runOn(1, node("Einsum", 12, textAttr("equation", equation)), x); err == nil {
			t.Errorf("%q: no error", equation)
		}
	}
}

// FuzzEinsum runs equations of any text: they fail or give a result, but never
// panic.
func FuzzEinsum(f *testing.F) {
	for _, equation := range []string{"ij,jk->ik", "...i,i...", "ii->i", "i,j", " a b , b a ->", "->", ",", "...,...->...", "Zz,zZ"} {
		f.Add(equation, uint8(2), uint8(2))
	}
	f.Fuzz(func(t *testing.T, equation string, first, second uint8) {
		shape := []int{2, 3, 1, 2}
		a, b := onnx.NewTensor(onnx.Float32, shape[:first%5]...), onnx.NewTensor(onnx.Float32, shape[:second%5]...)
		_, _ = runOn(1, node("Einsum", 12, textAttr("equation", equation)), a, b)
		if e, err := parseEquation(equation); err == nil {
			_, _, _ = e.resolve([]int{int(first % 5), int(second % 5)})
		}
	})
}
