// Package fit compresses a model: it finds the dense layers, calibrates, fits
// chains of butterfly factors to them, chooses for each layer what meets the
// goal with the least loss, and makes the compact model.
//
// Run below is the table of contents of the pipeline; each stage is a package
// of its own.
package fit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/fit/choose"
	"github.com/kcompress/kcompress/fit/discover"
	"github.com/kcompress/kcompress/fit/recognise"
	"github.com/kcompress/kcompress/fit/report"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/pool"
)

// ErrNothingToDo is returned if a model has no weights that could be replaced
// or rounded.
var ErrNothingToDo = errors.New("the model has no dense layers, convolutions or embeddings to compress")

// ErrUnverified is wrapped if the compact model does not load, or its outputs
// are no numbers. Nothing is returned then.
var ErrUnverified = errors.New("verification failed")

// Result is a compressed model and what is to be said about it.
type Result struct {
	Model  *onnx.Model
	Report *report.Report
}

// Run compresses the model m, which is not changed. For one seed the result is
// the same, bit for bit, on any number of threads of CPUs of one level.
func Run(ctx context.Context, m *onnx.Model, o Options) (*Result, error) {
	p, err := begin(m, o)
	if err != nil {
		return nil, err
	}
	defer p.close()
	if err := p.recognise(); err != nil {
		return nil, err
	}
	if err := p.discover(); err != nil {
		return nil, err
	}
	if err := p.calibrate(ctx); err != nil {
		return nil, err
	}
	if err := p.factorise(ctx); err != nil {
		return nil, err
	}
	if err := p.weigh(ctx); err != nil {
		return nil, err
	}
	if err := p.chooseAndDistil(ctx); err != nil {
		return nil, err
	}
	if err := p.write(); err != nil {
		return nil, err
	}
	if err := p.verify(ctx); err != nil {
		return nil, err
	}
	return p.result(), nil
}

// pipeline is the state of one fit, filled stage by stage.
type pipeline struct {
	options Options
	given   *onnx.Model
	model   *onnx.Model // the given one as discover.Open has it
	started time.Time
	pool    *pool.Pool
	teacher *runtime.Session

	// tell
	clock        *sync.Mutex
	stage        string
	stageStarted time.Time
	stageFrom    int // the first Done of the stage

	// recognise: from here on model holds the chains of exact structure
	exact       []recognise.Found
	notReplaced map[string]string // why others stay, by the name of the node
	session     *runtime.Session  // of model; the teacher itself if nothing was found

	// discover
	found    *discover.Result
	layers   []*discover.Layer // those that may be replaced
	excluded map[string]bool

	// calibrate
	fitData, chooseData *calibrate.Data // nil if blind
	heldData            *calibrate.Data
	trainData           *calibrate.Data // all that may be fitted on
	moments             map[string]*calibrate.Moment

	// factorise, weigh, choose
	ladders   []choose.Ladder
	selection []int
	goalMet   bool

	tried   int  // choices that were distilled
	decided bool // there will be no other

	// distil
	trained     *onnx.Model       // the model with other biases; nil if not distilled
	trainedFrom map[string]string // fingerprints of what they were, by name

	// write, verify
	student *onnx.Model
	report  report.Report
}

func begin(m *onnx.Model, o Options) (*pipeline, error) {
	o.setDefaults()
	p := &pipeline{options: o, given: m, started: time.Now(), goalMet: true, clock: new(sync.Mutex)}
	p.report.Warnings, p.report.Layers = []string{}, []report.Layer{}
	var err error
	if p.teacher, err = discover.Open(m, runtime.WithThreads(o.Threads)); err != nil {
		return nil, err
	}
	p.model = p.teacher.Model()
	p.pool = pool.New(o.Threads)
	return p, nil
}

func (p *pipeline) close() {
	if p.session != nil && p.session != p.teacher {
		p.session.Close()
	}
	p.teacher.Close()
	p.pool.Close()
}

// tell passes progress on, with the time that the stage has left if that is not
// known better than from the time that it took so far.
func (p *pipeline) tell(e Event) {
	if p.options.Progress == nil {
		return
	}
	p.clock.Lock()
	if e.Stage != p.stage {
		p.stage, p.stageStarted, p.stageFrom = e.Stage, time.Now(), e.Done
	}
	if done := e.Done - p.stageFrom; e.Left == 0 && done > 0 && e.Total > e.Done {
		e.Left = time.Since(p.stageStarted) / time.Duration(done) * time.Duration(e.Total-e.Done)
	}
	p.clock.Unlock()
	p.options.Progress(e)
}

func (p *pipeline) warn(format string, args ...any) {
	p.report.Warnings = append(p.report.Warnings, fmt.Sprintf(format, args...))
}

// result ends the report.
func (p *pipeline) result() *Result {
	p.report.Schema = report.SchemaVersion
	p.report.Seconds = time.Since(p.started).Seconds()
	p.fillLayers()
	return &Result{Model: p.student, Report: &p.report}
}
