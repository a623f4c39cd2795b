package report

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the report as Markdown.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", title(r))
	for _, line := range r.Summary() {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(&b, "- **warning:** %s\n", warning)
	}
	b.WriteString("\n| layer | op | out x in | method | design | parameters | after | bytes | after | FLOPs | after | error | low rank's | us | after | decision |\n")
	b.WriteString("|---|---|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|\n")
	for _, l := range r.Layers {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %d | %d | %d | %d | %d | %d | %s | %s | %s | %s | %s: %s |\n",
			cell(l.Name), cell(l.Op), l.shapeText(), l.Method, cell(l.Design), l.ParamsBefore, l.ParamsAfter, l.BytesBefore, l.BytesAfter,
			l.FlopsBefore, l.FlopsAfter, figure(l.Error), figure(l.LowRankError), figure(l.MicrosBefore), figure(l.MicrosAfter), l.Decision, cell(l.Reason))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func title(r *Report) string {
	if r.Output == "" {
		return "kcompress: plan for " + r.Input
	}
	return "kcompress: " + r.Output
}

// cell keeps text from ending a table cell.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "\r", " ").Replace(s)
}

func (l Layer) shapeText() string {
	if len(l.Shape) != 2 {
		return ""
	}
	return fmt.Sprintf("%dx%d", l.Shape[0], l.Shape[1])
}

// figure writes a number with three digits, nothing for 0.
func figure(v float64) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf("%.3g", v)
}
