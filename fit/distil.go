package fit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kcompress/kcompress/fit/distil"
	"github.com/kcompress/kcompress/fit/report"
	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// DistilAuto as the number of steps leaves that number to the fitter.
const DistilAuto = -1

// autoDistilSteps is what DistilAuto means.
const autoDistilSteps = 600

// timeToFinish is left for the stages after distillation.
const timeToFinish = 5 * time.Second

// distil trains the selected chains, biases and normalisations end to end, so
// that the model's outputs, not its layers, come near the original's.
func (p *pipeline) distil(ctx context.Context) error {
	steps := p.options.Distil
	if steps == DistilAuto {
		steps = autoDistilSteps
	}
	if steps == 0 || !p.hasChains() {
		return nil
	}
	if p.trainData == nil && p.options.Distil == DistilAuto {
		return nil
	}
	if p.trainData == nil {
		p.warn("distillation needs calibration data: it was left out")
		return nil
	}
	var limit time.Duration
	if p.options.Time > 0 {
		if limit = p.options.Time - time.Since(p.started) - timeToFinish; limit <= 0 {
			p.warn("no time was left for distillation")
			return nil
		}
	}
	if p.relaxes() {
		limit /= time.Duration(len(relaxations) - p.tried)
	}
	student, err := p.assemble(p.selection, compact.FP32)
	if err != nil {
		return err
	}
	r, err := distil.Run(ctx, p.model, student, p.trainData, p.chooseData, distil.Options{
		Steps: steps, TimeLimit: limit, Checkpoint: p.options.Checkpoint, MemoryBytes: p.options.MemoryBytes, Seed: p.options.Seed, Threads: p.options.Threads, Int8Aware: p.options.Weights == compact.INT8,
		Progress: func(step, steps int, loss float64) {
			p.tell(Event{Stage: "distil", Done: step, Total: steps, Error: loss})
		},
	})
	if errors.Is(err, distil.ErrNothingToTrain) { // pairs of Conv take the place of all layers, and there are no biases
		p.warn("distillation was left out: %v", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("distillation: %w", err)
	}
	for _, note := range r.Notes {
		p.warn("distillation: %s", note)
	}
	p.report.Distilled = &report.Distillation{LossBefore: r.Before, LossAfter: r.After, Steps: r.Steps, Seconds: r.Seconds}
	p.trained, p.trainedFrom = withTrained(p.model, student, r.Values)
	return p.adoptChains(r.Model)
}

func (p *pipeline) hasChains() bool {
	for i, ladder := range p.ladders {
		if ladder.Candidates[p.selection[i]].Chain != nil {
			return true
		}
	}
	return false
}

// adoptChains makes the chains of the student those of the selected candidates.
func (p *pipeline) adoptChains(student *onnx.Model) error {
	constants := map[string]*onnx.Tensor{}
	for _, t := range student.Graph.Initializers {
		constants[t.Name] = t
	}
	chains := map[string]*butterfly.Chain{}
	for _, n := range student.Graph.Nodes {
		if !compact.IsChain(n) {
			continue
		}
		node, err := compact.ReadNode(n)
		if err != nil {
			return err
		}
		var stored []*onnx.Tensor
		for _, name := range n.Inputs[1:] {
			stored = append(stored, constants[name])
		}
		if chains[node.Source], err = compact.ReadChain(n, stored); err != nil {
			return err
		}
	}
	for i, l := range p.layers {
		candidate := &p.ladders[i].Candidates[p.selection[i]]
		if candidate.Chain == nil {
			continue
		}
		if chain := chains[l.Fingerprint]; chain != nil {
			candidate.Chain = chain
		}
		if part := chains[l.Fingerprint+compact.PartOfChain]; part != nil {
			candidate.Chain = withPart(candidate.Chain, part)
		}
	}
	return nil
}

// withPart returns a chain with the factors that a node of the file holds in place
// of its own: the first ones or the last ones, as the designs tell.
func withPart(c, part *butterfly.Chain) *butterfly.Chain {
	c = c.Clone()
	factors := c.Factors[:len(part.Factors)]
	if part.In != c.In || factors[0].Pattern != part.Factors[0].Pattern {
		factors = c.Factors[len(c.Factors)-len(part.Factors):]
	}
	copy(factors, part.Factors)
	return c
}

// withTrained returns m with other values of the initializers that were
// trained, over the same nodes, and the fingerprints of what these were. The
// student stores equal initializers once: those that it lacks get the values of
// their equal.
func withTrained(m, student *onnx.Model, values map[string]*onnx.Tensor) (*onnx.Model, map[string]string) {
	trained := map[string]*onnx.Tensor{} // by the original's fingerprint
	for name, v := range values {
		if t := m.Graph.Initializer(name); t != nil && student.Graph.Initializer(name) != nil {
			trained[compact.TensorFingerprint(t)] = v
		}
	}
	return withConstants(m, trained)
}

// withConstants returns m with other values of the initializers whose
// fingerprints are given, over the same nodes, and these fingerprints by name.
func withConstants(m *onnx.Model, values map[string]*onnx.Tensor) (*onnx.Model, map[string]string) {
	c, g := *m, *m.Graph
	changed := map[string]string{}
	g.Initializers = slices.Clone(m.Graph.Initializers)
	for i, t := range g.Initializers {
		if len(values) == 0 || t.Rank() != 1 {
			continue // only vectors are trained
		}
		fingerprint := compact.TensorFingerprint(t)
		if v := values[fingerprint]; v != nil {
			wide, err := v.ConvertTo(t.Type)
			if err != nil {
				continue // not written by us
			}
			copied := wide.Clone()
			copied.Name = t.Name
			g.Initializers[i], changed[t.Name] = copied, fingerprint
		}
	}
	c.Graph = &g
	return &c, changed
}
