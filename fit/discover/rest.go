package discover

// rest records the weights of a body that no layer takes: those inside of
// functions, and of operators that chains do not replace.
func (f *finder) rest(b *Body) {
	listed := map[string]bool{}
	for _, l := range f.result.Layers {
		for _, name := range l.Stored {
			listed[name] = true
		}
	}
	for _, e := range f.result.Embeddings {
		for _, name := range e.Stored {
			listed[name] = true
		}
	}
	inFunction := false
	for outer := b; outer != nil; outer = outer.outer {
		inFunction = inFunction || outer.Function != nil
	}
	for _, w := range b.Weights {
		if listed[w.Name] && !inFunction {
			continue
		}
		why := "inside of " + b.what() + ": kept, rounded"
		if !inFunction {
			why = "not used as a dense layer where its inputs are known: kept, rounded"
		}
		f.result.Layers = append(f.result.Layers, &Layer{
			Name: f.unique(b.Path + nodeName(w.Node)), Op: w.Node.Op, Uses: []Use{{Node: w.Node}},
			Parameters: w.Tensor.Len(), Bytes: w.Tensor.Bytes(), Stored: []string{w.Name}, Skip: why,
		})
	}
}
