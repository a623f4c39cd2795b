package main

import "math"

// point is a place in a glyph's box: x to the right, y downwards, both 0 to 1.
type point struct{ x, y float64 }

// stroke is a polyline that a pen draws without leaving the paper.
type stroke []point

// glyph is one way to draw a digit.
type glyph []stroke

// line returns the polyline through the points given as x, y, x, y and so on.
func line(xy ...float64) stroke {
	s := make(stroke, 0, len(xy)/2)
	for i := 0; i+1 < len(xy); i += 2 {
		s = append(s, point{xy[i], xy[i+1]})
	}
	return s
}

// arc returns a part of an ellipse around (cx, cy). Angles are in degrees,
// clockwise as y points down, 0 to the right.
func arc(cx, cy, rx, ry, from, to float64) stroke {
	const steps = 20
	s := make(stroke, 0, steps+1)
	for i := 0; i <= steps; i++ {
		sin, cos := math.Sincos((from + (to-from)*float64(i)/steps) * math.Pi / 180)
		s = append(s, point{cx + rx*cos, cy + ry*sin})
	}
	return s
}

// curve returns a smooth curve through the points given as in line: a
// Catmull-Rom spline whose end points are doubled.
func curve(xy ...float64) stroke {
	const steps = 6
	p := line(xy...)
	at := func(i int) point { return p[min(max(i, 0), len(p)-1)] }
	s := stroke{p[0]}
	for i := 0; i+1 < len(p); i++ {
		a, b, c, d := at(i-1), at(i), at(i+1), at(i+2)
		for j := 1; j <= steps; j++ {
			t := float64(j) / steps
			s = append(s, point{catmullRom(a.x, b.x, c.x, d.x, t), catmullRom(a.y, b.y, c.y, d.y, t)})
		}
	}
	return s
}

// catmullRom interpolates between b and c at 0 <= t <= 1.
func catmullRom(a, b, c, d, t float64) float64 {
	return b + t*(c-a)/2 + t*t*(a-2.5*b+2*c-d/2) + t*t*t*(1.5*(b-c)+(d-a)/2)
}
