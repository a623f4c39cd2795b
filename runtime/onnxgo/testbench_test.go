package onnxgo

import (
	"errors"
	"math"
	"regexp"
	"testing"

	onnxgo "github.com/owulveryck/onnx-go"
	"github.com/owulveryck/onnx-go/backend/testbackend"
	_ "github.com/owulveryck/onnx-go/backend/testbackend/onnx"
	"gorgonia.org/tensor"
)

const (
	rounding = "the bench allows 1e-6 whatever the size of the numbers, less than half a unit in the last place of these"
	digits   = "the expected numbers have four digits"
	noSlice  = "the case expects float32 of shape (1), the operator gives an int64 scalar"
)

// unequal are the cases of the test bench that its own comparison refuses, or
// refuses on some CPUs, and why. They are compared with the tolerance of the
// ONNX test suite instead.
var unequal = map[string]string{
	"TestPow":                                      rounding,
	"TestReduceL1DefaultAxesKeepdimsRandom":        rounding,
	"TestReduceProdDefaultAxesKeepdimsRandom":      rounding,
	"TestReduceSumDefaultAxesKeepdimsRandom":       rounding,
	"TestReduceSumSquareDefaultAxesKeepdimsRandom": rounding,
	"TestRoialign":                                 digits,
	"TestSize":                                     noSlice,
	"TestSizeExample":                              noSlice,
}

// undecoded are the cases that onnx-go itself does not decode, and why.
var undecoded = map[string]string{
	"TestScan9Sum": "onnx-go has no graph attributes",
}

// fewest is the number of cases that pass on any CPU by the bench's own
// comparison.
const fewest = 340

// TestBench runs the test bench of onnx-go, the cases of ONNX 1.5. It fails if a
// case fails that is not listed above.
func TestBench(t *testing.T) {
	cases := testbackend.FindAllTestsMatching(regexp.MustCompile(""))
	if len(cases) != 348 {
		t.Errorf("%d cases are registered, expected 348", len(cases))
	}
	passed := 0
	for _, newCase := range cases {
		tc := newCase()
		t.Run(tc.Title, func(t *testing.T) {
			switch {
			case undecoded[tc.Title] != "":
				expectUndecoded(t, tc)
			case unequal[tc.Title] == "":
				tc.RunTest(New(), false)(t)
				if !tc.Failed {
					passed++
				}
			case runCase(t, tc):
				passed++
			}
		})
		if tc.Skipped {
			t.Errorf("%s was skipped, and is not on the list", tc.Title)
		}
	}
	t.Logf("%d of %d cases pass", passed, len(cases))
	if passed < fewest {
		t.Errorf("%d cases pass, expected %d or more", passed, fewest)
	}
}

func expectUndecoded(t *testing.T, tc *testbackend.TestCase) {
	var unknown *onnxgo.ErrNotImplemented
	if err := onnxgo.NewModel(New()).UnmarshalBinary(tc.ModelB); !errors.As(err, &unknown) {
		t.Errorf("got error %v of onnx-go: take the case off the list", err)
	}
}

// runCase runs a case that the bench refuses, and fails beyond the tolerance of
// the ONNX suite, a relative error of 1e-3. It reports whether the bench would
// pass it.
func runCase(t *testing.T, tc *testbackend.TestCase) bool {
	b := New()
	model := onnxgo.NewModel(b)
	if err := model.UnmarshalBinary(tc.ModelB); err != nil {
		t.Fatal(err)
	}
	for i, x := range tc.Input {
		if err := model.SetInput(i, x); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Run(); err != nil {
		t.Fatal(err)
	}
	outputs, err := model.GetOutputTensors()
	if err != nil {
		t.Fatal(err)
	}
	pass := true
	for i, want := range tc.ExpectedOutput {
		w, g := floats(t, want), floats(t, outputs[i])
		if len(w) != len(g) {
			t.Fatalf("output %d has %d elements, expected %d", i, len(g), len(w))
		}
		pass = pass && len(want.Shape()) == len(outputs[i].Shape())
		for j := range w {
			difference := math.Abs(w[j] - g[j])
			if !(difference <= 1e-7+1e-3*math.Abs(w[j])) {
				t.Fatalf("output %d, element %d: %v, expected %v", i, j, g[j], w[j])
			}
			pass = pass && difference <= 1e-6
		}
	}
	return pass
}

// floats returns the elements of x in row-major order.
func floats(t *testing.T, x tensor.Tensor) []float64 {
	t.Helper()
	converted, err := toONNX(x)
	if err != nil {
		t.Fatal(err)
	}
	values, err := converted.Floats()
	if err != nil {
		t.Fatal(err)
	}
	return values
}
