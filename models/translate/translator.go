package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// The tokens that begin and end a sentence, and the most steps for one.
const (
	beginToken = 1
	endToken   = 2
	maxSteps   = 50
)

// translator translates one sentence at a time, each token being the likeliest
// after those before it.
type translator struct {
	encoder, decoder *runtime.Session
	// cacheShape is the shape of the decoder's past_key and past_value for one
	// sentence before the first step: [layers, 1, heads, 0, width].
	cacheShape []int
}

// translation is a sentence without the tokens that begin and end it, and how many
// steps the decoder made.
type translation struct {
	tokens []int64
	steps  int
}

// openTranslator opens the two models; threads is as for runtime.WithThreads.
func openTranslator(encoder, decoder string, threads int) (*translator, error) {
	e, err := runtime.Open(encoder, runtime.WithThreads(threads))
	if err != nil {
		return nil, err
	}
	d, err := runtime.Open(decoder, runtime.WithThreads(threads))
	if err != nil {
		e.Close()
		return nil, err
	}
	t := &translator{encoder: e, decoder: d}
	if t.cacheShape, err = emptyCache(d.Inputs()); err != nil {
		t.close()
		return nil, fmt.Errorf("%s: %w", decoder, err)
	}
	return t, nil
}

func (t *translator) close() {
	t.encoder.Close()
	t.decoder.Close()
}

// emptyCache returns the shape that past_key and past_value have before the first
// step for a batch of one.
func emptyCache(inputs []onnx.ValueInfo) ([]int, error) {
	for _, input := range inputs {
		d := input.Type.Shape
		if input.Name != "past_key" || len(d) != 5 || !d[0].Known() || !d[2].Known() || !d[4].Known() {
			continue
		}
		return []int{d[0].Size, 1, d[2].Size, 0, d[4].Size}, nil
	}
	return nil, errors.New("there is no input past_key of shape [layers, batch, heads, past, width]")
}

// translate returns the translation of a sentence of token ids.
func (t *translator) translate(ctx context.Context, source []int64) (translation, error) {
	var result translation
	if len(source) == 0 {
		return result, nil
	}
	mask := onnx.NewTensor(onnx.Float32, 1, len(source)) // 0: every token counts
	encoded, err := t.encoder.Run(ctx, map[string]*onnx.Tensor{
		"source":      onnx.FromSlice(source, 1, len(source)),
		"source_mask": mask,
	})
	if err != nil {
		return result, err
	}
	inputs := map[string]*onnx.Tensor{
		"cross_key":   encoded["cross_key"],
		"cross_value": encoded["cross_value"],
		"source_mask": mask,
		"past_key":    onnx.NewTensor(onnx.Float32, t.cacheShape...),
		"past_value":  onnx.NewTensor(onnx.Float32, t.cacheShape...),
	}
	token := int64(beginToken)
	for step := range maxSteps {
		if token, err = t.step(ctx, inputs, token, step); err != nil {
			return result, err
		}
		result.steps++
		if token == endToken {
			break
		}
		result.tokens = append(result.tokens, token)
	}
	return result, nil
}

// step gives the decoder the token at a position and returns the next one. The
// cache in inputs grows by one position.
func (t *translator) step(ctx context.Context, inputs map[string]*onnx.Tensor, token int64, position int) (int64, error) {
	inputs["token"] = onnx.FromSlice([]int64{token}, 1, 1)
	inputs["position"] = onnx.FromSlice([]int64{int64(position)}, 1)
	outputs, err := t.decoder.Run(ctx, inputs)
	if err != nil {
		return 0, err
	}
	logits := outputs["logits"]
	if logits == nil || logits.Type != onnx.Float32 || logits.Rank() == 0 || logits.Len() != logits.Shape[logits.Rank()-1] {
		return 0, fmt.Errorf("%s: the output logits must be float32 for one token, not %v", t.decoder.Model().Path, logits)
	}
	inputs["past_key"], inputs["past_value"] = outputs["present_key"], outputs["present_value"]
	return int64(argmax(logits.Float32s())), nil
}

// argmax returns the index of the first greatest value.
func argmax(v []float32) int {
	best := 0
	for i := range v {
		if v[i] > v[best] {
			best = i
		}
	}
	return best
}
