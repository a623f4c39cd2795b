package fit

import (
	"context"
	"time"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/fit/choose"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/compact"
)

// chooseTime selects for a median time of one sample. The times of single layers
// say where time can be saved, and the time of the whole model, measured again
// for each selection, how much of it has to be.
func (p *pipeline) chooseTime(ctx context.Context) error {
	p.timeCandidates()
	sample, err := p.sample()
	if err != nil {
		return err
	}
	path := choose.Path(p.ladders, choose.ByTime)
	dense := choose.Total(p.ladders, path[0], choose.ByTime)
	const rounds = 6
	wanted, best := p.options.Latency, time.Duration(0)
	before, _, err := medianTimes(ctx, p.teacher, p.teacher, sample)
	if err != nil {
		return err
	}
	budget := dense - int((milliseconds(before) - wanted).Nanoseconds())
	p.goalMet = false
	for range rounds {
		s, possible := choose.UnderBudget(p.ladders, path, choose.ByTime, budget)
		s = p.keepForced(s)
		took, err := p.timeOf(ctx, s, sample)
		if err != nil {
			return err
		}
		p.tell(Event{Stage: "choose", Error: took.Seconds()})
		if took <= wanted && took > best { // the slowest that is fast enough
			p.selection, best, p.goalMet = s, took, true
		}
		if p.selection == nil || !possible && !p.goalMet {
			p.selection = s
		}
		if !possible && took > wanted {
			break
		}
		budget += int((wanted - took).Nanoseconds())
	}
	return nil
}

func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// timeCandidates measures all candidates, on one thread.
func (p *pipeline) timeCandidates() {
	for i, l := range p.layers {
		candidates := p.ladders[i].Candidates
		for j := range candidates {
			_, after := p.layerTimes(l, candidates[j].Chain)
			candidates[j].Nanoseconds = int(1000 * after)
		}
	}
}

// sample returns one sample to measure time on.
func (p *pipeline) sample() (map[string]*onnx.Tensor, error) {
	inputs := p.teacher.Inputs()
	if p.heldData != nil {
		return calibrate.FirstSample(calibrate.Inputs(p.heldData.Batches[0], inputs), inputs), nil
	}
	random, err := calibrate.Random(inputs, 1, 1, p.options.Seed)
	if err != nil {
		return nil, err
	}
	return random.Batches[0], nil
}

// timeOf returns the median time of the model with the selected candidates.
func (p *pipeline) timeOf(ctx context.Context, selection []int, sample map[string]*onnx.Tensor) (time.Duration, error) {
	m, err := p.assemble(selection, compact.FP32)
	if err != nil {
		return 0, err
	}
	s, err := runtime.New(m, runtime.WithThreads(p.options.Threads))
	if err != nil {
		return 0, err
	}
	defer s.Close()
	after, _, err := medianTimes(ctx, s, s, sample)
	return milliseconds(after), err
}
