package main

import (
	"math"
	"math/rand/v2"
)

// uniform returns a random number from lo to hi.
func uniform(r *rand.Rand, lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }

// distortion maps a glyph's box to pixels: first an elastic displacement, then an
// affine map.
type distortion struct {
	waves          []wave
	a, b, c, d     float64 // x' = a x + b y, y' = c x + d y around the centre
	shiftX, shiftY float64 // of the centre, in pixels
}

// wave is one smooth displacement: along (dx, dy), in units of the box, varying
// as a sine with the frequency (fx, fy).
type wave struct{ dx, dy, fx, fy, phase float64 }

// randomDistortion draws a distortion: a few waves, and rotation, shear, width,
// height and position.
func randomDistortion(r *rand.Rand) distortion {
	var t distortion
	for range 3 {
		t.waves = append(t.waves, wave{
			dx: .035 * r.NormFloat64(), dy: .035 * r.NormFloat64(),
			fx: uniform(r, -1.2, 1.2), fy: uniform(r, -1.2, 1.2), phase: r.Float64(),
		})
	}
	sin, cos := math.Sincos(.22 * r.NormFloat64())
	shear := .2 * r.NormFloat64()
	width, height := uniform(r, 12, 21), uniform(r, 15, 23)
	t.a, t.b = cos*width, (cos*shear-sin)*height
	t.c, t.d = sin*width, (sin*shear+cos)*height
	t.shiftX, t.shiftY = uniform(r, -2.5, 2.5), uniform(r, -2.5, 2.5)
	return t
}

// apply returns where a point of the glyph lies in the image, in pixels.
func (t distortion) apply(p point) point {
	x, y := p.x-.5, p.y-.5
	for _, w := range t.waves {
		s := math.Sin(2 * math.Pi * (w.fx*p.x + w.fy*p.y + w.phase))
		x += w.dx * s
		y += w.dy * s
	}
	return point{side/2 + t.shiftX + t.a*x + t.b*y, side/2 + t.shiftY + t.c*x + t.d*y}
}
