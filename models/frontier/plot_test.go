package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func example() *frontier {
	return &frontier{title: `a <model> & "more"`, name: "example", metric: "top-1", original: point{bytes: 7461519, accuracy: 0.9872}, points: []point{
		{method: "dense int8", bytes: 1885454, accuracy: 0.9872},
		{method: "K-matrices", bytes: 370000, accuracy: 0.986}, {method: "K-matrices", bytes: 74000, accuracy: 0.979},
		{method: "low rank", bytes: 371000, accuracy: 0.985}, {method: "low rank", bytes: 74500, accuracy: 0.92},
		{method: "<peer>", bytes: 1883749, accuracy: 0.9875},
	}}
}

// The picture is XML, whatever the names are, and all of it lies within its frame.
func TestSVGIsXML(t *testing.T) {
	single := &frontier{title: "one", original: point{bytes: 10, accuracy: 1}, points: []point{{method: "dense", bytes: 5, accuracy: 1}}}
	for _, f := range []*frontier{example(), single} {
		var b bytes.Buffer
		if err := f.writeSVG(&b); err != nil {
			t.Fatal(err)
		}
		if text := b.String(); strings.Contains(text, "NaN") || strings.Contains(text, "Inf") || strings.Contains(text, "%!") {
			t.Errorf("numbers are missing in\n%s", text)
		}
		marks, decoder := 0, xml.NewDecoder(&b)
		for {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if start, ok := token.(xml.StartElement); ok && start.Name.Local == "title" {
				marks++
			}
		}
		if want := len(f.points) + len(f.series()); marks != want {
			t.Errorf("%d marks, want %d: a point each, and one in the legend for each line", marks, want)
		}
	}
}

func TestLabelsDoNotMeet(t *testing.T) {
	f, d := example(), &drawing{}
	d.x, d.y = f.scales()
	for i, s := range f.series() {
		d.line(i, s)
	}
	for _, p := range f.points {
		d.label(0, p)
	}
	marks := len(f.points)
	for i, a := range d.taken {
		for k := range i {
			if i >= marks && a.meets(d.taken[k]) {
				t.Errorf("label %d covers mark or label %d", i-marks, k)
			}
		}
	}
}

func TestTicks(t *testing.T) {
	for _, s := range []scale{{low: 97.3, high: 99.1}, {low: 99.9, high: 100.1}, {low: 0, high: 110}, {low: 54000, high: 2.6e6, log: true}, {low: 10, high: 1e9, log: true}, {low: 1000, high: 2000, log: true}} {
		values := s.ticks()
		if len(values) < 2 || len(values) > 12 {
			t.Errorf("%+v: ticks %v", s, values)
		}
		for _, v := range values {
			if v < s.low || v > s.high {
				t.Errorf("%+v: the tick %g is outside", s, v)
			}
		}
	}
}

func TestSizeText(t *testing.T) {
	for bytes, want := range map[float64]string{7: "7 B", 999: "999 B", 1000: "1.00 kB", 74152: "74.2 kB", 373075: "373 kB", 999499: "999 kB", 999600: "1.00 MB", 7461519: "7.46 MB", 9.996e6: "10.0 MB", 99.96e6: "100 MB"} {
		if got := sizeText(bytes); got != want {
			t.Errorf("%g bytes are %q, want %q", bytes, got, want)
		}
	}
}
