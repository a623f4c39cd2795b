package report

import (
	_ "embed"
	"html/template"
	"io"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"figure": figure,
	"shape":  Layer.shapeText,
}).Parse(pageText))

// pageData is what the page shows.
type pageData struct {
	*Report
	Title  string
	Errors chart
	Times  chart
}

// WriteHTML writes the report as one page that needs nothing from a network.
func (r *Report) WriteHTML(w io.Writer) error {
	d := pageData{Report: r, Title: title(r)}
	d.Errors = barChart("Relative error of each replaced layer, and of low rank at equal parameters", "chain", "low rank", replaced(r), func(l Layer) (float64, float64) { return l.Error, l.LowRankError })
	d.Times = barChart("Microseconds of each replaced layer", "before", "after", replaced(r), func(l Layer) (float64, float64) { return l.MicrosBefore, l.MicrosAfter })
	return page.Execute(w, d)
}

func replaced(r *Report) []Layer {
	var layers []Layer
	for _, l := range r.Layers {
		if l.Decision == "replaced" {
			layers = append(layers, l)
		}
	}
	return layers
}

// chart is a list of bars in pairs, in the units of an SVG.
type chart struct {
	Title         string
	First, Second string
	Height        int
	Bars          []barPair
}

type barPair struct {
	Name                       string
	TextY, FirstY, SecondY     int
	FirstWidth, SecondWidth    float64
	FirstFigure, SecondFigure  string
	FirstFigureX, SecondValueX float64
}

// Sizes of a chart.
const (
	barsX     = 260
	barsWidth = 520
	pairStep  = 30
)

func barChart(title, first, second string, layers []Layer, values func(Layer) (float64, float64)) chart {
	c := chart{Title: title, First: first, Second: second, Height: 10 + pairStep*len(layers)}
	largest := 0.0
	for _, l := range layers {
		a, b := values(l)
		largest = max(largest, a, b)
	}
	if largest == 0 {
		largest = 1
	}
	for i, l := range layers {
		a, b := values(l)
		y := 5 + i*pairStep
		p := barPair{Name: l.Name, TextY: y + 16, FirstY: y, SecondY: y + 12, FirstWidth: a / largest * barsWidth, SecondWidth: b / largest * barsWidth, FirstFigure: figure(a), SecondFigure: figure(b)}
		p.FirstFigureX, p.SecondValueX = barsX+p.FirstWidth+4, barsX+p.SecondWidth+4
		c.Bars = append(c.Bars, p)
	}
	return c
}
