package main

import (
	"math"
	"math/rand/v2"
)

// side is the width and height of an image in pixels.
const side = 28

// pixels is an image, row by row, with ink from 0 to 1.
type pixels [side * side]float64

// render draws a digit in a random style with random distortion, pen, blur,
// contrast, clutter and noise; 0 is the background, 255 full ink.
func render(r *rand.Rand, digit int) [side * side]uint8 {
	var p pixels
	styles := glyphs[digit]
	p.draw(styles[r.IntN(len(styles))], randomDistortion(r), uniform(r, .6, 1.9), 1)
	p.clutter(r)
	p.blur(uniform(r, 0, .3))
	ink, noise := uniform(r, .55, 1), uniform(r, 0, .16)
	var image [side * side]uint8
	for i, v := range p {
		v = ink*v + noise*r.NormFloat64()
		image[i] = uint8(math.Round(255 * min(max(v, 0), 1)))
	}
	return image
}

// clutter draws up to two short strokes, as of neighbouring writing.
func (p *pixels) clutter(r *rand.Rand) {
	for range r.IntN(3) {
		x, y := uniform(r, 0, side), uniform(r, 0, side)
		s := stroke{{x, y}, {x + uniform(r, -6, 6), y + uniform(r, -6, 6)}}
		p.drawStroke(s, uniform(r, .4, 1.2), uniform(r, .2, .8))
	}
}

// draw draws a glyph with a pen of the given radius in pixels.
func (p *pixels) draw(g glyph, t distortion, radius, ink float64) {
	for _, s := range g {
		moved := make(stroke, len(s))
		for i, q := range s {
			moved[i] = t.apply(q)
		}
		p.drawStroke(moved, radius, ink)
	}
}

// drawStroke draws a polyline whose points are in pixels. Where strokes cross the
// darker one counts.
func (p *pixels) drawStroke(s stroke, radius, ink float64) {
	for i := 1; i < len(s); i++ {
		a, b := s[i-1], s[i]
		reach := radius + .5
		y0, y1 := clip(min(a.y, b.y)-reach), clip(max(a.y, b.y)+reach+1)
		x0, x1 := clip(min(a.x, b.x)-reach), clip(max(a.x, b.x)+reach+1)
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				d := distance(point{float64(x) + .5, float64(y) + .5}, a, b)
				v := ink * min(max(reach-d, 0), 1)
				p[y*side+x] = max(p[y*side+x], v)
			}
		}
	}
}

// clip returns the pixel at a coordinate, the nearest edge if it is outside.
func clip(v float64) int { return int(min(max(v, 0), side)) }

// distance returns how far q is from the segment from a to b.
func distance(q, a, b point) float64 {
	dx, dy := b.x-a.x, b.y-a.y
	t := ((q.x-a.x)*dx + (q.y-a.y)*dy) / max(dx*dx+dy*dy, 1e-12)
	t = min(max(t, 0), 1)
	return math.Hypot(q.x-a.x-t*dx, q.y-a.y-t*dy)
}

// blur gives each neighbour the share w of a pixel, along rows and then along
// columns.
func (p *pixels) blur(w float64) {
	for _, step := range []int{1, side} {
		from := *p
		for i := range p {
			before, after := from[max(i-step, 0)], from[min(i+step, len(p)-1)]
			p[i] = (1-2*w)*from[i] + w*(before+after)
		}
	}
}
