package butterfly

import (
	"math"
	"slices"
	"strings"
)

// The range of a ladder: how many times fewer values than in*out.
const (
	ladderMost  = 70.0
	ladderLeast = 1.4
)

// ladderSpacing is the least ratio between the values of two designs of one
// family on a ladder.
const ladderSpacing = 1.12

// innerWidths are the sizes of a digit between its two visits, relative to
// the larger of its sizes in the input and the output.
var innerWidths = []float64{0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 12}

// widestInner bounds innerWidths by the number of digits: with k digits the
// states grow with the power k-1 of the width, and activations with them.
var widestInner = map[int]float64{2: 12, 3: 2, 4: 1.5}

// Ladder returns candidate designs for a layer, from about 60 to 1.5 times
// fewer values than in*out, sorted by their number of values: two-sided (BB*)
// chains of two to four balanced digits, and of radix 16, with narrower and
// wider inner states, BB* and (BB*)^2 of radix 4, and Monarch matrices of
// several ranks. Small layers have few designs or none. Low rank is not among
// them.
func Ladder(in, out int) []Design {
	if in < 1 || out < 1 || in > MaxSide || out > MaxSide {
		return nil
	}
	var ladder []Design
	for _, family := range [][]Design{
		balancedDesigns(in, out, 2), balancedDesigns(in, out, 3), balancedDesigns(in, out, 4),
		radixSixteenDesigns(in, out), radixFourDesigns(in, out), monarchDesigns(in, out),
	} {
		ladder = append(ladder, thin(family, float64(in)*float64(out))...)
	}
	slices.SortStableFunc(ladder, compareDesigns)
	return slices.CompactFunc(ladder, func(a, b Design) bool { return a.String() == b.String() })
}

func compareDesigns(a, b Design) int {
	if byValues := a.Values() - b.Values(); byValues != 0 {
		return byValues
	}
	return strings.Compare(a.String(), b.String())
}

// thin sorts the designs of one family and leaves out those outside the
// range of a ladder and those next to a smaller one.
func thin(family []Design, dense float64) []Design {
	slices.SortFunc(family, compareDesigns)
	var kept []Design
	last := 0.0
	for _, d := range family {
		values := float64(d.Values())
		if values < dense/ladderMost || values > dense/ladderLeast || values < last*ladderSpacing {
			continue
		}
		kept = append(kept, d)
		last = values
	}
	return kept
}

// balancedDesigns are BB* chains of k balanced digits.
func balancedDesigns(in, out, k int) []Design {
	inDigits, outDigits := pairDigits(in, out, k, MaxSide)
	return twoSidedDesigns(in, out, inDigits, outDigits)
}

// radixSixteenDesigns are BB* chains of digits 16, r and 16. The small digit r
// is between two large ones, so that it is visited twice and one of them once.
func radixSixteenDesigns(in, out int) []Design {
	if in%256 != 0 || out%256 != 0 || max(in, out) == 256 {
		return nil
	}
	return twoSidedDesigns(in, out, []int{16, in / 256, 16}, []int{16, out / 256, 16})
}

// twoSidedDesigns are BB* chains with several inner widths.
func twoSidedDesigns(in, out int, inDigits, outDigits []int) []Design {
	var designs []Design
	for _, width := range innerWidths {
		if width > widestInner[len(inDigits)] {
			break
		}
		inner := make([]int, len(inDigits))
		for i := range inner {
			inner[i] = roundSize(width * float64(max(inDigits[i], outDigits[i])))
		}
		designs = appendValid(designs)(Visits(in, out, inDigits, inner, outDigits, TwoSided(len(inDigits))))
	}
	return designs
}

// roundSize rounds to a size that vectors of 8 or 4 divide, if it is not small.
func roundSize(size float64) int {
	step := 1.0
	switch {
	case size >= 12:
		step = 8
	case size >= 6:
		step = 4
	}
	return max(2, int(math.Round(size/step)*step))
}

// radixFourDesigns are BB* and (BB*)^2 with digits of at most 4.
func radixFourDesigns(in, out int) []Design {
	inDigits, outDigits := pairDigits(in, out, 1, 4)
	inner := make([]int, len(inDigits))
	for i := range inner {
		inner[i] = max(inDigits[i], outDigits[i])
	}
	once := TwoSided(len(inDigits))
	twice := append(slices.Clone(once), once[1:]...)
	designs := appendValid(nil)(Visits(in, out, inDigits, inner, outDigits, once))
	return appendValid(designs)(Visits(in, out, inDigits, inner, outDigits, twice))
}

// pairDigits splits both sizes into the same number of digits, at least k.
func pairDigits(in, out, k, maxRadix int) (inDigits, outDigits []int) {
	inDigits, outDigits = SplitDigits(in, k, maxRadix), SplitDigits(out, k, maxRadix)
	if most := max(len(inDigits), len(outDigits)); most > k {
		inDigits, outDigits = SplitDigits(in, most, maxRadix), SplitDigits(out, most, maxRadix)
	}
	return inDigits, outDigits
}

// monarchDesigns are Monarch matrices of several ranks, whose number of
// blocks is a power of two of at most about the square root of the sides.
func monarchDesigns(in, out int) []Design {
	root := math.Sqrt(math.Sqrt(float64(in) * float64(out)))
	var designs []Design
	for _, scale := range []float64{0.25, 0.5, 1} {
		blocks := 1 << max(0, int(math.Round(math.Log2(root*scale))))
		if blocks < 2 || blocks > min(in, out) {
			continue
		}
		for _, rank := range []int{1, 2, 3, 4, 6, 8} {
			designs = appendValid(designs)(Monarch(in, out, blocks, rank))
		}
	}
	return designs
}

// appendValid appends a design unless its construction failed.
func appendValid(designs []Design) func(Design, error) []Design {
	return func(d Design, err error) []Design {
		if err != nil {
			return designs
		}
		return append(designs, d)
	}
}
