package fit

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/runtime/compact"
)

// Method says which chains a layer may become.
type Method string

// The methods.
const (
	// Auto weighs chains of several radices, low rank and staying dense.
	Auto Method = "auto"
	// Kaleidoscope is the paper's (BB*)^w_e for every layer.
	Kaleidoscope Method = "kaleidoscope"
	// LowRank weighs products of two thin matrices only.
	LowRank Method = "low-rank"
	// Dense replaces nothing: weights are only rounded.
	Dense Method = "dense"
)

// ParseMethod returns the method with that name.
func ParseMethod(name string) (Method, error) {
	switch m := Method(name); m {
	case Auto, Kaleidoscope, LowRank, Dense:
		return m, nil
	}
	return "", fmt.Errorf("unknown method %q: use auto, kaleidoscope, low-rank or dense", name)
}

// Options say what is wanted. The zero value fits blind, with the defaults of
// the command line.
type Options struct {
	Method Method
	// Radix, Width and Expansion are those of Kaleidoscope; 0 means 2, 1, 1.
	Radix, Width, Expansion int
	Weights                 compact.Weights

	// At most one goal is set. Ratio is how many times fewer dense parameters
	// are wanted, Size the bytes of the file, MaxLoss the share of changed
	// decisions where the model gives scores, else the relative error of the
	// outputs, Latency the median time of one sample on this CPU, with Threads.
	// With Latency the result depends on the machine.
	Ratio   float64
	Size    int64
	MaxLoss float64
	Latency time.Duration

	// Include and Exclude select layers by name; a nil Include is all.
	Include, Exclude []*regexp.Regexp
	// Forced gives layers a design of the user's choice.
	Forced []Forced

	// Data are unlabelled inputs to fit on; nil fits blind. Test are inputs to
	// report on, never fitted on; with Label, the array of class numbers.
	Data, Test *calibrate.Data
	Label      string

	Seed    uint64
	Threads int
	// Steps is the number of Adam steps for each chain; 0 means the default.
	Steps int
	// Reconstruct fits the selected chains once more, one after the other, to the
	// inputs that they have in the compressed model.
	Reconstruct bool
	// Distil is the number of steps of end-to-end distillation after the choice;
	// 0 is none, DistilAuto leaves the number to the fitter.
	Distil int
	// Time bounds the whole fit: distillation, the last long stage, takes fewer
	// steps if it would end later. 0 is no bound. The result then depends on the
	// speed of the machine.
	Time time.Duration
	// MemoryBytes bounds the values that a step of distillation keeps: batches
	// that need more are cut. 0 is the runtime's limit.
	MemoryBytes int
	// Checkpoint is a folder that every fitted chain and the state of distillation
	// are saved to, and taken from if they are there; empty is none.
	Checkpoint string
	// Producer is written into the file: program and version.
	Producer string
	// Progress is told what happens; it may be nil.
	Progress func(Event)
}

// Forced is a design for the layers whose name matches.
type Forced struct {
	Layer *regexp.Regexp
	// Keep leaves the layer dense; else Rank, if positive, is a low rank; else
	// Design is taken, whose In and Out must be the layer's.
	Keep   bool
	Rank   int
	Design butterfly.Design
	Text   string
}

// ParseForced reads REGEX=DESIGN, where DESIGN is "dense", "rank:N" or patterns
// such as 1x32x32x32,32x32x32x1.
func ParseForced(text string) (Forced, error) {
	at := strings.LastIndexByte(text, '=')
	if at <= 0 || at == len(text)-1 {
		return Forced{}, fmt.Errorf("%q is not of the form REGEX=DESIGN", text)
	}
	re, err := regexp.Compile(text[:at])
	if err != nil {
		return Forced{}, err
	}
	f := Forced{Layer: re, Text: text[at+1:]}
	if f.Text == "dense" {
		f.Keep = true
		return f, nil
	}
	if rank, ok := strings.CutPrefix(f.Text, "rank:"); ok {
		if f.Rank, err = strconv.Atoi(rank); err != nil || f.Rank < 1 {
			return f, fmt.Errorf("%q: a rank is a number from 1 up", text)
		}
		return f, nil
	}
	if f.Design, err = butterfly.ParseDesign(f.Text); err != nil {
		return f, fmt.Errorf("%q: %w; write dense, rank:N or patterns such as 1x32x32x32,32x32x32x1", text, err)
	}
	return f, nil
}

// Event is one piece of progress.
type Event struct {
	// Stage is recognise, discover, calibrate, factorise, weigh, choose, reconstruct, distil, write or
	// verify.
	Stage string
	// Layer is the layer that was worked on, or empty.
	Layer string
	// Done of Total units of work of the stage are done.
	Done, Total int
	// Error is the relative error of the layer, 0 if there is none to tell.
	Error float64
	// Left is the expected time to the end of the stage, 0 if unknown.
	Left time.Duration
}

// The defaults of goals. Without a goal, a fit on data may change this share of
// decisions, or move outputs by this relative error.
const (
	DefaultMaxDisagreement = 0.01
	DefaultMaxError        = 0.05
	// BlindBound is the largest relative error of a weight that a chain may
	// have when there is no data to tell which errors matter.
	BlindBound = 0.02
)

// MinParameters is the number of weights from which a layer is worth a chain.
const MinParameters = minParameters

func (o *Options) setDefaults() {
	if o.Method == "" {
		o.Method = Auto
	}
	if o.Radix == 0 {
		o.Radix = 2
	}
	if o.Width == 0 {
		o.Width = 1
	}
	if o.Expansion == 0 {
		o.Expansion = 1
	}
	if o.Weights == "" {
		o.Weights = compact.INT8
	}
	if o.Steps == 0 {
		o.Steps = 500
	}
}

// hasGoal reports whether the caller set a goal.
func (o *Options) hasGoal() bool { return o.Ratio > 0 || o.Size > 0 || o.MaxLoss > 0 || o.Latency > 0 }

func (o *Options) describeGoal() string {
	switch {
	case o.Ratio > 0:
		return fmt.Sprintf("%gx fewer dense parameters", o.Ratio)
	case o.Size > 0:
		return fmt.Sprintf("at most %d bytes", o.Size)
	case o.MaxLoss > 0:
		return fmt.Sprintf("at most %g loss", o.MaxLoss)
	case o.Latency > 0:
		return fmt.Sprintf("at most %v for one sample", o.Latency)
	case o.Data == nil:
		return fmt.Sprintf("none given, no data: replace only what is within %g of the weight itself", BlindBound)
	case o.Method == Kaleidoscope:
		return "none given: replace every layer"
	}
	return fmt.Sprintf("none given: at most %g of decisions changed, or %g relative error", DefaultMaxDisagreement, DefaultMaxError)
}
