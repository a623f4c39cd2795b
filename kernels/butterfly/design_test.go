package butterfly

import (
	"fmt"
	"math"
	"math/bits"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDesignStringIsReadBack(t *testing.T) {
	designs := mixedDesigns()
	for _, p := range smallPatterns() {
		designs = append(designs, designOf(p))
	}
	designs = append(designs, Ladder(768, 3072)...)
	for _, d := range designs {
		got, err := ParseDesign(d.String())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, got); diff != "" {
			t.Errorf("%v: %s", d, diff)
		}
	}
}

func TestDesignString(t *testing.T) {
	for text, d := range map[string]Design{
		"1x32x32x32·32x32x32x1":     {1024, 1024, []Pattern{{1, 32, 32, 32}, {32, 32, 32, 1}}},
		"999>10:1x2x1000x1·1x5x2x2": {999, 10, []Pattern{{1, 2, 1000, 1}, {1, 5, 2, 2}}},
	} {
		if got := d.String(); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
}

func TestParseDesignRejects(t *testing.T) {
	for _, text := range []string{
		"", ":", "1>1:", "1x1x1", "1x1x1x1x1", "0x1x1x0", "-1x-1x1x1", "1x2x3x4·1x2x3x4", "9>1:1x2x2x1", "1>9:1x2x2x1",
		"a>b:1x1x1x1", "1x1x1x99999999999999999999", "16777216x16777216x1x1", "5000x2x5000x2", "1x16777216x17x1", "1x1x1x1·x",
	} {
		if d, err := ParseDesign(text); err == nil {
			t.Errorf("%q was read as %v", text, d)
		}
	}
}

func FuzzParseDesign(f *testing.F) {
	for _, d := range mixedDesigns() {
		f.Add(d.String())
	}
	f.Add("3>9:1x2x3x4.5x6x7x8")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDesign(text)
		if err != nil {
			return
		}
		again, err := ParseDesign(d.String())
		if err != nil {
			t.Fatalf("%q: %v does not read back: %v", text, d, err)
		}
		if diff := cmp.Diff(d, again); diff != "" {
			t.Fatal(diff)
		}
		if v := d.Values(); v < 1 || v > MaxValues || d.LargestState() > MaxSide {
			t.Fatalf("%q: %d values and %d features pass the limits", text, v, d.LargestState())
		}
	})
}

func TestKaleidoscopeHasThePapersNumberOfValues(t *testing.T) {
	for _, n := range []int{2, 4, 16, 64, 512, 1024} {
		for _, width := range []int{1, 2, 3} {
			for _, expansion := range []int{1, 2, 4} {
				d, err := Kaleidoscope(n, n, width, expansion, 2)
				if err != nil {
					t.Fatal(err)
				}
				log := bits.TrailingZeros(uint(n * expansion))
				if got, want := d.Values(), 4*width*n*expansion*log; got != want {
					t.Errorf("n=%d w=%d e=%d: %d values, want %d", n, width, expansion, got, want)
				}
				if len(d.Patterns) != 2*width*log {
					t.Errorf("n=%d w=%d e=%d: %d factors", n, width, expansion, len(d.Patterns))
				}
				if first, last := d.Patterns[0], d.Patterns[len(d.Patterns)-1]; first.D != n*expansion/2 || last != first {
					t.Errorf("n=%d w=%d e=%d: starts with %v and ends with %v", n, width, expansion, first, last)
				}
			}
		}
	}
}

// Each stack must be the K-matrix of its own values, as if it stood alone.
func TestKaleidoscopeStacks(t *testing.T) {
	r := newRand(31)
	for _, test := range []struct{ in, out, width, expansion, radix int }{
		{8, 24, 1, 1, 2}, {7, 20, 2, 1, 2}, {5, 30, 1, 2, 2}, {4, 11, 1, 4, 2}, {8, 17, 2, 8, 4}, {16, 40, 1, 2, 16}, {2, 7, 1, 1, 2},
	} {
		d, err := Kaleidoscope(test.in, test.out, test.width, test.expansion, test.radix)
		if err != nil {
			t.Fatal(err)
		}
		n := nextPowerOfTwo(test.in)
		c := randomChain(r, d)
		dense := c.Dense()
		for stack := 0; stack*n < test.out; stack++ {
			want := stackAlone(t, c, stack, (test.out+n-1)/n, test.width, test.expansion, test.radix).Dense()
			for row := stack * n; row < min(test.out, (stack+1)*n); row++ {
				for column := range test.in {
					got, want := dense[row*d.In+column], want[(row-stack*n)*d.In+column]
					if math.Abs(float64(got-want)) > 1e-5 {
						t.Fatalf("%+v: entry %d,%d is %v, alone %v", test, row, column, got, want)
					}
				}
			}
		}
	}
}

// stackAlone copies the values of one stack into a square chain; rows that
// the stacked design leaves out stay zero.
func stackAlone(t *testing.T, c *Chain, stack, stacks, width, expansion, radix int) *Chain {
	t.Helper()
	n := nextPowerOfTwo(c.In)
	d, err := Kaleidoscope(c.In, n, width, expansion, radix)
	if err != nil {
		t.Fatal(err)
	}
	alone := NewChain(d)
	for k, f := range c.Factors {
		to := alone.Factors[k]
		perStack := f.A / stacks
		rows, first := f.B, 0
		if k == 0 {
			perStack, rows = 1, f.B/stacks
			first = stack * rows
		}
		for i := range perStack {
			from := i + stack*perStack
			if k == 0 {
				from = 0
			}
			for l := range f.D {
				for p := range rows {
					for q := range f.C {
						to.Values[((i*to.D+l)*to.B+p)*to.C+q] = f.Values[((from*f.D+l)*f.B+first+p)*f.C+q]
					}
				}
			}
		}
	}
	return alone
}

func TestKaleidoscopeRejects(t *testing.T) {
	for _, a := range [][5]int{{0, 1, 1, 1, 2}, {1, 0, 1, 1, 2}, {4, 4, 0, 1, 2}, {4, 4, 1, 0, 2}, {4, 4, 1, 3, 2}, {4, 4, 1, 1, 3},
		{1 << 30, 4, 1, 1, 2}, {4, 1 << 30, 1, 1, 2}, {4, 4, 1 << 30, 1, 2}, {4, 4, 1, 1 << 30, 2}, {1 << 20, 1 << 20, 100, 16, 2}} {
		if _, err := Kaleidoscope(a[0], a[1], a[2], a[3], a[4]); err == nil {
			t.Errorf("no error for %v", a)
		}
	}
}

func TestSplitDigits(t *testing.T) {
	for _, test := range []struct {
		n, k, maxRadix int
		want           string
	}{
		{512, 3, 16, "[8 8 8]"}, {512, 2, 64, "[16 32]"}, {768, 3, 16, "[8 12 8]"}, {1024, 1, 32, "[32 32]"},
		{1, 3, 4, "[1 1 1]"}, {16, 1, 2, "[2 2 2 2]"}, {784, 2, 64, "[28 28]"},
	} {
		got := fmt.Sprint(SplitDigits(test.n, test.k, test.maxRadix))
		if test.want == "[8 12 8]" && got == "[8 8 12]" {
			t.Errorf("%+v: the last digit is no multiple of 8", test)
		}
		if got != test.want {
			t.Errorf("%+v: got %s", test, got)
		}
	}
	for n := 1; n < 3000; n += 7 {
		for k := 1; k <= 4; k++ {
			for _, maxRadix := range []int{2, 4, 16, 5000} {
				checkDigits(t, n, k, maxRadix, SplitDigits(n, k, maxRadix))
			}
		}
	}
}

func checkDigits(t *testing.T, n, k, maxRadix int, digits []int) {
	t.Helper()
	size := 1
	for _, s := range digits {
		if s < 1 || s > maxRadix {
			t.Fatalf("%d in %d digits of at most %d: %v", n, k, maxRadix, digits)
		}
		size *= s
	}
	if len(digits) < k || size < n || (maxRadix == 5000 && n > 100 && float64(size) > 1.3*float64(n)) {
		t.Fatalf("%d in %d digits of at most %d: %v of size %d", n, k, maxRadix, digits, size)
	}
}

func TestLadder(t *testing.T) {
	for _, shape := range [][2]int{{512, 512}, {784, 512}, {256, 1024}, {1024, 256}, {768, 768}, {192, 576}, {1009, 1013}, {4096, 14336}, {64, 10}, {2, 2}, {1, 1}, {1, 5000}} {
		in, out := shape[0], shape[1]
		ladder := Ladder(in, out)
		for i, d := range ladder {
			if err := d.Validate(); err != nil {
				t.Fatalf("%v: %v", shape, err)
			}
			if d.In != in || d.Out != out {
				t.Errorf("%v: %v", shape, d)
			}
			if i > 0 && d.Values() < ladder[i-1].Values() {
				t.Errorf("%v: not sorted at %d", shape, i)
			}
			if ratio := float64(in) * float64(out) / float64(d.Values()); ratio < ladderLeast || ratio > ladderMost {
				t.Errorf("%v: %v is %.2f times smaller", shape, d, ratio)
			}
		}
		if min(in, out) >= 192 {
			checkLadderCovers(t, shape, ladder)
		}
	}
}

// checkLadderCovers wants a rung within every factor of two.
func checkLadderCovers(t *testing.T, shape [2]int, ladder []Design) {
	t.Helper()
	if len(ladder) < 8 || len(ladder) > 45 {
		t.Errorf("%v: %d designs", shape, len(ladder))
	}
	dense := float64(shape[0]) * float64(shape[1])
	for i := 1; i < len(ladder); i++ {
		if ladder[i].Values() > 2*ladder[i-1].Values() {
			t.Errorf("%v: nothing between %.1f and %.1f times fewer", shape, dense/float64(ladder[i-1].Values()), dense/float64(ladder[i].Values()))
		}
	}
	if most := dense / float64(ladder[0].Values()); most < 16 {
		t.Errorf("%v: at most %.1f times fewer", shape, most)
	}
	if least := dense / float64(ladder[len(ladder)-1].Values()); least > 2.2 {
		t.Errorf("%v: at least %.1f times fewer", shape, least)
	}
}

func TestMonarchAndLowRankReachEveryEntry(t *testing.T) {
	monarch, err1 := Monarch(10, 14, 4, 2)
	lowRank, err2 := LowRank(10, 14, 3)
	visits, err3 := Visits(10, 14, []int{2, 5}, []int{3, 6}, []int{7, 2}, TwoSided(2))
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []Design{monarch, lowRank, visits} {
		c := NewChain(d)
		for _, f := range c.Factors {
			for i := range f.Values {
				f.Values[i] = 1
			}
		}
		for i, v := range c.Dense() {
			if v == 0 {
				t.Fatalf("%v: entry %d is zero", d, i)
			}
		}
	}
	if got := monarch.Values(); got != 4*8*3+4*8*4 {
		t.Errorf("Monarch has %d values", got)
	}
}

func ExampleDesign() {
	d, _ := Kaleidoscope(8, 8, 1, 1, 2)
	fmt.Println(d)
	fmt.Println(d.Values(), "values,", d.Flops(), "operations")
	// Output:
	// 1x2x2x4·2x2x2x2·4x2x2x1·4x2x2x1·2x2x2x2·1x2x2x4
	// 96 values, 192 operations
}
