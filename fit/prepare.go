package fit

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/fit/discover"
	"github.com/kcompress/kcompress/onnx"
)

// discover finds the layers and applies --include, --exclude and --layer.
func (p *pipeline) discover() error {
	p.tell(Event{Stage: "discover"})
	p.found = discover.Find(p.session)
	if len(p.found.Layers) == 0 && len(p.found.Embeddings) == 0 && len(p.exact) == 0 {
		return ErrNothingToDo
	}
	if p.found.Frozen != "" {
		p.warn("%s", p.found.Frozen)
	}
	if err := p.checkNames(); err != nil {
		return err
	}
	p.excluded = map[string]bool{}
	for _, e := range p.found.Embeddings {
		if !p.selected(e.Name) {
			p.excluded[e.Name] = true
		}
	}
	for _, l := range p.found.Layers {
		if !p.selected(l.Name) {
			p.excluded[l.Name] = true
			continue
		}
		if err := p.checkFinite(l); err != nil {
			return err
		}
		if l.Skip == "" && l.In > maxWidth {
			l.Skip = fmt.Sprintf("it has %d inputs: the fit would take too much memory for more than %d", l.In, maxWidth)
		}
		if l.Skip == "" && p.options.Method != Dense {
			p.layers = append(p.layers, l)
		}
	}
	return nil
}

// maxWidth bounds the inputs of a layer that is fitted, which takes matrices of
// the square of them.
const maxWidth = 16384

// checkFinite refuses weights that no chain can come near and no rounding can
// keep.
func (p *pipeline) checkFinite(l *discover.Layer) error {
	for _, name := range l.Stored {
		t := p.session.Constant(name)
		if t == nil || !t.Type.IsFloat() {
			continue
		}
		if bad := t.NonFinite(); bad > 0 {
			return &onnx.Error{File: p.model.Path, Node: l.Name, Op: l.Op, Value: name, Err: onnx.ErrInvalid,
				Reason: fmt.Sprintf("%d of its weights are NaN or infinite", bad),
				Remedy: "export a sound checkpoint, or leave the layer as it is with --exclude"}
		}
	}
	return nil
}

func (p *pipeline) selected(name string) bool {
	return (p.options.Include == nil || matches(p.options.Include, name)) && !matches(p.options.Exclude, name)
}

func matches(patterns []*regexp.Regexp, name string) bool {
	for _, re := range patterns {
		if re.MatchString(name) {
			return true
		}
	}
	return false
}

// checkNames makes sure that every pattern given by the user matches a layer,
// and every design fits one.
func (p *pipeline) checkNames() error {
	var names []string
	for _, l := range p.found.Layers {
		names = append(names, l.Name)
	}
	for _, f := range p.options.Forced {
		if !matchesAny(f.Layer, names) {
			return &UnknownLayerError{Pattern: f.Layer.String(), Nearest: nearest(f.Layer.String(), names)}
		}
		if err := f.check(p.found.Layers); err != nil {
			return err
		}
	}
	for _, e := range p.found.Embeddings {
		names = append(names, e.Name)
	}
	for _, f := range p.exact {
		names = append(names, f.Nodes...)
	}
	for _, re := range slices.Concat(p.options.Include, p.options.Exclude) {
		if !matchesAny(re, names) {
			return &UnknownLayerError{Pattern: re.String(), Nearest: nearest(re.String(), names)}
		}
	}
	return nil
}

func matchesAny(re *regexp.Regexp, names []string) bool {
	return slices.ContainsFunc(names, re.MatchString)
}

// check reports whether the layers whose name matches can have the design.
// Those that can not be replaced at all are passed over, unless there are no
// others.
func (f *Forced) check(layers []*discover.Layer) error {
	var skipped *discover.Layer
	fits := false
	for _, l := range layers {
		switch {
		case f.Keep || !f.Layer.MatchString(l.Name):
		case l.Skip != "":
			skipped = l
		case f.Rank == 0 && (f.Design.In != l.In || f.Design.Out != l.Out):
			return &DesignError{Layer: l.Name, Design: f.Text, Reason: fmt.Sprintf("it is for %d -> %d features, the layer has %d -> %d", f.Design.In, f.Design.Out, l.In, l.Out)}
		default:
			fits = true
		}
	}
	if skipped != nil && !fits {
		return &DesignError{Layer: skipped.Name, Design: f.Text, Reason: "the layer can not be replaced: " + skipped.Skip}
	}
	return nil
}

// DesignError says that a layer can not have the design that the user wants.
type DesignError struct{ Layer, Design, Reason string }

func (e *DesignError) Error() string {
	return fmt.Sprintf("layer %s can not become %s: %s", e.Layer, e.Design, e.Reason)
}

// UnknownLayerError says that a pattern matches no layer.
type UnknownLayerError struct {
	Pattern string
	Nearest []string
}

func (e *UnknownLayerError) Error() string {
	if len(e.Nearest) == 0 {
		return fmt.Sprintf("%q matches no dense layer: the model has none", e.Pattern)
	}
	return fmt.Sprintf("%q matches no dense layer; the nearest are %s", e.Pattern, strings.Join(e.Nearest, ", "))
}

// nearest returns up to three names, the most similar first.
func nearest(pattern string, names []string) []string {
	names = append([]string(nil), names...)
	sort.SliceStable(names, func(i, j int) bool {
		return editDistance(pattern, names[i]) < editDistance(pattern, names[j])
	})
	return names[:min(3, len(names))]
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// Shares of the calibration batches that are held back: to choose on, and to
// report on.
const heldShare = 0.1

// maxCalibrationBatches bounds the batches that moments are taken from.
const maxCalibrationBatches = 160

// maxMeasured bounds the samples that outputs are compared on.
const maxMeasured = 1024

// calibrate takes the second moments of the layers' inputs.
func (p *pipeline) calibrate(ctx context.Context) error {
	if p.options.Data == nil {
		p.report.Blind = true
		p.warn("no calibration data was given, so the fit is blind: nobody can tell which errors matter. Only weights that a chain gives back within %g are replaced; everything else is kept and stored as %s. Give unlabelled inputs with --data to get a much smaller model", BlindBound, p.options.Weights)
		return nil
	}
	rest, held := p.options.Data.Split(heldShare)
	fitData, chooseData := rest.Split(heldShare)
	if len(fitData.Batches) == 0 || len(held.Batches) == 0 {
		fitData, held = p.options.Data, p.options.Data
		p.warn("the calibration data is one batch only: the distances below are on data that was fitted on")
	}
	if len(chooseData.Batches) == 0 {
		chooseData = held
	}
	p.trainData, p.fitData = fitData, fitData.Thin(maxCalibrationBatches)
	p.chooseData, p.heldData = chooseData.Limit(maxMeasured), held.Limit(maxMeasured)
	var err error
	p.moments, err = calibrate.Moments(ctx, p.model, p.layers, p.fitData, p.options.Threads, func(done, all int) {
		p.tell(Event{Stage: "calibrate", Done: done, Total: all})
	})
	if err != nil {
		return err
	}
	p.layers = slices.DeleteFunc(p.layers, func(l *discover.Layer) bool {
		m := p.moments[l.Name]
		if m != nil && m.Rows == 0 {
			l.Skip = "the calibration data never reaches it: nobody can tell which errors matter"
		}
		return l.Skip != ""
	})
	for _, l := range p.layers {
		if p.moments[l.Name] == nil {
			p.warn("layer %s has %d inputs: too many for their second moment, so it is fitted to its weight alone", l.Name, l.In)
		}
	}
	return nil
}
