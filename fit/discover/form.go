package discover

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
)

// Form says where the vectors x of the dense layer y = W x are in the operand
// of a node, and with that how a chain can take the place of W.
type Form int

// The forms. K is the number of elements of a kernel.
const (
	// Rows: MatMul and Gemm. x is the last axis.
	Rows Form = iota
	// Columns: MatMul with the weight on the left. x is the last axis but one.
	Columns
	// Channels: Conv with a kernel of one element. x is axis 1.
	Channels
	// Patches: Conv. x is what the kernel covers at one position, channels x K.
	// The first factor of a chain is applied as a Conv of fewer filters, so it
	// has to take whole channels.
	Patches
	// Spread: ConvTranspose. x is axis 1 and y is what one position adds to the
	// output, channels x K. The last factor of a chain is applied as a
	// ConvTranspose of fewer channels, so it has to be dense.
	Spread
	// Recurrent: the weight W of LSTM, GRU and RNN. x is the last axis. The
	// operator multiplies by W itself: it gets the last factor of a chain in its
	// place, which has to be dense.
	Recurrent
	// Batched: MatMul with one of several weights, each for one index of the last
	// axis but two. x is the last axis.
	Batched
	// Projected: the weight of Attention of com.microsoft. x is the last axis.
	Projected
)

// Takes reports whether a chain of this design can take the place of the
// layer's weight everywhere that it is used.
func (l *Layer) Takes(d butterfly.Design) bool {
	if d.In != l.In || d.Out != l.Out || len(d.Patterns) == 0 {
		return false
	}
	return !slices.ContainsFunc(l.Uses, func(u Use) bool { return !u.takes(d) })
}

func (u Use) takes(d butterfly.Design) bool {
	first, last := d.Patterns[0], d.Patterns[len(d.Patterns)-1]
	switch u.Form {
	case Patches:
		rest := butterfly.Design{In: first.Rows(), Out: d.Out, Patterns: d.Patterns[1:]}
		return !first.IsGather() && first.D == 1 && first.Columns() == d.In && first.C%u.window().elements() == 0 && rest.Validate() == nil
	case Spread, Recurrent:
		head := butterfly.Design{In: d.In, Out: last.Columns(), Patterns: d.Patterns[:len(d.Patterns)-1]}
		return !last.IsGather() && last.A == 1 && last.D == 1 && last.Rows() == d.Out && head.Validate() == nil
	}
	return true
}

// Designs says which designs Takes allows, for messages.
func (l *Layer) Designs() string {
	for _, u := range l.Uses {
		switch u.Form {
		case Patches:
			return "designs whose first factor is made of blocks of whole channels, such as low rank and BLAST"
		case Spread, Recurrent:
			return "designs whose last factor is dense, such as low rank"
		}
	}
	return "any design"
}

// Key is equal for uses with the same vectors x. Subgraphs may run or not, so that
// uses in them have keys of their own.
func (u Use) Key() string {
	if u.Nested {
		return u.Node.Outputs[0] + " by " + u.Input
	}
	switch u.Form {
	case Rows, Recurrent, Projected:
		return u.Input
	case Batched:
		return fmt.Sprint(u.Input, " part ", u.Part.Index)
	case Columns:
		return u.Input + " columns"
	case Spread:
		return u.Input + " channels"
	}
	w := u.window()
	if u.Form == Channels && !w.moves() {
		return u.Input + " channels"
	}
	return fmt.Sprint(u.Input, " patches ", w)
}

// Kernel returns the sizes of the kernel of a convolution.
func (u Use) Kernel() []int { return u.kernel }

// WeightInput returns which input of the node the weight is.
func (u Use) WeightInput() int { return u.weight }

// maxVectors bounds the vectors that are taken from one tensor for those forms
// whose vectors are copied: neighbours in an image are much alike.
const maxVectors = 4096

// Vectors returns vectors x, one after the other, from the value of u.Input:
// all of them where they lie in order, else up to maxVectors, evenly spread.
func (u Use) Vectors(t *onnx.Tensor, in int) ([]float32, error) {
	if t == nil || t.Type != u.Elem {
		return nil, fmt.Errorf("expected %v, got %v", u.Elem, t)
	}
	t, err := t.ConvertTo(onnx.Float32)
	if err != nil {
		return nil, err
	}
	axis, least := t.Rank()-1, 1
	switch u.Form {
	case Columns:
		axis, least = t.Rank()-2, 2
	case Channels, Patches, Spread:
		axis, least = 1, 3
	}
	features := in
	if u.Form == Patches {
		features /= u.window().elements()
	}
	if t.Rank() < least || t.Shape[axis] != features {
		return nil, fmt.Errorf("expected %d features along axis %d, got %v", features, axis, t)
	}
	switch u.Form {
	case Columns, Spread:
		return alongAxis(t, axis), nil
	case Channels, Patches:
		return u.window().patches(t)
	case Batched:
		return u.partOf(t), nil
	}
	return t.Float32s(), nil
}

// partOf returns the elements of t that the weight of this part multiplies.
func (u Use) partOf(t *onnx.Tensor) []float32 {
	axis := t.Rank() - 3
	if !u.Part.Split || axis < 0 {
		return t.Float32s()
	}
	size := t.Shape[axis+1] * t.Shape[axis+2]
	var part []float32
	for from := u.Part.Index * size; from < t.Len(); from += t.Shape[axis] * size {
		part = append(part, t.Float32s()[from:from+size]...)
	}
	return part
}

// alongAxis returns vectors along an axis of t, which is not the last one.
func alongAxis(t *onnx.Tensor, axis int) []float32 {
	features, inner := t.Shape[axis], 1
	for _, n := range t.Shape[axis+1:] {
		inner *= n
	}
	if t.Len() == 0 {
		return nil
	}
	all := t.Len() / features
	count := min(all, maxVectors)
	vectors := make([]float32, 0, count*features)
	for i := range count {
		v := i * all / count
		from := v/inner*features*inner + v%inner
		for f := range features {
			vectors = append(vectors, t.Float32s()[from+f*inner])
		}
	}
	return vectors
}
