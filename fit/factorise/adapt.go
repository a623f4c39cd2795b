package factorise

import (
	"errors"
	"fmt"

	"gonum.org/v1/gonum/mat"
)

// adaptRidge holds an adapted weight to the original in directions that the
// student's inputs hardly take, in units of the mean of the moment's diagonal.
const adaptRidge = 1e-2

// Adapt returns the layer that a chain has to come near to when its inputs x are
// a student's, which is not what the layer's own inputs t were: the V with the
// least E|W t - V x|^2 + ridge |W - V|^2, and E[x x'] as its moment. A fit to it
// makes up for what the layers before have lost (sequential reconstruction, as in
// GPTQ and SliceGPT). student is E[x x'], of which the upper triangle is read, and
// cross is E[t x'], both [In, In].
func Adapt(l Layer, student, cross []float64) (Layer, error) {
	if err := l.validate(); err != nil {
		return Layer{}, err
	}
	n := l.In
	if len(student) != n*n || len(cross) != n*n {
		return Layer{}, fmt.Errorf("layer: moments of %d and %d values for %d inputs", len(student), len(cross), n)
	}
	trace := 0.0
	for i := range n {
		trace += student[i*n+i]
	}
	ridge := adaptRidge * trace / float64(n)
	if !isFinite(ridge) || ridge <= 0 {
		return Layer{In: l.In, Out: l.Out, Weight: l.Weight, Moment: student}, nil
	}
	held := mat.NewSymDense(n, append([]float64(nil), student...))
	for i := range n {
		held.SetSym(i, i, held.At(i, i)+ridge)
	}
	weight := mat.NewDense(l.Out, n, nil)
	for i, w := range l.Weight {
		weight.RawMatrix().Data[i] = float64(w)
	}
	var wanted mat.Dense // W E[t x'] + ridge W
	wanted.Mul(weight, mat.NewDense(n, n, cross))
	weight.Scale(ridge, weight)
	wanted.Add(&wanted, weight)
	var factorised mat.Cholesky
	if !factorised.Factorize(held) {
		return Layer{}, errors.New("layer: the student's moment is not positive semidefinite")
	}
	var adapted mat.Dense // [In, Out]
	if err := factorised.SolveTo(&adapted, wanted.T()); err != nil {
		var condition mat.Condition
		if !errors.As(err, &condition) {
			return Layer{}, err
		}
	}
	a := Layer{In: l.In, Out: l.Out, Weight: make([]float32, len(l.Weight)), Moment: student}
	for o := range l.Out {
		for i := range n {
			a.Weight[o*n+i] = float32(adapted.At(i, o))
		}
	}
	return a, nil
}
