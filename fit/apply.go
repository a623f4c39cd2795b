package fit

import (
	"context"
	"errors"
	"fmt"

	"github.com/kcompress/kcompress/fit/discover"
	"github.com/kcompress/kcompress/fit/measure"
	"github.com/kcompress/kcompress/fit/write"
	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/compact"
)

// Applied says what Apply did.
type Applied struct {
	Model *onnx.Model `json:"-"`
	// Output is the file that the model was written to.
	Output string `json:"output"`
	// Chains is the number of chains that the fitted model holds, Layers the
	// number of dense layers of the other one, of which Replaced were replaced.
	Chains   int `json:"chains"`
	Layers   int `json:"layers"`
	Replaced int `json:"replaced"`
	// Constants is the number of biases, scales and offsets that got the values
	// that distillation gave them.
	Constants   int   `json:"constants"`
	BytesBefore int64 `json:"bytes_before"`
	BytesAfter  int64 `json:"bytes_after"`
	// Warnings are what the user should know before using the result.
	Warnings []string `json:"warnings"`
}

// fittedChain is a chain read from a compact model.
type fittedChain struct {
	chain *butterfly.Chain
	error float64
}

// Apply puts the chains of a fitted model into another model that holds the
// weights that they replaced, with the biases, scales and offsets that were
// distilled with them. Neither model is changed. What stays dense is
// stored as the fitted model stores its weights; producer goes into the file.
func Apply(ctx context.Context, fitted, other *onnx.Model, producer string) (*Applied, error) {
	weights, ok := compact.StoredAs(fitted)
	if !ok {
		return nil, &onnx.Error{File: fitted.Path, Err: onnx.ErrInvalid, Reason: "is no compact model", Remedy: "give a file that kcompress fit wrote"}
	}
	chains, err := readChains(fitted)
	if err != nil {
		return nil, err
	}
	trained, err := compact.ReadTrained(fitted)
	if err != nil {
		return nil, &onnx.Error{File: fitted.Path, Err: onnx.ErrInvalid, Reason: err.Error(), Remedy: "fit the model again"}
	}
	s, err := discover.Open(other, runtime.WithThreads(1))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	result := &Applied{Chains: len(chains), Warnings: []string{}}
	layered, exact, err := withExact(s, chains, weights)
	if err != nil {
		return nil, err
	}
	defer layered.Close()
	found := discover.Find(layered)
	result.Layers, result.Replaced = exact, exact
	var replacements []write.Replacement
	for _, l := range found.Layers {
		if l.In == 0 {
			continue
		}
		result.Layers++
		if l.Skip != "" {
			continue
		}
		if c, ok := findChain(chains, l); ok && l.Takes(c.chain.Design()) {
			replacements = append(replacements, write.Replacement{Layer: l, Chain: c.chain, Error: c.error})
		}
	}
	if len(replacements)+exact == 0 && len(chains) > 0 {
		return nil, errors.New("the other model holds none of the weights that the chains replaced")
	}
	result.Replaced += len(replacements)
	adjusted, changed := withConstants(layered.Model(), trained)
	result.Constants = len(changed)
	if result.Model, err = write.Model(adjusted, found, replacements, write.Options{Weights: weights, Producer: producer, Trained: changed}); err != nil {
		return nil, err
	}
	if result.BytesBefore, err = encodedSize(other); err != nil {
		return nil, err
	}
	if result.BytesAfter, err = encodedSize(result.Model); err != nil {
		return nil, err
	}
	if result.BytesAfter >= result.BytesBefore {
		result.warn(biggerWarning, result.BytesAfter, result.BytesBefore)
	}
	return result, result.verify(ctx, s)
}

func (a *Applied) warn(format string, args ...any) {
	a.Warnings = append(a.Warnings, fmt.Sprintf(format, args...))
}

// verify runs the result against the original on random inputs.
func (a *Applied) verify(ctx context.Context, original *runtime.Session) error {
	s, err := reopen(a.Model, 1)
	if err != nil {
		return fmt.Errorf("%w: the compact model does not load: %w", ErrUnverified, err)
	}
	defer s.Close()
	data, want, err := randomRuns(ctx, original, 1)
	if err != nil {
		a.warn("outputs and time were not compared: the model could not be run on random inputs (%v)", err)
		return ctx.Err()
	}
	got, err := runStudent(ctx, s, data)
	if err != nil {
		return err
	}
	_, err = measure.Compare(original.Model().Graph, want, got)
	if errors.Is(err, measure.ErrNothingToCompare) {
		a.warn("the outputs were not compared: %v", err)
	} else if err != nil {
		return fmt.Errorf("%w: %w", ErrUnverified, err)
	}
	before, after, err := medianTimes(ctx, original, s, data.Batches[0])
	if err == nil && after > slowerFactor*before {
		a.warn(slowerWarning, after, before, "random inputs")
	}
	return err
}

// readChains returns the chains of a compact model by the fingerprint of the
// weight that each replaces.
func readChains(m *onnx.Model) (map[string]fittedChain, error) {
	chains := map[string]fittedChain{}
	for _, n := range m.Graph.Nodes {
		if !compact.IsChain(n) {
			continue
		}
		node, err := compact.ReadNode(n)
		if err != nil {
			return nil, fmt.Errorf("%s: node %s: %w", m.Path, n.Name, err)
		}
		var stored []*onnx.Tensor
		for _, name := range n.Inputs[1:] {
			stored = append(stored, m.Graph.Initializer(name))
		}
		chain, err := compact.ReadChain(n, stored)
		if err != nil {
			return nil, fmt.Errorf("%s: node %s: %w", m.Path, n.Name, err)
		}
		chains[node.Source] = fittedChain{chain, node.Error}
	}
	return chains, nil
}

// findChain looks for the weight of a layer, or its transpose, among the chains.
func findChain(chains map[string]fittedChain, l *discover.Layer) (fittedChain, bool) {
	if c, ok := chains[l.Fingerprint]; ok {
		return c, true
	}
	transposed := make([]float32, len(l.Weight))
	for i := range l.Out {
		for j := range l.In {
			transposed[j*l.Out+i] = l.Weight[i*l.In+j]
		}
	}
	c, ok := chains[compact.Fingerprint(transposed, l.In, l.Out)]
	if ok {
		c.chain = c.chain.Transposed()
	}
	return c, ok
}
