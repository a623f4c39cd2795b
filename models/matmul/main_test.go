package main

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

func TestTableHasEveryCase(t *testing.T) {
	var table strings.Builder
	if err := run(&table, "", 1, time.Microsecond); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases() {
		if !strings.Contains(table.String(), "| "+c.name+" | ") {
			t.Errorf("no row for %s in\n%s", c.name, table.String())
		}
	}
}

// The models given to the peer must compute the product that we time.
func TestModelsMultiply(t *testing.T) {
	for _, quantized := range []bool{false, true} {
		c := testCase{in: 64, out: 48, rows: 5, quantized: quantized}
		s, err := runtime.New(model(c))
		if err != nil {
			t.Fatal(err)
		}
		x, w := random(c.rows*c.in), random(c.in*c.out)
		y, err := s.Run(t.Context(), map[string]*onnx.Tensor{"x": onnx.FromSlice(x, c.rows, c.in)})
		if err != nil {
			t.Fatal(err)
		}
		got := y["y"].Float32s()
		tolerance := 1e-4
		if quantized {
			tolerance = 0.15 // 64 products, each off by up to half of 2/255 and 1/127
		}
		for i := range c.rows {
			for j := range c.out {
				want := 0.0
				for p := range c.in {
					want += float64(x[i*c.in+p]) * float64(w[p*c.out+j])
				}
				if v := float64(got[i*c.out+j]); math.Abs(v-want) > tolerance {
					t.Fatalf("quantized %v: element %d,%d is %v, want %v", quantized, i, j, v, want)
				}
			}
		}
	}
}
