package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kcompress/kcompress/fit/report"
	"github.com/kcompress/kcompress/onnx"
)

func newReport(c console) *cobra.Command {
	var html, asJSON bool
	var out string
	cmd := &cobra.Command{
		Use:   "report [MODEL.k.onnx | REPORT.json]",
		Short: "Show the report of a fit as Markdown, HTML or JSON",
		Long: `report shows what a fit has gained and lost. The report lies beside the model
that fit wrote, as MODEL.k.onnx.report.json; without an argument it is the one of
the last fit. The HTML page is one file that needs no network.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path, err := findReport(args)
			if err != nil {
				return err
			}
			r, err := report.Load(path)
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s does not exist: no fit has written that model, or its report was moved", path)
			}
			if err != nil {
				return err
			}
			write := func(w io.Writer) error { return r.WriteMarkdown(w) }
			switch {
			case asJSON || strings.HasSuffix(out, ".json"):
				write = func(w io.Writer) error { return printJSON(w, r) }
			case html || strings.HasSuffix(out, ".html"):
				write = func(w io.Writer) error { return r.WriteHTML(w) }
			}
			if out == "" {
				return write(c.out)
			}
			if err := checkOutput(out, path, r.Input, r.Output); err != nil {
				return err
			}
			return onnx.WriteFile(out, write)
		},
	}
	cmd.Flags().BoolVar(&html, "html", false, "write one self-contained HTML page")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	cmd.Flags().StringVarP(&out, "output", "o", "", "file to write (default standard output); .html and .json set the form")
	cmd.MarkFlagsMutuallyExclusive("html", "json")
	completeFiles(cmd, "onnx", "json")
	return cmd
}

// reportPath is where the report of a model lies.
func reportPath(model string) string { return model + ".report.json" }

// lastReport is the file that names the report of the last fit.
func lastReport() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "kcompress", "last-report"), nil
}

// rememberReport notes the report of the last fit. It is a convenience: where
// there is no cache folder, report wants an argument.
func rememberReport(path string) {
	note, err := lastReport()
	if err != nil {
		return
	}
	abs, err := filepath.Abs(path)
	if err != nil || os.MkdirAll(filepath.Dir(note), 0o755) != nil {
		return
	}
	_ = os.WriteFile(note, []byte(abs), 0o644)
}

func findReport(args []string) (string, error) {
	if len(args) == 0 {
		note, err := lastReport()
		if err != nil {
			return "", usage(fmt.Errorf("name the model or its report: %w", err))
		}
		path, err := os.ReadFile(note)
		if err != nil {
			return "", usage(fmt.Errorf("no fit is remembered: name the model or its report"))
		}
		return string(path), nil
	}
	if strings.HasSuffix(args[0], ".json") {
		return args[0], nil
	}
	return reportPath(args[0]), nil
}

// printReport writes the report of a fit for people: first what was gained and
// lost, then the layers.
func printReport(w io.Writer, r *report.Report) {
	rows := make([][]any, 0, len(r.Layers))
	for _, l := range r.Layers {
		shape := ""
		if len(l.Shape) == 2 {
			shape = fmt.Sprintf("%dx%d", l.Shape[0], l.Shape[1])
		}
		rows = append(rows, []any{l.Name, l.Op, shape, l.Method, countText(l.ParamsBefore), countText(l.ParamsAfter), number(l.Error), number(l.MicrosBefore), number(l.MicrosAfter), l.Decision + ": " + l.Reason})
	}
	printTable(w, []any{"layer", "op", "out x in", "method", "params", "after", "error", "us", "after", "decision"}, rows)
	for _, line := range r.Summary() {
		fmt.Fprintln(w, line)
	}
}

// number writes a figure with three digits, nothing for 0.
func number(v float64) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf("%.3g", v)
}
