package main

import (
	"fmt"
	"io"
	"math"
)

// schedule says how long and how fast to train.
type schedule struct {
	epochs, images, batch int     // images are drawn anew for every epoch
	rate                  float64 // the learning rate at the start; it falls to 0 along a cosine
	decay                 float64 // of the weights, in units of the rate
}

// train fits the network to random images and prints a line for each epoch.
func (n network) train(seed uint64, s schedule, log io.Writer) {
	steps := s.images / s.batch
	optimiser := newAdam(n, s.decay)
	for epoch := range s.epochs {
		d := generate(seed, trainSet+uint64(epoch)<<8, s.images)
		total := 0.0
		for step := range steps {
			from, to := step*s.batch, (step+1)*s.batch
			values := n.forward(normalise(d.images[from*side*side:to*side*side]), s.batch)
			loss, grad := crossEntropy(values[len(n)], d.labels[from:to])
			n.backward(values, grad, s.batch)
			progress := float64(epoch*steps+step) / float64(s.epochs*steps)
			optimiser.step(s.rate * (1 + math.Cos(math.Pi*progress)) / 2)
			total += loss
		}
		fmt.Fprintf(log, "epoch %2d of %d: loss %.4f\n", epoch+1, s.epochs, total/float64(steps))
	}
}

// adam is the optimiser AdamW (Loshchilov and Hutter 2019).
type adam struct {
	params, grads, first, second [][]float32
	decays                       []float64 // 0 for biases
	steps                        int
}

func newAdam(n network, decay float64) *adam {
	a := &adam{}
	add := func(p, g []float32, decay float64) {
		a.params, a.grads, a.decays = append(a.params, p), append(a.grads, g), append(a.decays, decay)
		a.first, a.second = append(a.first, make([]float32, len(p))), append(a.second, make([]float32, len(p)))
	}
	for _, l := range n {
		add(l.weight, l.dWeight, decay)
		add(l.bias, l.dBias, 0)
	}
	return a
}

// step changes the parameters by their gradients.
func (a *adam) step(rate float64) {
	const beta1, beta2, epsilon = .9, .99, 1e-8
	a.steps++
	unbias1 := 1 - math.Pow(beta1, float64(a.steps))
	unbias2 := 1 - math.Pow(beta2, float64(a.steps))
	for k, p := range a.params {
		g, m, v := a.grads[k], a.first[k], a.second[k]
		keep := float32(1 - rate*a.decays[k])
		parallel(len(p), func(from, to int) {
			for i := from; i < to; i++ {
				m[i] = beta1*m[i] + (1-beta1)*g[i]
				v[i] = beta2*v[i] + (1-beta2)*g[i]*g[i]
				move := rate * float64(m[i]) / unbias1 / (math.Sqrt(float64(v[i])/unbias2) + epsilon)
				p[i] = keep*p[i] - float32(move)
			}
		})
	}
}
