package ops

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kcompress/kcompress/onnx"
)

// equation is a parsed Einsum equation. A label is a letter; the axes that an
// ellipsis stands for have the labels ellipsisLabel, ellipsisLabel+1 and so on,
// counted from the last one.
type equation struct {
	terms []einsumTerm
	// output is nil in implicit mode.
	output *einsumTerm
}

// einsumTerm is a term as it is written; ellipsis is the position of "..."
// among the letters, -1 without one.
type einsumTerm struct {
	letters  []rune
	ellipsis int
}

// ellipsisLabel is above all letters.
const ellipsisLabel = rune(1 << 10)

// parseEquation reads an equation such as "...ij,...jk->...ik".
func parseEquation(text string) (equation, error) {
	var e equation
	left, right, explicit := strings.Cut(strings.ReplaceAll(text, " ", ""), "->")
	for _, part := range strings.Split(left, ",") {
		term, err := parseTerm(part)
		if err != nil {
			return e, fmt.Errorf("equation %.100q: %w", text, err)
		}
		e.terms = append(e.terms, term)
	}
	if !explicit {
		return e, nil
	}
	term, err := parseTerm(right)
	if err != nil {
		return e, fmt.Errorf("equation %.100q: %w", text, err)
	}
	for i, l := range term.letters {
		if slices.Contains(term.letters[:i], l) {
			return e, fmt.Errorf("equation %.100q: the result has %c twice", text, l)
		}
		if !slices.ContainsFunc(e.terms, func(t einsumTerm) bool { return slices.Contains(t.letters, l) }) {
			return e, fmt.Errorf("equation %.100q: no input has the %c of the result", text, l)
		}
	}
	e.output = &term
	return e, nil
}

func parseTerm(text string) (einsumTerm, error) {
	term := einsumTerm{ellipsis: strings.Index(text, "...")}
	if term.ellipsis >= 0 {
		text = text[:term.ellipsis] + text[term.ellipsis+3:]
	}
	for _, l := range text {
		if !('a' <= l && l <= 'z' || 'A' <= l && l <= 'Z') {
			return term, fmt.Errorf("%q is not a letter", l)
		}
		term.letters = append(term.letters, l)
	}
	return term, nil
}

// labels returns the labels of the axes, of which an ellipsis stands for the
// given number.
func (t einsumTerm) labels(ellipsis int) []rune {
	if t.ellipsis < 0 {
		return t.letters
	}
	labels := slices.Clone(t.letters[:t.ellipsis])
	for i := ellipsis - 1; i >= 0; i-- {
		labels = append(labels, ellipsisLabel+rune(i))
	}
	return append(labels, t.letters[t.ellipsis:]...)
}

// resolve returns the labels of the axes of inputs of the given ranks and of
// the result.
func (e equation) resolve(ranks []int) (inputs [][]rune, output []rune, err error) {
	if len(ranks) != len(e.terms) {
		return nil, nil, fmt.Errorf("the equation has %d terms for %d inputs", len(e.terms), len(ranks))
	}
	widest := 0
	for i, t := range e.terms {
		ellipsis := ranks[i] - len(t.letters)
		if ellipsis < 0 || ellipsis > 0 && t.ellipsis < 0 {
			return nil, nil, fmt.Errorf("input %d has %d axes, its term %d letters", i, ranks[i], len(t.letters))
		}
		widest = max(widest, ellipsis)
		inputs = append(inputs, t.labels(ellipsis))
	}
	if e.output != nil {
		return inputs, e.output.labels(widest), nil
	}
	return inputs, e.implicitOutput(widest), nil
}

// implicitOutput returns the axes of the ellipsis and the letters that occur
// once, in the order of their character codes.
func (e equation) implicitOutput(ellipsis int) []rune {
	count := map[rune]int{}
	for _, t := range e.terms {
		for _, l := range t.letters {
			count[l]++
		}
	}
	var letters []rune
	for l, n := range count {
		if n == 1 {
			letters = append(letters, l)
		}
	}
	slices.Sort(letters)
	return einsumTerm{letters: letters}.labels(ellipsis)
}

// inferEinsum infers the result.
func inferEinsum(n *Node, in []Info) ([]Info, error) {
	if len(in) == 0 {
		return nil, nil
	}
	e, err := parseEquation(n.Text("equation", ""))
	if err != nil {
		return nil, err
	}
	ranks := make([]int, len(in))
	for i := range in {
		shape, ok := shapeOf(in[i])
		if !ok {
			return []Info{UnknownShape(elemOf(in[0]))}, nil
		}
		ranks[i] = len(shape)
	}
	inputs, output, err := e.resolve(ranks)
	if err != nil {
		return nil, err
	}
	sizes := map[rune]onnx.Dim{}
	for i, labels := range inputs {
		for axis, l := range labels {
			size, seen := sizes[l]
			if !seen {
				size = onnx.Dim{Size: 1}
			}
			if sizes[l], err = broadcastDim(size, in[i].Type.Shape[axis]); err != nil {
				return nil, err
			}
		}
	}
	out := make([]onnx.Dim, len(output))
	for i, l := range output {
		out[i] = sizes[l]
	}
	return []Info{TensorInfo(elemOf(in[0]), out)}, nil
}
