package vec

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestSoftmax(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(9, 10))
		for n := 1; n < 600; n += 1 + n/20 {
			x := normal(r, n)
			for i := range x {
				x[i] = x[i]*10 + 300 // e^300 overflows float32
			}
			x[r.IntN(n)] = 320
			if n > 1 {
				x[0] = float32(math.Inf(-1))
			}
			var total float64
			for _, v := range x {
				total += math.Exp(float64(v) - 320)
			}
			dst, logs, a := newGuarded(make([]float32, n), n%4), newGuarded(make([]float32, n), n%3), newGuarded(x, 1)
			Softmax(dst.data, a.data)
			LogSoftmax(logs.data, a.data)
			for i, v := range x {
				want := math.Exp(float64(v)-320) / total
				if math.Abs(float64(dst.data[i])-want) > 2e-6*want+1e-45 {
					t.Fatalf("Softmax n=%d: [%d] = %v, want %v", n, i, dst.data[i], want)
				}
				wantLog := float64(v) - 320 - math.Log(total)
				if got := float64(logs.data[i]); got != wantLog && math.Abs(got-wantLog) > 1e-6*(1+math.Abs(wantLog)) {
					t.Fatalf("LogSoftmax n=%d: [%d] = %v, want %v", n, i, got, wantLog)
				}
			}
			Softmax(a.data, a.data)
			b := newGuarded(x, 2)
			LogSoftmax(b.data, b.data)
			for i := range x {
				if a.data[i] != dst.data[i] || b.data[i] != logs.data[i] {
					t.Fatalf("n=%d: [%d] differs in place", n, i)
				}
			}
			for _, g := range []guarded{dst, logs, a, b} {
				g.check(t, "softmax")
			}
		}
	})
}

func TestSoftmaxOfSpecialRows(t *testing.T) {
	inf := float32(math.Inf(1))
	forLevels(t, func(t *testing.T) {
		for _, row := range [][]float32{{-inf, -inf}, {1, float32(math.NaN()), 2}, {inf, 0}} {
			dst := make([]float32, len(row))
			Softmax(dst, row)
			nan := false
			for _, v := range dst {
				nan = nan || v != v
			}
			if !nan {
				t.Errorf("Softmax(%v) = %v, want NaN", row, dst)
			}
		}
		Softmax(nil, nil)
		LogSoftmax(nil, nil)
	})
}

func TestNorms(t *testing.T) {
	const epsilon = 1e-5
	forLevels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 12))
		for n := range 150 {
			x, gamma, beta := normal(r, n), normal(r, n), normal(r, n)
			var mean, variance, square float64
			for _, v := range x {
				mean += float64(v) / float64(n)
				square += float64(v) * float64(v) / float64(n)
			}
			for _, v := range x {
				variance += (float64(v) - mean) * (float64(v) - mean) / float64(n)
			}
			for _, use := range []struct{ gamma, beta []float32 }{{nil, nil}, {gamma, nil}, {nil, beta}, {gamma, beta}} {
				layer, rms, a := newGuarded(make([]float32, n), n%4), newGuarded(make([]float32, n), n%3), newGuarded(x, 1)
				LayerNorm(layer.data, a.data, use.gamma, use.beta, epsilon)
				RMSNorm(rms.data, a.data, use.gamma, epsilon)
				LayerNorm(a.data, a.data, use.gamma, use.beta, epsilon)
				for i, v := range x {
					g, b := 1.0, 0.0
					if use.gamma != nil {
						g = float64(gamma[i])
					}
					if use.beta != nil {
						b = float64(beta[i])
					}
					// The deviation from a mean that is rounded may be small:
					// the bound is absolute in units of the row.
					bound := 4e-6*math.Abs(g)/math.Sqrt(variance+epsilon)*(1+math.Abs(float64(v))) + 1e-6*math.Abs(b)
					wantLayer := (float64(v)-mean)/math.Sqrt(variance+epsilon)*g + b
					if math.Abs(float64(layer.data[i])-wantLayer) > bound {
						t.Fatalf("LayerNorm n=%d: [%d] = %v, want %v", n, i, layer.data[i], wantLayer)
					}
					wantRMS := float64(v) / math.Sqrt(square+epsilon) * g
					if math.Abs(float64(rms.data[i])-wantRMS) > 4e-6*math.Abs(wantRMS) {
						t.Fatalf("RMSNorm n=%d: [%d] = %v, want %v", n, i, rms.data[i], wantRMS)
					}
					if a.data[i] != layer.data[i] {
						t.Fatalf("LayerNorm n=%d: [%d] differs in place", n, i)
					}
				}
				for _, guards := range []guarded{layer, rms, a} {
					guards.check(t, "norm")
				}
			}
		}
	})
}
