package fit

import (
	"context"
	"errors"
	"fmt"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/fit/choose"
	"github.com/kcompress/kcompress/fit/factorise"
	"github.com/kcompress/kcompress/fit/measure"
	"github.com/kcompress/kcompress/fit/report"
	"github.com/kcompress/kcompress/fit/write"
	"github.com/kcompress/kcompress/kernels/cpu"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/compact"
)

// write makes the compact model with the selected candidates.
func (p *pipeline) write() error {
	p.tell(Event{Stage: "write"})
	var err error
	if p.student, err = p.assemble(p.selection, p.options.Weights); err != nil {
		return err
	}
	if p.report.BytesAfter, err = encodedSize(p.student); err != nil {
		return err
	}
	if p.options.Size > 0 && p.report.BytesAfter > p.options.Size {
		p.goalMet = false
	}
	return p.student.Check()
}

// encodedSize is the size of the model with its weights.
func encodedSize(m *onnx.Model) (int64, error) {
	data, err := m.Encode()
	return int64(len(data)), err
}

// verify runs the compact model against the original.
func (p *pipeline) verify(ctx context.Context) error {
	p.tell(Event{Stage: "verify"})
	student, err := reopen(p.student, p.options.Threads)
	if err != nil {
		return fmt.Errorf("%w: the compact model does not load: %w", ErrUnverified, err)
	}
	defer student.Close()
	if err := p.compareOutputs(ctx, student); err != nil {
		return err
	}
	if err := p.compareAccuracy(ctx, student); err != nil {
		return err
	}
	return p.compareTime(ctx, student)
}

// reopen prepares the model from the bytes that will be written.
func reopen(m *onnx.Model, threads int) (*runtime.Session, error) {
	data, err := m.Encode()
	if err != nil {
		return nil, err
	}
	read, err := onnx.Decode(data)
	if err != nil {
		return nil, err
	}
	return runtime.New(read, runtime.WithThreads(threads))
}

// compareOutputs measures the distance of the outputs on data that was not
// fitted on, or on random inputs if there is none.
func (p *pipeline) compareOutputs(ctx context.Context, student *runtime.Session) error {
	data, on := p.heldData, "calibration data that was held back"
	if data == nil {
		data, on = p.options.Test, "test data"
	}
	if data != nil {
		data = data.Limit(maxMeasured)
	}
	var teacher measure.Outputs
	var err error
	if data != nil {
		teacher, err = measure.Run(ctx, p.teacher, data)
	} else {
		on = "random inputs, which say little about real ones"
		data, teacher, err = randomRuns(ctx, p.teacher, p.options.Seed)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			p.warn("the outputs were not compared: the model could not be run on random inputs (%v)", err)
			return nil
		}
	}
	if err != nil {
		return err
	}
	outputs, err := runStudent(ctx, student, data)
	if err != nil {
		return err
	}
	d, err := measure.Compare(p.model.Graph, teacher, outputs)
	if errors.Is(err, measure.ErrNothingToCompare) {
		p.warn("the outputs were not compared: %v", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnverified, err)
	}
	p.report.Changed = &report.Change{Distance: d, On: fmt.Sprintf("%d samples of %s", d.Samples, on)}
	if p.options.MaxLoss > 0 && !p.acceptable(d) {
		p.goalMet = false
	}
	return nil
}

// compareAccuracy compares both models on labelled test data.
func (p *pipeline) compareAccuracy(ctx context.Context, student *runtime.Session) error {
	data, label := p.options.Test, p.options.Label
	if data == nil || len(data.Batches) == 0 || data.Batches[0][label] == nil {
		return nil
	}
	output := p.model.Graph.Outputs[0].Name
	var values [2]float64
	samples := 0
	for i, s := range []*runtime.Session{p.teacher, student} {
		out, err := measure.Run(ctx, s, data)
		if err != nil {
			return err
		}
		if values[i], samples, err = measure.Accuracy(out, output, data, label, 1); err != nil {
			return err
		}
	}
	p.report.Accuracy = &report.Accuracy{Metric: string(measure.Top1), Before: values[0], After: values[1], Samples: samples, On: "test data"}
	return nil
}

// compareTime runs both models in turn on one sample.
func (p *pipeline) compareTime(ctx context.Context, student *runtime.Session) error {
	data := p.heldData
	if data == nil {
		data = p.options.Test
	}
	var sample map[string]*onnx.Tensor
	on := "one sample"
	if data != nil {
		sample = calibrate.FirstSample(calibrate.Inputs(data.Batches[0], p.teacher.Inputs()), p.teacher.Inputs())
	} else {
		random, _, err := randomRuns(ctx, p.teacher, p.options.Seed)
		if err != nil {
			p.warn("the time was not compared: the model could not be run on random inputs")
			return ctx.Err()
		}
		sample, on = random.Batches[0], "random inputs"
	}
	before, after, err := medianTimes(ctx, p.teacher, student, sample)
	if err != nil {
		return err
	}
	if p.options.Latency > 0 && milliseconds(after) > p.options.Latency {
		p.goalMet = false
	}
	p.report.Time = &report.Time{MsBefore: before, MsAfter: after, Threads: p.teacher.Threads(), On: on}
	if after > slowerFactor*before {
		p.warn(slowerWarning, after, before, on)
	}
	return nil
}

const excludedReason = "left out by --include or --exclude"

// fillLayers writes the rows of the report.
func (p *pipeline) fillLayers() {
	r := &p.report
	o := p.options
	r.Method, r.Weights, r.Goal, r.GoalMet = string(o.Method), string(o.Weights), o.describeGoal(), p.goalMet
	r.Seed, r.Threads, r.CPU = o.Seed, p.pool.Threads(), cpu.Current().String()
	if size, err := encodedSize(p.given); err == nil {
		r.BytesBefore = size
	}
	selected := map[string]int{}
	for i, l := range p.layers {
		selected[l.Name] = i
	}
	r.Layers = append(r.Layers, p.exactRows()...)
	r.DenseParamsBefore, r.DenseParamsAfter = p.exactParameters()
	for _, l := range p.found.Layers {
		if p.isExact(l) {
			continue
		}
		row := report.Layer{Name: l.Name, Op: l.Op, Shape: []int{}, ParamsBefore: l.Parameters, ParamsAfter: l.Parameters, BytesBefore: l.Bytes, BytesAfter: l.Bytes, Decision: "kept", Method: "dense", Reason: l.Skip}
		if l.In > 0 {
			row.Shape = []int{l.Out, l.In}
			row.FlopsBefore, row.FlopsAfter = 2*l.Parameters, 2*l.Parameters
		}
		if p.excluded[l.Name] {
			row.Decision, row.Reason = "excluded", excludedReason
		} else {
			row.BytesAfter = p.keptBytes(l.Parameters, l.Out, l.Bytes)
		}
		if i, ok := selected[l.Name]; ok && p.selection != nil {
			p.fillSelected(&row, i)
		}
		if row.Decision == "kept" {
			row.Reason += p.notReplaced[l.Name]
		}
		if l.Skip == "" {
			r.DenseParamsBefore += row.ParamsBefore
			r.DenseParamsAfter += row.ParamsAfter
		}
		r.Layers = append(r.Layers, row)
	}
	for _, e := range p.found.Embeddings {
		row := report.Layer{Name: e.Name, Op: "Gather", Shape: []int{}, Method: "dense", ParamsBefore: e.Parameters, ParamsAfter: e.Parameters, BytesBefore: e.Bytes, BytesAfter: p.keptBytes(e.Parameters, 0, e.Bytes), Decision: "kept", Reason: "an embedding: rows are looked up, not multiplied"}
		if p.excluded[e.Name] {
			row.BytesAfter, row.Decision, row.Reason = e.Bytes, "excluded", excludedReason
		}
		r.Layers = append(r.Layers, row)
	}
	if r.BytesAfter >= r.BytesBefore {
		p.warn(biggerWarning, r.BytesAfter, r.BytesBefore)
	}
}

// keptBytes is what a weight that stays dense takes in the file.
func (p *pipeline) keptBytes(parameters, out, bytes int) int {
	if parameters < write.MinRounded || p.found.Frozen != "" {
		return bytes
	}
	switch p.options.Weights {
	case compact.INT8:
		return min(bytes, parameters+4*out)
	case compact.FP16:
		return min(bytes, 2*parameters)
	}
	return bytes
}

// fillSelected writes what was chosen for a layer, and why.
func (p *pipeline) fillSelected(row *report.Layer, i int) {
	ladder, l := p.ladders[i], p.layers[i]
	c := ladder.Candidates[p.selection[i]]
	row.Method, row.Error = string(c.Method), c.Error
	row.MicrosBefore, row.MicrosAfter = p.layerTimes(l, c.Chain)
	if c.Chain != nil {
		d := c.Chain.Design()
		row.Design, row.Decision = d.String(), "replaced"
		row.ParamsAfter, row.BytesAfter, row.FlopsAfter = c.Parameters, c.Bytes, d.Flops()
		row.Reason = fmt.Sprintf("%.1fx fewer parameters", float64(l.Parameters)/float64(c.Parameters))
		row.LowRankError = lowRankAt(ladder, c.Parameters)
		return
	}
	switch {
	case l.Parameters < minParameters:
		row.Reason = "too small to gain"
	case l.In > factorise.MaxInputs:
		row.Reason = fmt.Sprintf("more than %d inputs, which takes too much memory to fit", factorise.MaxInputs)
	case len(ladder.Candidates) == 1 && p.report.Blind:
		row.Reason = fmt.Sprintf("no data, and no chain gives the weight back within %g", BlindBound)
	case len(ladder.Candidates) == 1:
		row.Reason = "no design is smaller and faster"
	default:
		row.Reason = fmt.Sprintf("the goal is met without it; the best chain has an error of %.2g", best(ladder))
	}
}

// lowRankAt returns the error of the largest low-rank candidate with no more
// parameters, 0 if there is none.
func lowRankAt(l choose.Ladder, parameters int) float64 {
	best, size := 0.0, 0
	for _, c := range l.Candidates {
		if c.Method == choose.LowRank && float64(c.Parameters) <= 1.05*float64(parameters) && c.Parameters > size {
			best, size = c.Error, c.Parameters
		}
	}
	return best
}
