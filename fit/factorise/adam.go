package factorise

import (
	"math"

	"github.com/kcompress/kcompress/kernels/butterfly"
)

// Adam (arXiv 1412.6980) with the one-cycle schedule (arXiv 1708.07120): the
// rate rises from 1/25 of its peak over the first 5 % of the steps and falls
// to nearly zero along a cosine, while the momentum falls from 0.95 to 0.85 and
// rises again.
const (
	secondMomentDecay = 0.95
	leastMomentum     = 0.85
	mostMomentum      = 0.95
	warmUp            = 0.05
	firstRate         = 1.0 / 25
	lastRate          = 1e-5
	adamEpsilon       = 1e-8
)

// oneCycle returns the rate, relative to its peak, and the momentum of a step.
func oneCycle(step, steps int) (rate, momentum float64) {
	peak := warmUp * float64(steps-1)
	at := float64(step)
	if at <= peak && peak > 0 {
		return anneal(firstRate, 1, at/peak), anneal(mostMomentum, leastMomentum, at/peak)
	}
	end := float64(steps-1) - peak
	if end <= 0 {
		return lastRate, mostMomentum
	}
	return anneal(1, lastRate, (at-peak)/end), anneal(leastMomentum, mostMomentum, (at-peak)/end)
}

// anneal goes from a (at 0) to b (at 1) along a cosine.
func anneal(a, b, at float64) float64 { return b + (a-b)*(1+math.Cos(math.Pi*at))/2 }

// adam keeps the running moments of the gradient of a chain.
type adam struct {
	rates         []float32 // peak rate of each factor
	first, second [][]float32
	firstWeight   float64 // sums of the weights of the moments so far,
	secondWeight  float64 // which start at zero and are corrected by them
}

func newAdam(d butterfly.Design, rates []float32) *adam {
	return &adam{rates: rates, first: d.NewGradient(), second: d.NewGradient()}
}

// adamStep is one step of one factor, prepared by adam.begin.
type adamStep struct {
	rate, momentum, decay, epsilon float32
}

// begin advances the moments' weights and returns the constants of this step
// for each factor.
func (a *adam) begin(rate, momentum float64) []adamStep {
	a.firstWeight = momentum*a.firstWeight + 1 - momentum
	a.secondWeight = secondMomentDecay*a.secondWeight + 1 - secondMomentDecay
	correction := math.Sqrt(a.secondWeight) / a.firstWeight
	steps := make([]adamStep, len(a.rates))
	for i, peak := range a.rates {
		steps[i] = adamStep{
			rate:     float32(float64(peak) * rate * correction),
			momentum: float32(momentum),
			decay:    secondMomentDecay,
			epsilon:  float32(adamEpsilon * math.Sqrt(a.secondWeight)),
		}
	}
	return steps
}

// update moves values against the sum of the gradients of the parts, and
// clears the gradients.
func (s adamStep) update(values, first, second []float32, gradients [][]float32) {
	total := gradients[0]
	for _, g := range gradients[1:] {
		for i, v := range g[:len(total)] {
			total[i] += v
		}
		clear(g)
	}
	first, second, total = first[:len(values)], second[:len(values)], total[:len(values)]
	for i, g := range total {
		m := first[i] + (1-s.momentum)*(g-first[i])
		v := second[i] + (1-s.decay)*(g*g-second[i])
		first[i], second[i] = m, v
		values[i] -= s.rate * m / (float32(math.Sqrt(float64(v))) + s.epsilon)
	}
	clear(total)
}
