package main

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestGlyphsLieInTheBox(t *testing.T) {
	for digit, styles := range glyphs {
		for style, g := range styles {
			for _, s := range g {
				for _, p := range s {
					if p.x < .1 || p.x > .9 || p.y < 0 || p.y > 1 {
						t.Errorf("digit %d, style %d leaves its box at %v", digit, style, p)
					}
				}
			}
		}
	}
}

// TestDistance compares with the nearest of many points of the segment.
func TestDistance(t *testing.T) {
	coordinate := rapid.Float64Range(-30, 30)
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) point {
			return point{coordinate.Draw(t, name+".x"), coordinate.Draw(t, name+".y")}
		}
		q, a, b := draw("q"), draw("a"), draw("b")
		const parts = 1000
		want := math.Inf(1)
		for i := 0; i <= parts; i++ {
			f := float64(i) / parts
			want = min(want, math.Hypot(q.x-a.x-f*(b.x-a.x), q.y-a.y-f*(b.y-a.y)))
		}
		// The nearest point lies at most half a part from one of those.
		if got := distance(q, a, b); got > want+1e-9 || got < want-100./parts {
			t.Errorf("distance %g, want %g", got, want)
		}
	})
}

func TestCurvePassesThroughItsPoints(t *testing.T) {
	points := []float64{.1, .2, .5, .9, .7, .3, .2, .2}
	s := curve(points...)
	for i := 0; i < len(points); i += 2 {
		found := false
		for _, p := range s {
			found = found || math.Hypot(p.x-points[i], p.y-points[i+1]) < 1e-12
		}
		if !found {
			t.Errorf("the curve misses (%g, %g)", points[i], points[i+1])
		}
	}
}

// TestDrawStroke checks that ink is full within the pen's radius of the stroke and
// ends outside it.
func TestDrawStroke(t *testing.T) {
	var p pixels
	a, b := point{4, 5}, point{22, 25}
	p.drawStroke(stroke{a, b}, 2, .8)
	for i, v := range p {
		d := distance(point{float64(i%side) + .5, float64(i/side) + .5}, a, b)
		if d <= 1.5 && v != .8 || d >= 2.5 && v != 0 {
			t.Errorf("pixel %d at distance %g of the stroke has ink %g", i, d, v)
		}
	}
}

// TestBlurKeepsInk checks that blurring moves ink without making or losing any,
// away from the edges.
func TestBlurKeepsInk(t *testing.T) {
	var p pixels
	p[14*side+14] = 1
	p.blur(.2)
	sum := 0.0
	for _, v := range p {
		sum += v
	}
	if math.Abs(sum-1) > 1e-12 || p[14*side+14] >= 1 || p[13*side+13] <= 0 {
		t.Errorf("ink %g in all, %g in the middle, %g beside it", sum, p[14*side+14], p[13*side+13])
	}
}
