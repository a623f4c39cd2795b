package fit

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/fit/choose"
	"github.com/kcompress/kcompress/fit/measure"
	"github.com/kcompress/kcompress/fit/write"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/compact"
)

// maxProbed bounds the samples on which the sensitivity of layers is measured.
const maxProbed = 128

// weigh measures how much the outputs of the model change when one layer alone
// is replaced by a middling candidate: its sensitivity.
func (p *pipeline) weigh(ctx context.Context) error {
	if p.chooseData == nil || p.options.Method == Kaleidoscope || len(p.ladders) < 2 {
		return nil
	}
	data := p.chooseData.Limit(maxProbed)
	teacher, err := measure.Run(ctx, p.teacher, data)
	if err != nil {
		return err
	}
	for i := range p.ladders {
		ladder := &p.ladders[i]
		if len(ladder.Candidates) < 2 {
			continue
		}
		selection := make([]int, len(p.ladders))
		selection[i] = len(ladder.Candidates) / 2
		d, err := p.distance(ctx, selection, data, teacher)
		if errors.Is(err, measure.ErrNothingToCompare) {
			return nil // layers count by their own errors alone
		}
		if err != nil {
			return err
		}
		e := ladder.Candidates[selection[i]].Error
		ladder.Sensitivity = max(d.Loss(), 1e-12) / max(e*e, 1e-12)
		p.tell(Event{Stage: "weigh", Layer: ladder.Name, Done: i + 1, Total: len(p.ladders)})
	}
	return nil
}

// distance runs the model with the selected candidates and compares its outputs
// with the teacher's.
func (p *pipeline) distance(ctx context.Context, selection []int, data *calibrate.Data, teacher measure.Outputs) (measure.Distance, error) {
	return p.distanceAs(ctx, selection, compact.FP32, data, teacher)
}

// distanceAs does it with weights in the form in which they are stored.
func (p *pipeline) distanceAs(ctx context.Context, selection []int, weights compact.Weights, data *calibrate.Data, teacher measure.Outputs) (measure.Distance, error) {
	m, err := p.assemble(selection, weights)
	if err != nil {
		return measure.Distance{}, err
	}
	s, err := runtime.New(m, runtime.WithThreads(p.options.Threads))
	if err != nil {
		return measure.Distance{}, err
	}
	defer s.Close()
	outputs, err := measure.Run(ctx, s, data)
	if err != nil {
		return measure.Distance{}, err
	}
	return measure.Compare(p.model.Graph, teacher, outputs)
}

// assemble makes the model with the selected candidates.
func (p *pipeline) assemble(selection []int, weights compact.Weights) (*onnx.Model, error) {
	var chains []write.Replacement
	for i, l := range p.layers {
		if c := p.ladders[i].Candidates[selection[i]]; c.Chain != nil {
			chains = append(chains, write.Replacement{Layer: l, Chain: c.Chain, Error: c.Error})
		}
	}
	m := p.model
	if p.trained != nil {
		m = p.trained
	}
	return write.Model(m, p.found, chains, write.Options{Weights: weights, Exact: p.excluded, Producer: p.options.Producer, Trained: p.trainedFrom})
}

// choose selects one candidate for each layer, so that the goal is met.
func (p *pipeline) choose(ctx context.Context) error {
	p.tell(Event{Stage: "choose"})
	switch o := &p.options; {
	case o.Ratio > 0:
		return p.chooseBudget(choose.ByParameters, p.parameterBudget())
	case o.Size > 0:
		return p.chooseSize()
	case o.Latency > 0:
		return p.chooseTime(ctx)
	case o.Method == Kaleidoscope || p.chooseData == nil && o.MaxLoss == 0:
		p.selection = p.lastCandidates()
		return nil
	case p.chooseData == nil:
		return fmt.Errorf("a bound on the loss needs calibration data: give --data, or use --ratio or --size")
	}
	return p.chooseByLoss(ctx)
}

// lastCandidates selects the last candidate everywhere: a chain where there is
// one.
func (p *pipeline) lastCandidates() []int {
	selection := make([]int, len(p.ladders))
	for i, l := range p.ladders {
		selection[i] = len(l.Candidates) - 1
	}
	return p.keepForced(selection)
}

// keepForced selects the design that the user named, where there is one.
func (p *pipeline) keepForced(selection []int) []int {
	for i, l := range p.layers {
		if f := p.forcedFor(l); f != nil {
			selection[i] = len(p.ladders[i].Candidates) - 1
		}
	}
	return selection
}

// parameterBudget is what --ratio leaves for the layers that were fitted.
// Excluded and recognised layers count: they are dense layers of the model too.
func (p *pipeline) parameterBudget() int {
	before, after := p.exactParameters()
	total := p.found.DenseParameters() + before
	budget := int(float64(total)/p.options.Ratio) - after
	for _, l := range p.found.Layers {
		if l.Skip == "" && p.excluded[l.Name] {
			budget -= l.Parameters
		}
	}
	return budget
}

// byteBudget estimates what --size leaves for the layers that were fitted: the
// bytes of the file without them come off.
func (p *pipeline) byteBudget() (int, error) {
	dense := make([]int, len(p.ladders))
	size, err := p.sizeOf(dense)
	if err != nil {
		return 0, err
	}
	rest := size - int64(choose.Total(p.ladders, dense, choose.ByBytes))
	const nodeBytes = 1500 // about what a chain's node and function add
	return int(p.options.Size - rest - int64(nodeBytes*len(p.ladders))), nil
}

// sizeOf returns the bytes of the file with the selected candidates.
func (p *pipeline) sizeOf(selection []int) (int64, error) {
	m, err := p.assemble(selection, p.options.Weights)
	if err != nil {
		return 0, err
	}
	size, err := encodedSize(m)
	return size + p.trainedBytes(), err
}

// trainedBytes bounds what the metadata on distilled constants will take.
func (p *pipeline) trainedBytes() int64 {
	if p.options.Distil == 0 || p.options.Data == nil {
		return 0
	}
	n := 0
	for _, t := range p.model.Graph.Initializers {
		if t.Type == onnx.Float32 && t.Rank() == 1 && t.Len() > 1 {
			n += len(compact.FormatTrained(&onnx.Model{Graph: &onnx.Graph{Initializers: []*onnx.Tensor{t}}}, map[string]string{t.Name: compact.TensorFingerprint(t)}))
			n += len(".fp16")
		}
	}
	return int64(n)
}

// chooseSize selects for a file of at most Options.Size bytes. What a chain adds
// to a file is only known when it is written, so the budget is corrected by the
// sizes of files until hardly a byte is left over.
func (p *pipeline) chooseSize() error {
	budget, err := p.byteBudget()
	if err != nil {
		return err
	}
	path := choose.Path(p.ladders, choose.ByBytes)
	const rounds = 8
	largest := int64(-1)
	for range rounds {
		s, _ := choose.UnderBudget(p.ladders, path, choose.ByBytes, budget)
		s = p.keepForced(s)
		size, err := p.sizeOf(s)
		if err != nil {
			return err
		}
		left := p.options.Size - size
		if left >= 0 && size > largest {
			p.selection, largest = s, size
		} else if largest < 0 {
			p.selection = s
		}
		if left >= 0 && left < p.options.Size/1000 {
			break
		}
		budget += int(left)
	}
	p.goalMet = largest >= 0
	return nil
}

func (p *pipeline) chooseBudget(by choose.Cost, budget int) error {
	s, ok := choose.UnderBudget(p.ladders, choose.Path(p.ladders, by), by, budget)
	p.selection, p.goalMet = p.keepForced(s), ok
	return nil
}

// chooseByLoss finds the smallest model on the path whose measured loss is
// within the bound, by bisection.
func (p *pipeline) chooseByLoss(ctx context.Context) error {
	teacher, err := measure.Run(ctx, p.teacher, p.chooseData)
	if err != nil {
		return err
	}
	path := choose.Path(p.ladders, choose.ByBytes)
	within := 0 // path[0] keeps everything dense
	low, high := 1, len(path)-1
	for low <= high {
		at := (low + high) / 2
		d, err := p.distance(ctx, p.keepForced(append([]int(nil), path[at]...)), p.chooseData, teacher)
		if errors.Is(err, measure.ErrNothingToCompare) {
			p.warn("no layer is replaced, since the loss can not be measured: %v. Use --ratio or --size", err)
			break
		}
		if err != nil {
			return err
		}
		if p.acceptable(d) {
			within, low = at, at+1
		} else {
			high = at - 1
		}
		p.tell(Event{Stage: "choose", Done: at, Total: len(path) - 1, Error: d.RelativeError})
	}
	p.selection = p.keepForced(path[within])
	return nil
}

// acceptable compares a distance with the bound on the loss, see relaxed.
func (p *pipeline) acceptable(d measure.Distance) bool {
	bound := p.options.MaxLoss * p.relaxed()
	if d.Scores {
		if bound == 0 {
			bound = DefaultMaxDisagreement
		}
		return d.Disagreement <= bound
	}
	if bound == 0 {
		bound = DefaultMaxError
	}
	return d.RelativeError <= bound && !math.IsNaN(d.RelativeError)
}
