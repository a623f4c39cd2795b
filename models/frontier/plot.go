package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// The picture, in pixels.
const (
	width, height         = 820.0, 500.0
	plotLeft, plotRight   = 76.0, 796.0
	plotTop, plotBottom   = 92.0, 436.0
	characterWidth        = 6.8 // of the labels, about
	labelHeight, markSize = 13.0, 5.0
)

// Each line has a colour and a mark of its own, so that it can be told apart
// without colours. A browser picks the second block where it shows dark pages.
const style = `
.back{fill:#fff} text{font:12px system-ui,sans-serif;fill:#222} .title{font-size:16px;font-weight:600} .quiet{fill:#666}
.grid{stroke:#e4e4e4} .original{stroke:#666;stroke-dasharray:6 4;stroke-width:1.5}
.halo{paint-order:stroke;stroke:#fff;stroke-width:3px;stroke-linejoin:round}
.line{fill:none;stroke:currentColor;stroke-width:2} .mark,.label{fill:currentColor}
.s0{color:#1b7f4b} .s1{color:#0b63c5} .s2{color:#c2500a} .s3{color:#8038b5} .s4{color:#a3155f}
@media (prefers-color-scheme:dark){
.back{fill:#0d1117} text{fill:#e6e6e6} .quiet{fill:#9aa0a6} .grid{stroke:#2a3038} .original{stroke:#9aa0a6} .halo{stroke:#0d1117}
.s0{color:#56d192} .s1{color:#6fb3ff} .s2{color:#ff9f5f} .s3{color:#c99bff} .s4{color:#ff8ac0}
}
`

const colours = 5

// drawing is a picture in the making.
type drawing struct {
	bytes.Buffer
	x, y  scale
	taken []box // by marks and labels
}

// writeSVG draws bytes against accuracy: a line for each method, the original as
// a dashed line.
func (f *frontier) writeSVG(w io.Writer) error {
	d := &drawing{}
	d.x, d.y = f.scales()
	d.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" role="img" aria-label="%s">`, width, height, escape("bytes against accuracy of "+f.title))
	d.add(`<style>%s</style><rect class="back" width="%g" height="%g"/>`, style, width, height)
	d.text(plotLeft, 30, "title", "start", f.title+": bytes against accuracy")
	d.axes(f.metric)
	d.original(f.original)
	series := f.series()
	for i, points := range series {
		d.line(i, points)
	}
	for i, points := range series {
		for _, p := range points {
			d.label(i, p)
		}
	}
	d.legend(series)
	d.add(`</svg>`)
	_, err := w.Write(d.Bytes())
	return err
}

// series returns the points of each method, from small to large.
func (f *frontier) series() [][]point {
	var all [][]point
	for _, p := range f.points {
		i := slices.IndexFunc(all, func(s []point) bool { return s[0].method == p.method })
		if i < 0 {
			i = len(all)
			all = append(all, nil)
		}
		all[i] = append(all[i], p)
	}
	for _, s := range all {
		slices.SortStableFunc(s, func(a, b point) int { return int(max(-1, min(1, a.bytes-b.bytes))) })
	}
	return all
}

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

// text writes at a point; the anchor is start, middle or end.
func (d *drawing) text(x, y float64, class, anchor, text string) {
	d.add(`<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`, x, y, class, anchor, escape(text))
}

func (d *drawing) axes(metric string) {
	for _, v := range d.x.ticks() {
		x := d.x.at(v)
		d.add(`<path class="grid" d="M%.1f %gV%g"/>`, x, plotTop, plotBottom)
		d.text(x, plotBottom+18, "quiet", "middle", sizeText(v))
	}
	for _, v := range d.y.ticks() {
		y := d.y.at(v)
		d.add(`<path class="grid" d="M%g %.1fH%g"/>`, plotLeft, y, plotRight)
		d.text(plotLeft-8, y+4, "quiet", "end", fmt.Sprintf("%.5g %%", v))
	}
	d.text((plotLeft+plotRight)/2, plotBottom+42, "", "middle", "bytes of the file (logarithmic)")
	d.text(plotLeft, plotTop-12, "quiet", "start", metric)
}

func (d *drawing) original(p point) {
	y := d.y.at(100 * p.accuracy)
	d.add(`<path class="original" d="M%g %.1fH%g"/>`, plotLeft, y, plotRight)
	text := fmt.Sprintf("original, %s: %s", sizeText(float64(p.bytes)), percent(p.accuracy))
	d.text(plotLeft+6, y-6, "quiet halo", "start", text)
	d.taken = append(d.taken, box{plotLeft + 6, y - 6 - labelHeight, characterWidth * float64(len(text)), labelHeight})
}

// line draws the points of one method and what joins them.
func (d *drawing) line(i int, points []point) {
	var path strings.Builder
	for k, p := range points {
		fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(k, 1)], d.x.at(float64(p.bytes)), d.y.at(100*p.accuracy))
	}
	d.add(`<path class="line s%d" d="%s"/>`, i%colours, path.String())
	for _, p := range points {
		x, y := d.x.at(float64(p.bytes)), d.y.at(100*p.accuracy)
		d.mark(i, x, y, fmt.Sprintf("%s: %d bytes, %s", p.method, p.bytes, percent(p.accuracy)))
		d.taken = append(d.taken, box{x - markSize, y - markSize, 2 * markSize, 2 * markSize})
	}
}

// mark draws the mark of a line; the tip is shown when it is pointed at.
func (d *drawing) mark(i int, x, y float64, tip string) {
	const r = markSize
	shapes := []string{
		fmt.Sprintf("M%.1f %.1fh%gv%gh%gz", x-r, y-r, 2*r, 2*r, -2*r),
		fmt.Sprintf("M%.1f %.1fa%g %g 0 1 0 %g 0a%g %g 0 1 0 %g 0z", x-r, y, r, r, 2*r, r, r, -2*r),
		fmt.Sprintf("M%.1f %.1fl%g %gl%g %gl%g %gz", x, y-1.3*r, 1.3*r, 1.3*r, -1.3*r, 1.3*r, -1.3*r, -1.3*r),
		fmt.Sprintf("M%.1f %.1fl%g %gh%gz", x, y-1.2*r, 1.2*r, 2*r, -2.4*r),
	}
	d.add(`<path class="mark s%d" d="%s"><title>%s</title></path>`, i%colours, shapes[i%len(shapes)], escape(tip))
}

// box is a part of the picture: its left upper corner and its size.
type box struct{ x, y, width, height float64 }

func (a box) meets(b box) bool {
	return a.x < b.x+b.width && b.x < a.x+a.width && a.y < b.y+b.height && b.y < a.y+a.height
}

// label writes the accuracy of a point of line i above, below or beside it, where
// there is room.
func (d *drawing) label(i int, p point) {
	text := percent(p.accuracy)
	long := characterWidth * float64(len(text))
	x, y := d.x.at(float64(p.bytes)), d.y.at(100*p.accuracy)
	const gap = 3.0
	places := []box{
		{x - long/2, y - markSize - gap - labelHeight, long, labelHeight}, {x - long/2, y + markSize + gap, long, labelHeight},
		{x + markSize + gap, y - labelHeight/2, long, labelHeight}, {x - markSize - gap - long, y - labelHeight/2, long, labelHeight},
	}
	best, fewest := places[0], math.MaxInt
	for _, place := range places {
		met := 0
		for _, other := range d.taken {
			if place.meets(other) {
				met++
			}
		}
		if place.y+place.height > plotBottom || place.x+place.width > width || place.x < plotLeft {
			met++
		}
		if met < fewest {
			best, fewest = place, met
		}
	}
	d.taken = append(d.taken, best)
	d.text(best.x+long/2, best.y+labelHeight-3, fmt.Sprintf("label halo s%d", i%colours), "middle", text)
}

// legend names the lines in a row above the plot.
func (d *drawing) legend(series [][]point) {
	x := plotLeft + markSize
	for i, points := range series {
		name := points[0].method
		d.mark(i, x, 54, name)
		d.text(x+12, 58, "", "start", name)
		x += 40 + characterWidth*float64(len(name))
	}
}

// escape makes a text fit for XML, attributes too.
func escape(text string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(text)) // a Builder does not fail
	return b.String()
}
