package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// setVisible sets the range of keys that a query sees by causality, windows and
// the lengths of the sequences in a cache. Query i stands at position
// offset+i among the keys: offset is the length of the past, or what the
// length of the sequence leaves before the queries.
func (v *attention) setVisible(c *Call, s attentionLimits, past int, visible *func(b, query int) (from, to int)) error {
	lengths, err := keyLengths(c, s)
	if err != nil {
		return err
	}
	if lengths == nil && !v.causal && v.left < 0 && v.right < 0 {
		return nil
	}
	hasPast := c.Tensor(attentionPastKey) != nil
	*visible = func(b, query int) (from, to int) {
		to = s.keys
		position := query
		switch {
		case hasPast:
			position += past
		case lengths != nil:
			position += lengths[b] - s.queries
		}
		if lengths != nil {
			to = min(to, lengths[b])
		}
		if v.causal {
			to = min(to, position+1)
		}
		if v.right >= 0 && v.right < s.keys {
			to = min(to, position+v.right+1)
		}
		if v.left >= 0 && v.left < s.keys+s.queries {
			from = max(from, position-v.left)
		}
		to = max(to, 0)
		return min(from, to), to
	}
	return nil
}

// attentionLimits are the sizes that bound masks.
type attentionLimits struct{ batch, heads, queries, keys int }

func (a *scaledAttention[T]) limits() attentionLimits {
	return attentionLimits{a.batch, a.queryHeads, a.queries, a.keys}
}

// keyLengths returns the number of keys that are not padding for each element
// of the batch, nil if that is not given.
func keyLengths(c *Call, s attentionLimits) ([]int, error) {
	t := c.Tensor(attentionLengths)
	if t == nil {
		return nil, nil
	}
	lengths, err := IntsOf(t)
	if err != nil {
		return nil, err
	}
	if t.Rank() != 1 || len(lengths) != s.batch {
		return nil, c.ShapeError(attentionLengths, fmt.Sprintf("[%d]", s.batch))
	}
	for b, n := range lengths {
		if n < 0 || n > s.keys {
			return nil, fmt.Errorf("nonpad_kv_seqlen %d of batch %d is outside of 0 to %d", n, b, s.keys)
		}
	}
	return lengths, nil
}

// attentionBias returns the function that adds the attention mask to scores,
// nil if there is none. A mask that is shorter than the keys hides the rest.
func attentionBias[T float](c *Call, a *scaledAttention[T]) (func(scores []T, b, h, query, from int), error) {
	mask := c.Tensor(attentionMask)
	if mask == nil {
		return nil, nil
	}
	steps, width, err := maskSteps(c, mask, a.limits())
	if err != nil {
		return nil, err
	}
	var allowed []bool
	var bias []T
	if mask.Type == onnx.Bool {
		allowed = onnx.View[bool](mask)
	} else if floats, ok := asFloats[T](mask); ok {
		bias = floats
	} else if numbers, err := mask.Floats(); err == nil {
		bias = convertFloats[T](numbers)
	} else {
		return nil, c.TypeError(attentionMask)
	}
	hidden := T(math.Inf(-1))
	return func(scores []T, b, h, query, from int) {
		at := b*steps[0] + h*steps[1] + query*steps[2]
		for j := range scores {
			switch key := from + j; {
			case key >= width:
				scores[j] = hidden
			case allowed != nil:
				if !allowed[at+key*steps[3]] {
					scores[j] = hidden
				}
			default:
				// A score that is not a number must not undo the mask.
				if v := bias[at+key*steps[3]]; v == hidden {
					scores[j] = hidden
				} else {
					scores[j] += v
				}
			}
		}
	}, nil
}

// maskSteps returns the distances between neighbours of a mask along batch,
// heads, queries and keys, 0 where it is broadcast, and the number of keys
// that it covers.
func maskSteps(c *Call, mask *onnx.Tensor, s attentionLimits) (steps [4]int, width int, err error) {
	full := []int{s.batch, s.heads, s.queries, s.keys}
	rank := mask.Rank()
	fits := rank >= 1 && rank <= 4
	step := 1
	width = s.keys
	for d := 1; fits && d <= rank; d++ {
		size, want := mask.Shape[rank-d], full[4-d]
		switch {
		case size == 1:
		case size == want:
			steps[4-d] = step
		case d == 1 && size < want:
			steps[3], width = step, size
		default:
			fits = false
		}
		step *= size
	}
	if !fits {
		return steps, 0, c.ShapeError(attentionMask, fmt.Sprintf("one that broadcasts to %v", full))
	}
	return steps, width, nil
}
