package factorise

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/kernels/butterfly"
)

// A transform whose rows and columns were scaled, and noise: gradient descent from
// the unscaled transform, with its gathers, must reach the noise.
func TestFitGoesOnFromAStructureWithGathers(t *testing.T) {
	const n, noise = 32, 0.01
	r := rand.New(rand.NewPCG(7, 7))
	c, err := butterfly.DCT(n, 2)
	if err != nil {
		t.Fatal(err)
	}
	scale := make([]float64, n)
	for i := range scale {
		scale[i] = math.Exp(0.2 * r.NormFloat64())
	}
	target, err := c.ScaledRows(scale)
	if err != nil {
		t.Fatal(err)
	}
	w := target.Dense()
	size := norm(w) / n
	for i := range w {
		w[i] += float32(noise * size * r.NormFloat64())
	}
	p := newProblem(t, Layer{In: n, Out: n, Weight: w})
	if e := p.BlindError(c); e < 0.1 {
		t.Fatalf("the start has the error %v already", e)
	}
	result, err := p.Fit(context.Background(), c.Design(), Options{Start: c, Steps: 600})
	if err != nil {
		t.Fatal(err)
	}
	if result.Error > 1.5*noise {
		t.Errorf("relative error %.2g, the noise is %.2g", result.Error, noise)
	}
	if _, err := p.Fit(context.Background(), c.Design(), Options{}); err == nil {
		t.Error("a gather was fitted without a start")
	}
}
