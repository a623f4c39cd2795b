package fit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kcompress/kcompress/fit/discover"
	"github.com/kcompress/kcompress/fit/recognise"
	"github.com/kcompress/kcompress/fit/report"
	"github.com/kcompress/kcompress/fit/shuffle"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/compact"
)

// recognise folds channel shuffles into the weights beside them, and puts chains in
// the place of weights that hold exact structure, where that makes the model smaller
// and faster. Nothing is lost by it, so that it comes before the layers are found
// that the fit has to weigh.
func (p *pipeline) recognise() error {
	p.session = p.teacher
	if p.options.Method != Auto {
		return nil // the user wants one kind of chains, or none
	}
	p.tell(Event{Stage: "recognise"})
	unshuffled, folded := shuffle.Model(p.model, p.teacher.Type)
	p.report.Shuffles = len(folded)
	model, found, err := recognise.Model(unshuffled, recognise.Options{Weights: p.options.Weights, Type: p.teacher.Type, Keep: p.keepsDense})
	if err != nil {
		return err
	}
	p.notReplaced = map[string]string{}
	for _, f := range found {
		for _, name := range f.Nodes {
			if f.Kept != "" {
				p.notReplaced[name] = fmt.Sprintf("; its weight is %s, but %s", f.Kind, f.Kept)
			}
		}
	}
	if model == p.model {
		return nil
	}
	session, err := runtime.New(model, runtime.WithThreads(p.options.Threads))
	if err != nil {
		return fmt.Errorf("%w: the model with recognised weights does not load: %w", ErrUnverified, err)
	}
	p.model, p.session = model, session
	for _, f := range found {
		if f.Kept == "" {
			p.exact = append(p.exact, f)
		}
	}
	return nil
}

// keepsDense reports whether the user left a layer out, or gave it a design.
func (p *pipeline) keepsDense(name string) bool {
	return !p.selected(name) || slices.ContainsFunc(p.options.Forced, func(f Forced) bool { return f.Layer.MatchString(name) })
}

// isExact reports whether a layer is the chain of a recognised weight.
func (p *pipeline) isExact(l *discover.Layer) bool {
	return slices.ContainsFunc(p.exact, func(f recognise.Found) bool { return slices.Contains(f.Nodes, l.Name) })
}

// exactParameters is the size of recognised weights, and of the chains in their
// place.
func (p *pipeline) exactParameters() (before, after int) {
	for _, f := range p.exact {
		before += f.Out * f.In
		after += f.Chain.Design().Values()
	}
	return before, after
}

// exactRows are the rows of the report for recognised weights.
func (p *pipeline) exactRows() []report.Layer {
	var rows []report.Layer
	for _, f := range p.exact {
		d := f.Chain.Design()
		row := report.Layer{
			Name: f.Nodes[0], Op: f.Op, Shape: []int{f.Out, f.In}, Method: "exact", Design: d.String(),
			ParamsBefore: f.Out * f.In, ParamsAfter: d.Values(), BytesBefore: f.Bytes, BytesAfter: f.ChainBytes(),
			FlopsBefore: 2 * f.Out * f.In, FlopsAfter: d.Flops(), Error: f.Error, Decision: "replaced", Reason: "lossless: " + f.Kind,
		}
		for _, other := range f.Nodes[1:] {
			row.Reason += ", with " + other
		}
		// The time of a product does not depend on the numbers in it.
		l := &discover.Layer{In: f.In, Out: f.Out, Weight: make([]float32, f.In*f.Out)}
		row.MicrosBefore, row.MicrosAfter = p.layerTimes(l, f.Chain)
		rows = append(rows, row)
	}
	return rows
}

// withExact returns a session of the model in which recognised weights are chains
// too, if some of the chains are, and how many weights that were.
func withExact(s *runtime.Session, chains map[string]fittedChain, weights compact.Weights) (*runtime.Session, int, error) {
	model, replaced := s.Model(), 0
	for source := range chains {
		if !strings.HasSuffix(source, compact.Recognised) {
			continue
		}
		m, found, err := recognise.Model(s.Model(), recognise.Options{Weights: weights, Type: s.Type})
		if err != nil {
			return nil, 0, err
		}
		for _, f := range found {
			if f.Kept == "" {
				replaced++
			}
		}
		model = m
		break
	}
	layered, err := runtime.New(model, runtime.WithThreads(1))
	return layered, replaced, err
}
