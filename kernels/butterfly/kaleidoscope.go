package butterfly

import (
	"fmt"
	"math/bits"
)

// Kaleidoscope returns the design of the paper's (BB*)^w_e (arXiv 2012.14966,
// Definition 2.4): w times a B* (largest stride first) followed by a B (stride
// 1 first), on n*e features of which the first n are input and output, where
// n is a power of two. With radix 2 every 2x2 factor is kept by itself, so
// that a layer of at most n inputs and n outputs has 4 w n e log2(n e) values
// (Observation E.2). A radix of 4, 8 or 16 merges the levels by 2, 3 or 4; the
// largest stride takes what remains.
//
// Rectangular layers follow the authors' code: n is the least power of two
// that holds the inputs (at least 2), and ceil(out/n) independent stacks work
// on the same input; their results are concatenated and cut to out. As a
// pattern, the first factor has that many times its outputs and all others
// that many times their blocks. With several stacks and e > 1, the rows that
// S E S' drops are left out of the last factors, since the stacks must be
// neighbours; only then are there fewer values than stacks times the formula.
//
// It reports sizes that are not positive or exceed the limits, an expansion
// that is not a power of two, and another radix.
func Kaleidoscope(in, out, width, expansion, radix int) (Design, error) {
	if in < 1 || out < 1 || in > MaxSide || out > MaxSide {
		return Design{}, fmt.Errorf("kaleidoscope: %d inputs and %d outputs must be between 1 and %d", in, out, MaxSide)
	}
	if width < 1 || width > MaxFactors {
		return Design{}, fmt.Errorf("kaleidoscope: width %d must be between 1 and %d", width, MaxFactors)
	}
	if expansion < 1 || expansion > MaxSide || expansion&(expansion-1) != 0 {
		return Design{}, fmt.Errorf("kaleidoscope: expansion %d is not a power of two", expansion)
	}
	if radix != 2 && radix != 4 && radix != 8 && radix != 16 {
		return Design{}, fmt.Errorf("kaleidoscope: radix %d is not 2, 4, 8 or 16", radix)
	}
	n := max(2, nextPowerOfTwo(in))
	if n > MaxSide/expansion {
		return Design{}, fmt.Errorf("kaleidoscope: more than %d features", MaxSide)
	}
	d := Design{In: in, Out: out}
	levels := butterflyPatterns(n*expansion, radix)
	for range width {
		for i := len(levels) - 1; i >= 0; i-- {
			d.Patterns = append(d.Patterns, levels[i])
		}
		d.Patterns = append(d.Patterns, levels...)
	}
	if stacks := (out + n - 1) / n; stacks > 1 {
		if expansion > 1 {
			keepFirstRows(d.Patterns, n)
		}
		stack(d.Patterns, stacks)
	}
	return d, d.Validate()
}

// butterflyPatterns is B of size n: its levels from stride 1 upwards, with
// `radix` values in a row of a block but for the last.
func butterflyPatterns(n, radix int) []Pattern {
	var levels []Pattern
	for stride := 1; stride < n; {
		r := min(radix, n/stride)
		levels = append(levels, Pattern{n / (r * stride), r, r, stride})
		stride *= r
	}
	return levels
}

// keepFirstRows cuts the result of a B at the end of the patterns to its
// first n rows: what only the other rows need is dropped, level by level.
func keepFirstRows(patterns []Pattern, n int) {
	for i := len(patterns) - 1; ; i-- {
		p := &patterns[i]
		if n >= p.D {
			p.B = n / p.D
			return
		}
		p.B, p.D = 1, n
	}
}

// stack makes the chain a number of chains on the same input.
func stack(patterns []Pattern, stacks int) {
	patterns[0].B *= stacks
	for i := range patterns[1:] {
		patterns[i+1].A *= stacks
	}
}

func nextPowerOfTwo(n int) int { return 1 << bits.Len(uint(n-1)) }
