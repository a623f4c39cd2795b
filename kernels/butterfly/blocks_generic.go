package butterfly

// multiplyGeneric is y = F x for a tile, or y = F' x if transposed is set:
//
//	dst[i,p,l] = sum over q ascending of T[i,l,p,q] * src[i,q,l]
//
// src is [Columns, width] and dst [Rows, width] of the pattern (exchanged if
// transposed). Each sum starts at +0. The slices must not overlap.
func multiplyGeneric(dst, src, values []float32, p Pattern, width int, transposed bool) {
	outputs, inputs, outputStep, inputStep := p.B, p.C, p.C, 1
	if transposed {
		outputs, inputs, outputStep, inputStep = p.C, p.B, 1, p.C
	}
	for i := range p.A {
		for l := range p.D {
			block := values[(i*p.D+l)*p.B*p.C:][:p.B*p.C]
			for o := range outputs {
				y := dst[((i*outputs+o)*p.D+l)*width:][:width]
				clear(y)
				for q := range inputs {
					x := src[((i*inputs+q)*p.D+l)*width:][:width]
					addScaled(y, block[o*outputStep+q*inputStep], x)
				}
			}
		}
	}
}

// addScaled is y += t*x. The conversion keeps the compiler from fusing the
// two operations on some architectures only.
func addScaled(y []float32, t float32, x []float32) {
	for j, v := range x {
		y[j] += float32(t * v)
	}
}

// accumulateGeneric adds the gradient of the values, from a tile of the
// gradient of the result and the tile of the inputs:
//
//	gradient[i,l,p,q] += sum over columns of dDst[i,p,l] * src[i,q,l]
func accumulateGeneric(gradient, dDst, src []float32, p Pattern, width int) {
	for i := range p.A {
		for l := range p.D {
			block := gradient[(i*p.D+l)*p.B*p.C:][:p.B*p.C]
			for o := range p.B {
				dy := dDst[((i*p.B+o)*p.D+l)*width:][:width]
				for q := range p.C {
					x := src[((i*p.C+q)*p.D+l)*width:][:width]
					block[o*p.C+q] += dot(dy, x)
				}
			}
		}
	}
}

func dot(a, b []float32) float32 {
	sum := float32(0)
	for j, v := range a {
		sum += float32(v * b[j])
	}
	return sum
}
