package main

import "math"

// fit returns the coefficients, lowest power first, of the polynomial of the
// given degree that equals f at the Chebyshev points of [low, high]. It is
// close to the best one in the largest error.
func fit(f func(float64) float64, low, high float64, degree int) []float64 {
	n := degree + 1
	points, values := make([]float64, n), make([]float64, n)
	for i := range points {
		points[i] = (low+high)/2 + (high-low)/2*math.Cos(math.Pi*(float64(i)+0.5)/float64(n))
		values[i] = f(points[i])
	}
	return monomials(points, newton(points, values))
}

// newton returns the divided differences of values at points.
func newton(points, values []float64) []float64 {
	d := append([]float64(nil), values...)
	for level := 1; level < len(d); level++ {
		for i := len(d) - 1; i >= level; i-- {
			d[i] = (d[i] - d[i-1]) / (points[i] - points[i-level])
		}
	}
	return d
}

// monomials turns Newton's form with differences d at points into powers.
func monomials(points, d []float64) []float64 {
	p := []float64{d[len(d)-1]}
	for i := len(d) - 2; i >= 0; i-- {
		next := make([]float64, len(p)+1)
		for j, c := range p {
			next[j+1] += c
			next[j] -= c * points[i]
		}
		next[0] += d[i]
		p = next
	}
	return p
}
