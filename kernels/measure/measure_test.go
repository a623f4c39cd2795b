package measure

import (
	"testing"
	"time"

	"github.com/kcompress/kcompress/kernels/cpu"
)

func TestEveryKernelHasATime(t *testing.T) {
	levels := cpu.Available()
	before := cpu.Current()
	seen := map[string]bool{}
	for _, k := range Kernels() {
		name := k.Package + " " + k.Name + " " + k.Size
		if seen[name] {
			t.Errorf("two kernels are called %s", name)
		}
		seen[name] = true
		if k.Bytes <= 0 || (k.Package != "vec") != (k.Operations > 0) {
			t.Errorf("%s: %d operations and %d bytes", name, k.Operations, k.Bytes)
		}
		times := k.Times(levels, time.Microsecond)
		if len(times) != len(levels) {
			t.Fatalf("%s: %d times for %d levels", name, len(times), len(levels))
		}
		for i, time := range times {
			if time.Level != levels[i] || !(time.Seconds > 0 && time.Seconds < 10) {
				t.Errorf("%s: %v at %v", name, time.Seconds, time.Level)
			}
		}
	}
	if cpu.Current() != before {
		t.Errorf("the level is %v after measuring, it was %v", cpu.Current(), before)
	}
}
