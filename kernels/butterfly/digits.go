package butterfly

import (
	"fmt"
	"math"
	"slices"
)

// A size n = s_1 s_2 ... s_k is a mixed-radix number of k digits, the first
// digit with the largest stride. A factor that mixes digit i alone, and
// rewrites it from size c to size b, is the pattern
//
//	(s_1 ... s_(i-1), b, c, s_(i+1) ... s_k)
//
// A chain is thus a list of visits to digits. B visits every digit once, the
// last one first; BB* visits them in the order 1..k..1 or k..1..k. In and out
// sizes may differ digit by digit, and a digit may be larger or smaller in
// between, which spends more or fewer values.

// Visit rewrites one digit (counted from 0) to a new size.
type Visit struct{ Digit, Size int }

// FromVisits returns the design of the visits, on an input whose digits have
// the given sizes. The product of the digits may exceed in (zeros are padded),
// the product of the final digits may exceed out (the rest is cut).
func FromVisits(in, out int, digits []int, visits []Visit) (Design, error) {
	sizes := slices.Clone(digits)
	d := Design{In: in, Out: out}
	for _, v := range visits {
		if v.Digit < 0 || v.Digit >= len(sizes) {
			return Design{}, fmt.Errorf("design: visit to digit %d of %d", v.Digit, len(sizes))
		}
		left, ok1 := positiveProduct(sizes[:v.Digit])
		right, ok2 := positiveProduct(sizes[v.Digit+1:])
		if !ok1 || !ok2 {
			return Design{}, fmt.Errorf("design: digits %v must be positive and their product at most %d", sizes, MaxSide)
		}
		d.Patterns = append(d.Patterns, Pattern{left, v.Size, sizes[v.Digit], right})
		sizes[v.Digit] = v.Size
	}
	return d, d.Validate()
}

func positiveProduct(sizes []int) (int, bool) {
	for _, s := range sizes {
		if s < 1 {
			return 0, false
		}
	}
	return product(MaxSide, sizes...)
}

// Visits returns the design that visits the digits in this order (counted
// from 0). A digit becomes inner at its first visit, and out at its last one,
// so a digit that is visited once never has its inner size.
func Visits(in, out int, inDigits, innerDigits, outDigits, order []int) (Design, error) {
	if len(innerDigits) != len(inDigits) || len(outDigits) != len(inDigits) {
		return Design{}, fmt.Errorf("design: %d, %d and %d digits", len(inDigits), len(innerDigits), len(outDigits))
	}
	visits := make([]Visit, 0, len(order))
	for i, digit := range order {
		if digit < 0 || digit >= len(inDigits) {
			return Design{}, fmt.Errorf("design: visit to digit %d of %d", digit, len(inDigits))
		}
		size := innerDigits[digit]
		if !slices.Contains(order[i+1:], digit) {
			size = outDigits[digit]
		}
		visits = append(visits, Visit{digit, size})
	}
	return FromVisits(in, out, inDigits, visits)
}

// OneSided is the order of B on k digits: k-1 ... 0.
func OneSided(k int) []int {
	order := make([]int, 0, k)
	for i := k - 1; i >= 0; i-- {
		order = append(order, i)
	}
	return order
}

// TwoSided is the order of a B* merged with a B at digit 0: k-1 ... 0 ... k-1.
func TwoSided(k int) []int {
	order := OneSided(k)
	for i := 1; i < k; i++ {
		order = append(order, i)
	}
	return order
}

// paddingTried is how many sizes above n SplitDigits looks at, and
// paddingGain is how many times cheaper a padded size has to be.
const (
	paddingTried = 64
	paddingGain  = 1.25
)

// SplitDigits returns k sizes of at most maxRadix whose product is n, or
// slightly more where n has no balanced factors (a large prime factor, say)
// and the values of a visit to every digit, sum times size, would be many more.
// More than k digits are returned if maxRadix is too small for k, and digits
// of size 1 where n is too small. The last digit, whose stride is 1, is the
// largest multiple of 8 if there is one, for the sake of vectors of 8.
// n must be positive, k at least 1 and maxRadix at least 2.
func SplitDigits(n, k, maxRadix int) []int {
	for power(maxRadix, k) < float64(n) {
		k++
	}
	best := balancedAbove(n, k)
	bestCost := visitCost(best) * paddingGain
	if k > 1 {
		for m := n; m <= n+min(paddingTried, n/8); m++ {
			digits := splitExactly(m, k, 1, maxRadix)
			if digits == nil {
				continue
			}
			cost := visitCost(digits)
			if m > n {
				cost *= paddingGain
			}
			if cost < bestCost {
				best, bestCost = digits, cost
			}
		}
	}
	slices.Sort(best)
	for i := k - 1; i >= 0; i-- {
		if best[i]%8 == 0 {
			last := best[i]
			return append(slices.Delete(best, i, i+1), last)
		}
	}
	return best
}

func power(base, exponent int) float64 { return math.Pow(float64(base), float64(exponent)) }

// visitCost is the number of values of one visit to every digit.
func visitCost(digits []int) float64 {
	size, sum := 1.0, 0.0
	for _, s := range digits {
		size *= float64(s)
		if s > 1 {
			sum += float64(s)
		}
	}
	return size * sum
}

// balancedAbove returns k nearly equal digits whose product is at least n.
func balancedAbove(n, k int) []int {
	digits := make([]int, k)
	rest := float64(n)
	for i := range digits {
		digits[i] = max(1, int(math.Ceil(math.Pow(rest, 1/float64(k-i))-1e-9)))
		rest /= float64(digits[i])
	}
	return digits
}

// splitExactly returns k ascending factors of n from least to most with the
// least sum, or nil.
func splitExactly(n, k, least, most int) []int {
	if k == 1 {
		if n < least || n > most {
			return nil
		}
		return []int{n}
	}
	var best []int
	bestCost := math.Inf(1)
	for s := least; s <= most && power(s, k) <= float64(n); s++ {
		if n%s != 0 {
			continue
		}
		if rest := splitExactly(n/s, k-1, s, most); rest != nil {
			digits := append([]int{s}, rest...)
			if cost := visitCost(digits); cost < bestCost {
				best, bestCost = digits, cost
			}
		}
	}
	return best
}
