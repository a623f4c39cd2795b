package ops

import "math"

// probabilities returns the probability of each class from the decisions
// between all pairs: a sigmoid for each pair, joined by the second method of
// Wu, Lin and Weng, "Probability estimates for multi-class classification by
// pairwise coupling" (2004), as libsvm does.
func (s *svmClassifier) probabilities(decisions []float64) []float64 {
	k := s.classes
	pair := make([][]float64, k) // pair[i][j]: probability of i against j
	for i := range pair {
		pair[i] = make([]float64, k)
	}
	n := 0
	for i := range k {
		for j := i + 1; j < k; j++ {
			p := logistic(-(decisions[n]*float64(s.probA[n]) + float64(s.probB[n])))
			pair[i][j] = min(max(p, 1e-7), 1-1e-7)
			pair[j][i] = 1 - pair[i][j]
			n++
		}
	}
	return coupled(pair)
}

// coupled minimises the sum of (pair[j][i] p[i] - pair[i][j] p[j])^2 over
// distributions p by fixed-point iteration.
func coupled(pair [][]float64) []float64 {
	k := len(pair)
	q := make([][]float64, k)
	p, qp := make([]float64, k), make([]float64, k)
	for i := range q {
		q[i] = make([]float64, k)
		p[i] = 1 / float64(k)
		for j := range k {
			if j != i {
				q[i][i] += pair[j][i] * pair[j][i]
				q[i][j] = -pair[j][i] * pair[i][j]
			}
		}
	}
	tolerance := 0.005 / float64(k)
	for range max(100, k) {
		pqp := 0.0
		for i := range k {
			qp[i] = 0
			for j := range k {
				qp[i] += q[i][j] * p[j]
			}
			pqp += p[i] * qp[i]
		}
		worst := 0.0
		for i := range k {
			worst = max(worst, math.Abs(qp[i]-pqp))
		}
		if worst < tolerance {
			break
		}
		for i := range k {
			d := (pqp - qp[i]) / q[i][i]
			p[i] += d
			pqp = (pqp + d*(d*q[i][i]+2*qp[i])) / ((1 + d) * (1 + d))
			for j := range k {
				qp[j] = (qp[j] + d*q[i][j]) / (1 + d)
				p[j] /= 1 + d
			}
		}
	}
	return p
}
