package main

import (
	"strings"
	"testing"

	"github.com/kcompress/kcompress/kernels/cpu"
	"github.com/kcompress/kcompress/kernels/measure"
)

// The level in use is compared with the fastest, and only a difference of more
// than a tenth fails.
func TestKernelsAssert(t *testing.T) {
	used := cpu.Current()
	other := cpu.Generic
	if used == other {
		other = cpu.AVX2
	}
	peaks := map[cpu.Level]float64{used: 2e9, other: 1e9}
	k := measure.Kernel{Package: "gemm", Name: "float32", Size: "1x2x3", Operations: 1000, Bytes: 4000}
	for _, test := range []struct {
		seconds float64 // at the level in use, 1 us at the other
		fails   bool
	}{{0.5e-6, false}, {1.09e-6, false}, {1.11e-6, true}, {4e-6, true}} {
		result := describeKernel(k, []measure.Time{{Level: other, Seconds: 1e-6}, {Level: used, Seconds: test.seconds}}, peaks)
		err := kernelsResult{CPU: used.String(), Kernels: []kernelResult{result}}.check()
		if (err != nil) != test.fails {
			t.Errorf("%v us against 1: %v", test.seconds*1e6, err)
		}
		if err != nil && !strings.Contains(err.Error(), "gemm float32 1x2x3") {
			t.Errorf("the error does not name the kernel: %v", err)
		}
		if got := result.Times[0]; got.GFLOPs != 1 || got.GBs != 4 || got.PeakShare != 1 {
			t.Errorf("rates %+v, want 1 GFLOP/s, 4 GB/s and all of the peak", got)
		}
	}
}
