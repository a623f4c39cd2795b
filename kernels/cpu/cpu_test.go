package cpu

import (
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	both := []Level{Generic, AVX2}
	for _, test := range []struct {
		value  string
		levels []Level
		want   Level
		err    string // part of the error, or empty
	}{
		{"", both, AVX2, ""},
		{"", []Level{Generic}, Generic, ""},
		{"generic", both, Generic, ""},
		{"avx2", []Level{Generic, AVX2, AVX512}, AVX2, ""},
		{"AVX2", both, AVX2, ""},
		{"avx512", both, AVX2, "lacks it"},
		{"neon", both, AVX2, "lacks it"},
		{"neon", []Level{Generic, NEON}, NEON, ""},
		{"avx2", []Level{Generic}, Generic, "lacks it"},
		{"sse", both, AVX2, "unknown level"},
	} {
		got, err := choose(test.value, test.levels)
		if got != test.want {
			t.Errorf("choose(%q, %v) = %v, want %v", test.value, test.levels, got, test.want)
		}
		switch {
		case test.err == "" && err != nil:
			t.Errorf("choose(%q, %v): unexpected error %v", test.value, test.levels, err)
		case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
			t.Errorf("choose(%q, %v): error %v, want one with %q", test.value, test.levels, err, test.err)
		}
	}
}

func TestSetForTest(t *testing.T) {
	before := Current()
	for _, l := range Available() {
		restore := SetForTest(l)
		if Current() != l {
			t.Errorf("Current() = %v after SetForTest(%v)", Current(), l)
		}
		restore()
		if Current() != before {
			t.Errorf("Current() = %v after restoring, want %v", Current(), before)
		}
	}
}

func TestSetForTestRefusesMissingLevel(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("SetForTest accepted a level that is not available")
		}
	}()
	SetForTest(Level(99))
}

func TestAvailableIsACopy(t *testing.T) {
	Available()[0] = Level(99)
	if Available()[0] != Generic {
		t.Error("changing the result of Available changed the package")
	}
}

func TestString(t *testing.T) {
	for l, want := range map[Level]string{Generic: "generic", AVX2: "avx2", AVX512: "avx512", NEON: "neon", 7: "Level(7)", -1: "Level(-1)"} {
		if got := l.String(); got != want {
			t.Errorf("Level(%d).String() = %q, want %q", int(l), got, want)
		}
	}
}

func TestPeakIsPositive(t *testing.T) {
	for _, l := range Available() {
		if rate := Peak(l); !(rate > 1e6 && rate < 1e15) {
			t.Errorf("Peak(%v) = %v operations a second", l, rate)
		}
	}
}

func BenchmarkPeak(b *testing.B) {
	for _, l := range Available() {
		b.Run(l.String(), func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(Peak(l)/1e9, "GFLOP/s")
			}
		})
	}
}
