// Package distil trains a compressed model, the student, to give the outputs of
// the model that it was made from, the teacher (Hinton, Vinyals, Dean, arXiv
// 1503.02531), end to end and on unlabelled inputs.
//
// What is trained are the factors of the chains, biases, and the scales and
// offsets of normalisations. The loss is the Kullback-Leibler divergence where
// the model gives scores of classes, and the squared relative error elsewhere.
package distil

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/grad"
	"github.com/kcompress/kcompress/runtime/pool"
)

// Options say how to train. Zero values stand for the defaults named.
type Options struct {
	// Steps is the number of optimiser steps (500); fewer are taken if TimeLimit
	// would be exceeded. With a limit the result depends on the machine's speed.
	Steps     int
	TimeLimit time.Duration
	// BatchSize is the number of samples of a step (128) where the inputs can be
	// cut into samples; else a step takes a batch as it is in the data.
	BatchSize int
	// Rate is the peak rate of Adam for the factors; biases and normalisations
	// have half of it. 0 finds it: short runs at several rates, which count as
	// steps, and of which the best is gone on from.
	Rate float64
	// Int8Aware runs the last third of the steps with factors rounded as an
	// int8 file stores them, and measures them so.
	Int8Aware bool
	// MemoryBytes bounds the values of the student that a step keeps for its
	// derivatives; batches that need more are cut. 0 is the runtime's limit.
	MemoryBytes int
	// NoMixup turns the mixing of samples off.
	NoMixup bool
	// EvaluateEvery is the number of steps between measurements on the data
	// held back (a tenth of the steps).
	EvaluateEvery int
	// Checkpoint is a folder that the state is saved to at each measurement. If
	// the state of this run is there, it goes on from it, to the same result; it
	// stays when the run is done. Empty is none.
	Checkpoint string
	Seed       uint64
	Threads    int
	// Progress is told the loss of each step; it may be nil.
	Progress func(step, steps int, loss float64)
}

// Result is a trained student.
type Result struct {
	// Model is the student with the values that did best on the data held back:
	// never worse than those it came with.
	Model *onnx.Model
	// Values holds the trained initializers by name.
	Values map[string]*onnx.Tensor
	// Before and After are the losses on the data held back.
	Before, After float64
	Steps         int
	Seconds       float64
	// Notes say in plain words what could not be trained, and why.
	Notes []string
}

// ErrNothingToTrain is returned if the student has no chains or biases that can
// be trained.
var ErrNothingToTrain = errors.New("the model holds nothing that can be trained")

func (o *Options) setDefaults() {
	if o.Steps <= 0 {
		o.Steps = 500
	}
	if o.BatchSize <= 0 {
		o.BatchSize = 128
	}
}

func (o *Options) runtime() []runtime.Option {
	return []runtime.Option{runtime.WithThreads(o.Threads), runtime.WithMaxRunBytes(o.MemoryBytes)}
}

// Run trains the student, whose chains are stored as float32, on the data and
// chooses by what is held back. Neither model is changed. For one seed and no
// time limit the result is the same, bit for bit, on any number of threads.
func Run(ctx context.Context, teacher, student *onnx.Model, data, held *calibrate.Data, o Options) (*Result, error) {
	o.setDefaults()
	t, err := newTrainer(ctx, teacher, student, data, held, o)
	if err != nil {
		return nil, err
	}
	defer t.close()
	return t.run(ctx)
}

// trainer is the state of one run.
type trainer struct {
	options    Options
	key        string
	student    *onnx.Model
	teacher    *runtime.Session
	graph      *grad.Graph
	pool       *pool.Pool
	losses     []outputLoss
	batches    *batches
	held       []example
	parameters []*parameter
	// most is the number of samples that fit into memory at once, 0 if none was
	// found too many.
	most int
	// steps is the number of steps to take, of which done are done, drawn batches
	// drawn for them, and the first probed used to find the rate.
	steps, done, drawn, probed int
	rate                       float64
	started, firstStep         time.Time
	diverged                   bool
	notes                      []string
}

// example is a batch of inputs with the teacher's outputs.
type example struct{ inputs, targets map[string]*onnx.Tensor }

func newTrainer(ctx context.Context, teacher, student *onnx.Model, data, held *calibrate.Data, o Options) (*trainer, error) {
	t := &trainer{options: o, student: student, steps: o.Steps, started: time.Now(), pool: pool.New(o.Threads)}
	var err error
	if t.key, err = runKey(student, data, held, o); err != nil {
		t.close()
		return nil, err
	}
	ok := false
	defer func() {
		if !ok {
			t.close()
		}
	}()
	if t.teacher, err = runtime.New(teacher, runtime.WithThreads(o.Threads)); err != nil {
		return nil, err
	}
	if err := t.findParameters(); err != nil {
		return nil, err
	}
	inputs := t.teacher.Inputs()
	if t.batches, err = newBatches(data, inputs, o); err != nil {
		return nil, err
	}
	t.losses = newLosses(teacher.Graph, inputs)
	for _, batch := range held.Limit(maxHeld).Batches {
		e := example{inputs: calibrate.Inputs(batch, inputs)}
		if e.targets, err = t.teacher.Run(ctx, e.inputs); err != nil {
			return nil, err
		}
		t.held = append(t.held, e)
	}
	if len(t.held) == 0 {
		return nil, errors.New("no samples are held back to measure with")
	}
	ok = true
	return t, nil
}

// maxHeld bounds the samples that are measured on: the teacher's outputs for
// them stay in memory.
const maxHeld = 512

// findParameters makes the graph of what can be trained.
func (t *trainer) findParameters() error {
	found := trainable(t.student)
	names := make([]string, len(found))
	for i, p := range found {
		names[i] = p.name
	}
	var err error
	if t.graph, err = grad.New(t.student, names, t.options.runtime()...); err != nil {
		return err
	}
	kept := map[string]bool{}
	for _, name := range t.graph.Parameters() {
		kept[name] = true
	}
	for _, p := range found {
		if kept[p.name] {
			t.parameters = append(t.parameters, p)
		}
	}
	for _, b := range t.graph.Blocked() {
		t.notes = append(t.notes, fmt.Sprintf("node %v has no derivative: what lies before it is not trained", b))
	}
	if len(t.parameters) == 0 {
		return ErrNothingToTrain
	}
	return nil
}

func (t *trainer) close() {
	if t.teacher != nil {
		t.teacher.Close()
	}
	if t.graph != nil {
		t.graph.Close()
	}
	t.pool.Close()
}

func (t *trainer) run(ctx context.Context) (*Result, error) {
	l, resumed, err := t.resume()
	if err != nil {
		return nil, err
	}
	t.firstStep = time.Now()
	if !resumed {
		if l, err = t.begin(ctx); err != nil {
			return nil, err
		}
	}
	for first := t.probed; t.done < t.steps; {
		if err := t.step(ctx, t.done-first, t.steps-first); err != nil {
			return nil, err
		}
		if t.diverged {
			t.notes = append(t.notes, fmt.Sprintf("training diverged at step %d", t.done))
			break
		}
		if (t.done-first)%t.evaluateEvery() != 0 && t.done < t.steps {
			continue
		}
		now, err := t.measure(ctx)
		if err != nil {
			return nil, err
		}
		l.update(now, t)
		if err := t.save(l); err != nil {
			return nil, err
		}
	}
	r := &Result{Before: l.before, After: l.after, Steps: t.done, Values: l.best, Seconds: time.Since(t.started).Seconds(), Notes: t.notes}
	r.Model = withValues(t.student, l.best)
	return r, nil
}

// progress is the loss on the data held back, with the values that did best.
type progress struct {
	before, after float64
	best          map[string]*onnx.Tensor
}

// update keeps the present values if they do better than the best so far.
func (l *progress) update(now float64, t *trainer) {
	if now < l.after {
		l.after, l.best = now, t.snapshot()
	}
}

// evaluateEvery is the number of steps between measurements.
func (t *trainer) evaluateEvery() int {
	if n := t.options.EvaluateEvery; n > 0 {
		return n
	}
	return max(1, (t.steps-t.probed+9)/10)
}

// begin measures the student as it came and finds the rate.
func (t *trainer) begin(ctx context.Context) (*progress, error) {
	before, err := t.measure(ctx)
	if err != nil {
		return nil, err
	}
	l := &progress{before: before, after: before, best: t.snapshot()}
	if t.rate = t.options.Rate; t.rate > 0 {
		return l, nil
	}
	if err := t.findRate(ctx, l); err != nil {
		return nil, err
	}
	return l, t.save(l)
}

const (
	// timedSteps is after how many steps their time is known well enough.
	timedSteps = 4
	// forSteps is the share of the time left that is planned for steps, the rest
	// being for measurements.
	forSteps = 0.85
)

// limitSteps plans fewer steps if the time would not do.
func (t *trainer) limitSteps() {
	if t.options.TimeLimit <= 0 || t.done < timedSteps {
		return
	}
	left := t.options.TimeLimit - time.Since(t.started)
	if t.done == timedSteps {
		each := time.Since(t.firstStep) / timedSteps
		t.steps = min(t.steps, t.done+max(0, int(forSteps*float64(left)/float64(max(each, 1)))))
	} else if left < 0 {
		t.steps = t.done
	}
}
