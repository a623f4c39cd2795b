package factorise

import (
	"math"
	"math/rand/v2"
	"testing"
)

// If the student's inputs are a linear map of the layer's own, x = A t, the
// adapted weight is W inv(A) but for the ridge: it gives the layer's outputs
// back. With the same inputs it is W itself.
func TestAdapt(t *testing.T) {
	const n, out, rows = 12, 7, 4000
	r := rand.New(rand.NewPCG(1, 2))
	for _, same := range []bool{true, false} {
		mix := make([]float64, n*n) // A, near the identity
		for i := range n {
			for j := range n {
				if !same {
					mix[i*n+j] = 0.2 * r.NormFloat64()
				}
			}
			mix[i*n+i]++
		}
		l := Layer{In: n, Out: out, Weight: make([]float32, n*out)}
		for i := range l.Weight {
			l.Weight[i] = float32(r.NormFloat64())
		}
		inputs, found := make([][]float64, rows), make([][]float64, rows)
		student, cross := make([]float64, n*n), make([]float64, n*n)
		for k := range rows {
			inputs[k], found[k] = make([]float64, n), make([]float64, n)
			for i := range n {
				inputs[k][i] = r.NormFloat64()
			}
			for i := range n {
				for j := range n {
					found[k][i] += mix[i*n+j] * inputs[k][j]
				}
			}
			for i := range n {
				for j := range n {
					student[i*n+j] += found[k][i] * found[k][j] / rows
					cross[i*n+j] += inputs[k][i] * found[k][j] / rows
				}
			}
		}
		a, err := Adapt(l, student, cross)
		if err != nil {
			t.Fatal(err)
		}
		distance := func(weight []float32) float64 {
			off, size := 0.0, 0.0
			for k := range rows {
				for o := range out {
					want, got := 0.0, 0.0
					for i := range n {
						want += float64(l.Weight[o*n+i]) * inputs[k][i]
						got += float64(weight[o*n+i]) * found[k][i]
					}
					off += (got - want) * (got - want)
					size += want * want
				}
			}
			return math.Sqrt(off / size)
		}
		before, after := distance(l.Weight), distance(a.Weight)
		if same && after > 1e-6 || !same && after > before/10 {
			t.Errorf("same inputs %v: the outputs are off by %g, with the layer's own weight by %g", same, after, before)
		}
	}
}

func TestAdaptRefuses(t *testing.T) {
	l := Layer{In: 2, Out: 1, Weight: []float32{1, 2}}
	good := []float64{1, 0, 0, 1}
	if _, err := Adapt(l, good[:3], good); err == nil {
		t.Error("a moment of another size is taken")
	}
	if _, err := Adapt(l, []float64{1, 5, 5, 1}, good); err == nil {
		t.Error("an indefinite moment is taken")
	}
	a, err := Adapt(l, make([]float64, 4), make([]float64, 4)) // inputs that are always zero
	if err != nil || a.Weight[1] != 2 {
		t.Errorf("%v, %v: want the weight as it is", a.Weight, err)
	}
}
