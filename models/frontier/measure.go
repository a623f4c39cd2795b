package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/kcompress/kcompress/fit"
	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/fit/report"
	"github.com/kcompress/kcompress/onnx"
)

// frontier is all that was measured of one model.
type frontier struct {
	title, command string
	name           string // of the files that are written, without extension
	metric         string // what accuracy means, and on which data
	original       point
	points         []point // those of one method together
}

// point is one compressed file.
type point struct {
	method   string
	asked    int64 // most bytes that were asked for; 0 is no bound
	bytes    int64
	missed   bool    // the file is larger than what was asked for
	accuracy float64 // from 0 to 1
	how      string  // the command that makes the file, or where the figure is from
}

// methods are the lines of the plot. Dense, a single point, comes first: it is
// quick, so that a mistake in the data shows at once.
var methods = []struct {
	method fit.Method
	name   string
}{{fit.Dense, "dense int8"}, {fit.Auto, "K-matrices"}, {fit.LowRank, "low rank"}}

// measureAll fits with every method at every size, and measures the peers.
func measureAll(ctx context.Context, c *config, log io.Writer) (*frontier, error) {
	m, err := onnx.Load(c.model)
	if err != nil {
		return nil, err
	}
	original, err := encodedSize(m)
	if err != nil {
		return nil, err
	}
	inputs := modelInputs(m)
	o, err := c.options(inputs)
	if err != nil {
		return nil, err
	}
	f := &frontier{title: c.title, command: c.command, name: filepath.Base(c.out), original: point{method: "original", bytes: original}}
	add := func(p point, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", p.method, err)
		}
		f.points = append(f.points, p)
		fmt.Fprintf(log, "%s: %d bytes, %s\n", p.method, p.bytes, percent(p.accuracy))
		return nil
	}
	for _, by := range methods {
		bounds := []int64{0}
		if by.method != fit.Dense {
			bounds = bounds[:0]
			for _, s := range c.sizes {
				bounds = append(bounds, s.of(original))
			}
		}
		for _, bound := range bounds {
			o.Method, o.Size = by.method, bound
			p, err := f.fit(ctx, m, o, log)
			p.method, p.how = by.name, c.fitCommand(o)
			if err := add(p, err); err != nil {
				return nil, err
			}
		}
	}
	for _, peer := range c.peers {
		p, err := peer.measure(ctx, c, inputs)
		p.method = peer.name
		if err := add(p, err); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// options are those that all fits share.
func (c *config) options(inputs []onnx.ValueInfo) (fit.Options, error) {
	o := fit.Options{
		Label: c.label, Seed: c.seed, Threads: c.threads, Steps: c.steps, Distil: c.distilSteps, Checkpoint: c.checkpoint,
		// As the command line has it under go run: its length counts in the file.
		Producer: "kcompress (devel)",
	}
	var err error
	if o.Data, err = calibrate.Load(c.data, inputs); err != nil {
		return o, err
	}
	if c.test != "" {
		o.Test, err = calibrate.Load(c.test, inputs)
	}
	return o, err
}

// fit makes one compressed model and measures it. The first one tells what
// accuracy means: top-1 where there are labels, else agreement with the original.
func (f *frontier) fit(ctx context.Context, m *onnx.Model, o fit.Options, log io.Writer) (point, error) {
	o.Progress = progress(log, fmt.Sprintf("%s, at most %d bytes", o.Method, o.Size))
	result, err := fit.Run(ctx, m, o)
	if err != nil {
		return point{}, err
	}
	r := result.Report
	for _, w := range r.Warnings {
		fmt.Fprintln(log, "warning:", w)
	}
	p := point{asked: o.Size, bytes: r.BytesAfter, missed: !r.GoalMet}
	p.accuracy, f.original.accuracy, f.metric, err = accuracy(r)
	return p, err
}

// accuracy returns that of a compressed model and of the original.
func accuracy(r *report.Report) (after, before float64, metric string, err error) {
	if a := r.Accuracy; a != nil {
		return a.After, a.Before, fmt.Sprintf("top-1 on %d samples of test data", a.Samples), nil
	}
	if r.Changed == nil || !r.Changed.Scores {
		return 0, 0, "", errors.New("there are no labels in --test (see --label), and no outputs are scores of classes that could be compared with the original's")
	}
	return 1 - r.Changed.Disagreement, 1, "decisions equal to the original's on " + r.Changed.On, nil
}

// fitCommand is the command that makes the same file as the options do.
func (c *config) fitCommand(o fit.Options) string {
	args := []string{"go", "run", "./cmd/kcompress", "fit", c.model, "--data", c.data}
	add := func(given bool, name string, value any) {
		if given {
			args = append(args, "--"+name, fmt.Sprint(value))
		}
	}
	add(c.test != "", "test", c.test)
	add(c.test != "" && c.label != "label", "label", c.label)
	add(true, "method", o.Method)
	add(o.Size > 0, "size", o.Size)
	add(true, "distil", c.distil)
	add(c.steps > 0, "steps", c.steps)
	add(c.seed != 1, "seed", c.seed)
	return shell(append(args, "-o", "compressed.onnx"))
}

// progress returns a function that prints each new stage, and how far it is now
// and then.
func progress(log io.Writer, what string) func(fit.Event) {
	const pause = 15 * time.Second
	stage, last := "", time.Now()
	return func(e fit.Event) {
		if e.Stage == stage && time.Since(last) < pause {
			return
		}
		stage, last = e.Stage, time.Now()
		fmt.Fprintf(log, "%s: %s", what, e.Stage)
		if e.Total > 0 {
			fmt.Fprintf(log, " %d of %d", e.Done, e.Total)
		}
		fmt.Fprintln(log)
	}
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

// encodedSize is the bytes of a model with its weights in one file.
func encodedSize(m *onnx.Model) (int64, error) {
	data, err := m.Encode()
	return int64(len(data)), err
}
