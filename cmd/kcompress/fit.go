package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kcompress/kcompress/fit"
	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/fit/report"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// fitFlags are the flags of the fit command as given.
type fitFlags struct {
	out, data, test, label   string
	ratio                    float64
	size, maxLoss            string
	method, weights          string
	radix, width, expansion  int
	include, exclude, layers []string
	seed                     uint64
	threads, steps           int
	dryRun                   bool
	json                     string
}

func newFit(c console) *cobra.Command {
	var f fitFlags
	cmd := &cobra.Command{
		Use:   "fit MODEL.onnx",
		Short: "Compress a model and report what was gained and lost",
		Long: `fit replaces the dense layers of a model by products of butterfly factors where
that pays, rounds what stays, and writes a compact ONNX file (MODEL.k.onnx
unless -o names another). The file runs in ONNX Runtime too; the speed is that
of kcompress run, bench and the Go package runtime.

Without --data the fit is blind and conservative: weights are rounded to int8
and only those are replaced that a chain gives back almost exactly. Give
unlabelled inputs to get a much smaller model.`,
		Example: `  kcompress fit model.onnx
  kcompress fit model.onnx --data calibrate.npz --test test.npz
  kcompress fit model.onnx --data calibrate.npz --ratio 5 -o small.onnx
  kcompress fit model.onnx --data batches/ --method kaleidoscope --width 2`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runFit(cmd.Context(), c, args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.out, "output", "o", "", "file to write (default MODEL.k.onnx)")
	flags.StringVar(&f.data, "data", "", "calibration inputs: FILE.npz with samples along the first axis, or a folder with one .npz for each batch")
	flags.StringVar(&f.test, "test", "", "inputs, with labels if there are any, to report on; never fitted on")
	flags.StringVar(&f.label, "label", "label", "array of class numbers in --test")
	flags.Float64Var(&f.ratio, "ratio", 0, "goal: this many times fewer parameters in dense layers")
	flags.StringVar(&f.size, "size", "", "goal: at most this many bytes, such as 500kB or 2MB")
	flags.StringVar(&f.maxLoss, "max-loss", "", "goal: at most this share of decisions changed (models with scores) or relative error of outputs, such as 0.5% or 0.02")
	flags.StringVar(&f.method, "method", "auto", "auto, kaleidoscope, low-rank or dense")
	flags.IntVar(&f.radix, "radix", 2, "radix of --method kaleidoscope")
	flags.IntVar(&f.width, "width", 1, "width w of --method kaleidoscope: (BB*)^w")
	flags.IntVar(&f.expansion, "expansion", 1, "expansion e of --method kaleidoscope")
	flags.StringVar(&f.weights, "weights", "int8", "how weights are stored: fp32, fp16 or int8")
	flags.StringArrayVar(&f.include, "include", nil, "compress only layers whose name matches this regular expression (repeatable)")
	flags.StringArrayVar(&f.exclude, "exclude", nil, "leave layers whose name matches as they are (repeatable)")
	flags.StringArrayVar(&f.layers, "layer", nil, "REGEX=DESIGN: dense, rank:N or patterns such as 1x32x32x32,32x32x32x1 (repeatable)")
	flags.Uint64Var(&f.seed, "seed", 1, "seed of the fit; equal seeds give equal files")
	flags.IntVar(&f.threads, "threads", 0, "number of threads (default: all CPUs)")
	flags.IntVar(&f.steps, "steps", 0, "steps of gradient descent for each chain (default 500)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "fit and report, write nothing")
	flags.StringVar(&f.json, "json", "", "write the report as JSON to this file, or - for standard output")
	cmd.MarkFlagsMutuallyExclusive("ratio", "size", "max-loss")
	return cmd
}

func runFit(ctx context.Context, c console, path string, f fitFlags) error {
	options, err := f.options()
	if err != nil {
		return usage(err)
	}
	out := f.out
	if out == "" {
		out = strings.TrimSuffix(path, filepath.Ext(path)) + ".k.onnx"
	}
	if same(out, path) {
		return usage(fmt.Errorf("the output %s is the input: choose another with -o", out))
	}
	m, err := onnx.Load(path)
	if err != nil {
		return coded(exitBadModel, err)
	}
	if err := f.readData(m, options); err != nil {
		return err
	}
	progress := newProgress(c.err)
	options.Progress = progress.tell
	result, err := fit.Run(ctx, m, *options)
	progress.done()
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted: nothing was written")
	case errors.Is(err, fit.ErrUnverified):
		return coded(exitUnverified, err)
	case err != nil:
		return err
	}
	r := result.Report
	r.Input, r.Output = path, out
	if f.dryRun {
		r.Output = ""
	} else if err := save(result, out); err != nil {
		return err
	}
	if err := f.printReport(c, r); err != nil {
		return err
	}
	if !r.GoalMet {
		return coded(exitGoalMissed, fmt.Errorf("the goal (%s) was not met; %s holds the nearest model", r.Goal, out))
	}
	return nil
}

// save writes the model and, beside it, its report. The fitter has verified the
// model as it will be read back.
func save(result *fit.Result, out string) error {
	if err := result.Model.Save(out); err != nil {
		return err
	}
	if err := result.Report.Save(reportPath(out)); err != nil {
		return err
	}
	rememberReport(reportPath(out))
	return nil
}

func (f fitFlags) printReport(c console, r *report.Report) error {
	switch f.json {
	case "":
		printReport(c.out, r)
		return nil
	case "-":
		return printJSON(c.out, r)
	}
	printReport(c.out, r)
	return r.Save(f.json)
}

// options turns the flags into options of the fitter, without the data.
func (f fitFlags) options() (*fit.Options, error) {
	o := &fit.Options{
		Radix: f.radix, Width: f.width, Expansion: f.expansion, Ratio: f.ratio,
		Label: f.label, Seed: f.seed, Threads: f.threads, Steps: f.steps, DryRun: f.dryRun,
		Producer: "kcompress " + version(),
	}
	var err error
	if o.Method, err = fit.ParseMethod(f.method); err != nil {
		return nil, err
	}
	if o.Weights, err = compact.ParseWeights(f.weights); err != nil {
		return nil, err
	}
	if o.Size, err = parseSize(f.size); err != nil {
		return nil, err
	}
	if o.MaxLoss, err = parseShare(f.maxLoss); err != nil {
		return nil, err
	}
	if f.ratio < 0 || f.ratio > 0 && f.ratio < 1 {
		return nil, fmt.Errorf("--ratio %g: give a number above 1", f.ratio)
	}
	if o.Include, err = compileAll(f.include); err != nil {
		return nil, err
	}
	if o.Exclude, err = compileAll(f.exclude); err != nil {
		return nil, err
	}
	for _, text := range f.layers {
		forced, err := fit.ParseForced(text)
		if err != nil {
			return nil, fmt.Errorf("--layer: %w", err)
		}
		o.Forced = append(o.Forced, forced)
	}
	return o, nil
}

func (f fitFlags) readData(m *onnx.Model, o *fit.Options) error {
	inputs := modelInputs(m)
	var err error
	if f.data != "" {
		if o.Data, err = calibrate.Load(f.data, inputs); err != nil {
			return err
		}
	}
	if f.test != "" {
		if o.Test, err = calibrate.Load(f.test, inputs); err != nil {
			return err
		}
	}
	return nil
}

// modelInputs returns the inputs of a model that have no default.
func modelInputs(m *onnx.Model) []onnx.ValueInfo {
	var inputs []onnx.ValueInfo
	for _, info := range m.Graph.Inputs {
		if m.Graph.Initializer(info.Name) == nil {
			inputs = append(inputs, info)
		}
	}
	return inputs
}

func compileAll(patterns []string) ([]*regexp.Regexp, error) {
	var all []*regexp.Regexp
	for _, pattern := range patterns {
		re, err := regexp.Compile(pattern)
		if err != nil {
			return nil, err
		}
		all = append(all, re)
	}
	return all, nil
}

// parseSize reads a number of bytes with an optional unit.
func parseSize(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	units := []struct {
		suffix string
		factor float64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1}}
	for _, u := range units {
		if number, ok := strings.CutSuffix(text, u.suffix); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			if err != nil || !(n*u.factor >= 1) || n*u.factor > 1<<60 {
				return 0, fmt.Errorf("%q is no size: write 500000, 500kB or 2MB", text)
			}
			return int64(n * u.factor), nil
		}
	}
	return 0, fmt.Errorf("%q is no size", text)
}

// parseShare reads a share such as 0.005 or 0.5%.
func parseShare(text string) (float64, error) {
	if text == "" {
		return 0, nil
	}
	number, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v > 0) || v > 1e6 {
		return 0, fmt.Errorf("%q is no share: write 0.005 or 0.5%%", text)
	}
	return v, nil
}

func same(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}
