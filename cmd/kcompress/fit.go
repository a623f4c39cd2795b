package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

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
	size, maxLoss, memory    string
	latency                  time.Duration
	method, weights          string
	radix, width, expansion  int
	include, exclude, layers []string
	seed                     uint64
	threads, steps           int
	dryRun                   bool
	distil                   string
	reconstruct              bool
	time                     time.Duration
	checkpoint               string
	resume                   bool
	json                     string
}

func newFit(c console) *cobra.Command {
	var f fitFlags
	cmd := &cobra.Command{
		Use:   "fit MODEL.onnx",
		Short: "Compress a model and report what was gained and lost",
		Long: `fit replaces the dense layers of a model by products of butterfly factors where
that pays, trains these to give the original's outputs on --data (distillation,
the longest part: see --distil, --time and --checkpoint), rounds what stays, and
writes a compact ONNX file (MODEL.k.onnx unless -o names another). The file runs
in ONNX Runtime too; the speed is that of kcompress run, bench and the Go package
runtime. A model that misses its goal is written to MODEL.k.nearest.onnx.

Without --data the fit is blind and conservative: weights are rounded to int8
and only those are replaced that a chain gives back almost exactly. Give
unlabelled inputs to get a much smaller model.`,
		Example: `  kcompress fit model.onnx
  kcompress fit model.onnx --data calibrate.npz --test test.npz
  kcompress fit model.onnx --data calibrate.npz --ratio 5 -o small.onnx
  kcompress fit model.onnx --data batches/ --method kaleidoscope --width 2`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runFit(cmd, c, args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.out, "output", "o", "", "file to write (default MODEL.k.onnx)")
	flags.StringVar(&f.data, "data", "", "calibration inputs: FILE.npz with samples along the first axis, or a folder with one .npz for each batch")
	flags.StringVar(&f.test, "test", "", "inputs, with labels if there are any, to report on; never fitted on")
	flags.StringVar(&f.label, "label", "label", "array of class numbers in --test")
	flags.Float64Var(&f.ratio, "ratio", 0, "goal: this many times fewer parameters in dense layers (only one goal may be given)")
	flags.StringVar(&f.size, "size", "", "goal: at most this many bytes, such as 500kB or 2MB")
	flags.StringVar(&f.maxLoss, "max-loss", "", "goal: at most this share of decisions changed (models with scores) or relative error of outputs, such as 0.5% or 0.02")
	flags.DurationVar(&f.latency, "latency", 0, "goal: at most this time for one sample on this CPU, such as 2ms; the result depends on the machine")
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
	flags.StringVar(&f.distil, "distil", "auto", "end-to-end distillation from --data: auto, off or a number of steps")
	flags.BoolVar(&f.reconstruct, "reconstruct", false, "fit the chosen chains again, from first to last, to the inputs that they have in the compressed model")
	flags.DurationVar(&f.time, "time", 0, "time for the whole fit, such as 30m: distillation takes fewer steps if need be")
	flags.StringVar(&f.memory, "memory", "", "most memory for the values that a step of distillation keeps, such as 2GB (default: the runtime's limit)")
	flags.StringVar(&f.checkpoint, "checkpoint", "", "folder that the fit saves its work to; the same command, or one with another goal, goes on from what is there")
	flags.BoolVar(&f.resume, "resume", false, "go on from the --checkpoint folder of a fit that was stopped; it must be there")
	flags.BoolVar(&f.dryRun, "dry-run", false, "fit, verify and report, but write no model")
	flags.StringVar(&f.json, "json", "", "write the report as JSON to this file, or - for standard output")
	completeFiles(cmd, "onnx")
	completeValues(cmd, "method", "auto", "kaleidoscope", "low-rank", "dense")
	completeValues(cmd, "weights", "fp32", "fp16", "int8")
	cmd.MarkFlagsMutuallyExclusive("ratio", "size", "max-loss", "latency")
	return cmd
}

func runFit(cmd *cobra.Command, c console, path string, f fitFlags) error {
	options, err := f.options(cmd)
	if err != nil {
		return usage(err)
	}
	out := f.out
	if out == "" {
		out = compactPath(path)
	}
	if err := f.checkOutputs(path, out); err != nil {
		return err
	}
	m, err := loadModel(path)
	if err != nil {
		return err
	}
	if err := f.readData(m, options); err != nil {
		return err
	}
	progress := newProgress(c)
	options.Progress = progress.tell
	result, err := fit.Run(cmd.Context(), m, *options)
	progress.done()
	if err != nil {
		return inFile(path, err)
	}
	r := result.Report
	r.Input, r.Output = path, out
	if f.dryRun {
		r.Output = ""
	} else {
		if !r.GoalMet {
			out = nearestPath(out)
			r.Output = out
		}
		if err := save(result, out); err != nil {
			return coded(exitFailure, err)
		}
	}
	if err := f.printReport(c, r); err != nil {
		return err
	}
	return goalError(r)
}

// nearestPath is where the best model goes that does not meet the goal: a file
// with the asked-for name keeps what it promises.
func nearestPath(out string) string {
	return strings.TrimSuffix(out, ".onnx") + ".nearest.onnx"
}

// goalError is the error for a goal that was not met.
func goalError(r *report.Report) error {
	if r.GoalMet {
		return nil
	}
	holds := "nothing was written"
	if r.Output != "" {
		holds = r.Output + " holds the nearest model"
	}
	return coded(exitGoalMissed, fmt.Errorf("%s: the goal was not met: %s; %s", r.Input, r.Goal, holds))
}

// checkOutputs makes sure, before the fit, that what it will write can be
// written and replaces none of its inputs.
func (f fitFlags) checkOutputs(path, out string) error {
	nearest := nearestPath(out)
	outputs := []string{out, reportPath(out), nearest, reportPath(nearest)}
	if f.dryRun {
		outputs = nil
	}
	if f.json != "" && f.json != "-" {
		outputs = append(outputs, f.json)
		if filepath.Clean(f.json) == filepath.Clean(out) {
			return usage(fmt.Errorf("--json and --output both name %s", out))
		}
	}
	for _, o := range outputs {
		if err := checkOutput(o, path, f.data, f.test); err != nil {
			return err
		}
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
	printWarnings(c, r.Warnings)
	if f.json == "-" {
		return printJSON(c.out, r)
	}
	printReport(c.out, r)
	if f.json == "" {
		return nil
	}
	return r.Save(f.json)
}

// printWarnings writes what the user should know before using a result.
func printWarnings(c console, warnings []string) {
	for _, w := range warnings {
		fmt.Fprintln(c.err, "kcompress: warning:", w)
	}
}

// options turns the flags into options of the fitter, without the data.
func (f fitFlags) options(cmd *cobra.Command) (*fit.Options, error) {
	if err := f.check(cmd); err != nil {
		return nil, err
	}
	o := &fit.Options{
		Radix: f.radix, Width: f.width, Expansion: f.expansion, Ratio: f.ratio,
		Label: f.label, Seed: f.seed, Threads: f.threads, Steps: f.steps,
		Producer: "kcompress " + version(),
	}
	var err error
	if o.Method, err = fit.ParseMethod(f.method); err != nil {
		return nil, fmt.Errorf("--method: %w", err)
	}
	if o.Weights, err = compact.ParseWeights(f.weights); err != nil {
		return nil, fmt.Errorf("--weights: %w", err)
	}
	if o.Size, err = parseSize(f.size); err != nil {
		return nil, fmt.Errorf("--size: %w", err)
	}
	if o.Latency = f.latency; f.latency < 0 {
		return nil, fmt.Errorf("--latency: %v is below 0", f.latency)
	}
	memory, err := parseSize(f.memory)
	if err != nil {
		return nil, fmt.Errorf("--memory: %w", err)
	}
	o.MemoryBytes = int(memory)
	if o.MaxLoss, err = parseShare(f.maxLoss); err != nil {
		return nil, fmt.Errorf("--max-loss: %w", err)
	}
	o.Checkpoint, o.Reconstruct = f.checkpoint, f.reconstruct
	if o.Time = f.time; f.time < 0 {
		return nil, fmt.Errorf("--time: %v is below 0", f.time)
	}
	if o.Distil, err = parseDistil(f.distil); err != nil {
		return nil, fmt.Errorf("--distil: %w", err)
	}
	if o.Include, err = compileAll(f.include); err != nil {
		return nil, fmt.Errorf("--include: %w", err)
	}
	if o.Exclude, err = compileAll(f.exclude); err != nil {
		return nil, fmt.Errorf("--exclude: %w", err)
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

// kaleidoscopeFlags have a meaning with --method kaleidoscope only.
var kaleidoscopeFlags = []string{"radix", "width", "expansion"}

// check finds flags that contradict each other and numbers out of range.
func (f fitFlags) check(cmd *cobra.Command) error {
	given := cmd.Flags().Changed
	if given("ratio") && !(f.ratio >= 1 && f.ratio <= 1e6) {
		return fmt.Errorf("--ratio %g: give a number from 1 up", f.ratio)
	}
	if given("max-loss") && f.data == "" {
		return errors.New("--max-loss: a bound on the loss needs calibration data: give --data, or use --ratio or --size")
	}
	if given("label") && f.test == "" {
		return errors.New("--label: names an array of the test data: give --test")
	}
	if f.resume {
		if f.checkpoint == "" {
			return errors.New("--resume: name the folder of the fit that was stopped with --checkpoint")
		}
		if _, err := os.Stat(f.checkpoint); err != nil {
			return fmt.Errorf("--resume: there is no checkpoint: %w", err)
		}
	}
	for _, name := range kaleidoscopeFlags {
		if given(name) && f.method != string(fit.Kaleidoscope) {
			return fmt.Errorf("--%s: is for --method %s only", name, fit.Kaleidoscope)
		}
	}
	numbers := []struct {
		name         string
		value, least int
	}{{"radix", f.radix, 2}, {"width", f.width, 1}, {"expansion", f.expansion, 1}, {"threads", f.threads, 0}, {"steps", f.steps, 0}}
	for _, n := range numbers {
		if n.value < n.least || n.value > 1<<20 {
			return fmt.Errorf("--%s %d: give a number from %d up", n.name, n.value, n.least)
		}
	}
	return nil
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
