package vec

// Sum returns the sum of a, 0 if it is empty. The error is at most
// len(a) 2^-24 times the sum of the absolute values.
func Sum(a []float32) float32 { return sum(a) }

// Dot returns the sum of the products a[i] b[i]. The error is at most
// len(a) 2^-24 times the sum of their absolute values.
func Dot(a, b []float32) float32 {
	sameLength("Dot", "b", len(b), len(a))
	return dot(a, b)
}

// Max returns the largest value of a: NaN if one is NaN, -Inf if a is empty.
func Max(a []float32) float32 { return largest(a) }

// Min returns the smallest value of a: NaN if one is NaN, +Inf if a is empty.
func Min(a []float32) float32 { return smallest(a) }
