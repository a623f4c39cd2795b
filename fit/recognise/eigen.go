package recognise

import "math"

// smallestEigen returns the smallest eigenvalue of a symmetric matrix, the next
// one, and the eigenvector of the smallest, by Jacobi's rotations.
func smallestEigen(a [4][4]float64) (value, next float64, vector [4]float64) {
	var v [4][4]float64
	for i := range v {
		v[i][i] = 1
	}
	for range 60 {
		for p := range 4 {
			for q := p + 1; q < 4; q++ {
				if a[p][q] == 0 {
					continue
				}
				t := (a[q][q] - a[p][p]) / (2 * a[p][q])
				t = math.Copysign(1, t) / (math.Abs(t) + math.Sqrt(t*t+1))
				c := 1 / math.Sqrt(t*t+1)
				rotate(&a, &v, p, q, c, t*c)
			}
		}
	}
	least := 0
	for i := range 4 {
		if a[i][i] < a[least][least] {
			least = i
		}
	}
	for i := range 4 {
		vector[i] = v[i][least]
	}
	next = math.Inf(1)
	for i := range 4 {
		if i != least {
			next = min(next, a[i][i])
		}
	}
	return a[least][least], next, vector
}

// rotate turns rows and columns p and q of a, and columns p and q of v.
func rotate(a, v *[4][4]float64, p, q int, c, s float64) {
	for k := range 4 {
		a[k][p], a[k][q] = c*a[k][p]-s*a[k][q], s*a[k][p]+c*a[k][q]
	}
	for k := range 4 {
		a[p][k], a[q][k] = c*a[p][k]-s*a[q][k], s*a[p][k]+c*a[q][k]
		v[k][p], v[k][q] = c*v[k][p]-s*v[k][q], s*v[k][p]+c*v[k][q]
	}
}
