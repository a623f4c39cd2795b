package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// percent writes a share of 1.
func percent(share float64) string { return fmt.Sprintf("%.2f %%", 100*share) }

// writeMarkdown writes the plot and its figures as a page.
func (f *frontier) writeMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Bytes against accuracy: %s\n\n![bytes against accuracy](%s.svg)\n\n", f.title, f.name)
	fmt.Fprintf(&b, "Accuracy is %s. Bytes are those of one file with all weights. Made by\n\n    %s\n\n", f.metric, f.command)
	fmt.Fprintf(&b, "| method | bytes, at most | bytes | times smaller | accuracy | made by |\n|---|---|---|---|---|---|\n")
	row := func(p point, how string) {
		asked := ""
		if p.asked > 0 {
			asked = strconv.FormatInt(p.asked, 10)
		}
		if p.missed {
			asked += " (not met)"
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %.2f | %s | %s |\n", cell(p.method), asked, p.bytes, f.smaller(p), percent(p.accuracy), cell(how))
	}
	row(f.original, "")
	for _, p := range f.points {
		row(p, "`"+p.how+"`")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// smaller is how many times smaller than the original a file is.
func (f *frontier) smaller(p point) float64 { return float64(f.original.bytes) / float64(p.bytes) }

// cell makes a text fit for a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// writeCSV writes the same figures for programs; accuracy is a share of 1.
func (f *frontier) writeCSV(w io.Writer) error {
	table := csv.NewWriter(w)
	table.Write([]string{"method", "bytes_at_most", "bytes", "times_smaller", "accuracy", "goal_met", "made_by"})
	for _, p := range append([]point{f.original}, f.points...) {
		table.Write([]string{p.method, strconv.FormatInt(p.asked, 10), strconv.FormatInt(p.bytes, 10), fmt.Sprintf("%.2f", f.smaller(p)),
			strconv.FormatFloat(p.accuracy, 'g', -1, 64), strconv.FormatBool(!p.missed), p.how})
	}
	table.Flush()
	return table.Error()
}
