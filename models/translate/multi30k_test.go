package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// multi30k is where the German-English benchmark model lies on the machines of the
// project. It is not part of the repository.
const multi30k = "../../../shared/bench/multi30k"

// TestAgainstTeacherForcing translates real sentences and compares every step with
// the model in one graph, which has no cache and sees the whole translation at
// once: the token chosen must be its likeliest too, but for rounding.
func TestAgainstTeacherForcing(t *testing.T) {
	if _, err := os.Stat(multi30k); err != nil {
		t.Skipf("the translation model is not at %s: cached decoding is NOT compared with it", multi30k)
	}
	translator, err := openTranslator(filepath.Join(multi30k, "encoder.onnx"), filepath.Join(multi30k, "decoder-step.onnx"), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer translator.close()
	whole, err := runtime.Open(filepath.Join(multi30k, "translate.onnx"), runtime.WithThreads(1))
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	pieces, err := readLines(filepath.Join(multi30k, "pieces.txt"))
	if err != nil {
		t.Fatal(err)
	}
	sentences, err := readIDs(filepath.Join(multi30k, "test-source-ids.txt"), len(pieces), 20)
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range sentences {
		result, err := translator.translate(context.Background(), source)
		if err != nil {
			t.Fatal(err)
		}
		checkLikeliest(t, whole, source, result.tokens)
	}
}

// checkLikeliest checks that every token, and the end after them, has the greatest
// logit after the tokens before it.
func checkLikeliest(t *testing.T, whole *runtime.Session, source, tokens []int64) {
	t.Helper()
	target := append([]int64{beginToken}, tokens...)
	outputs, err := whole.Run(context.Background(), map[string]*onnx.Tensor{
		"source":      onnx.FromSlice(source, 1, len(source)),
		"source_mask": onnx.NewTensor(onnx.Float32, 1, len(source)),
		"target":      onnx.FromSlice(target, 1, len(target)),
	})
	if err != nil {
		t.Fatal(err)
	}
	logits := outputs["logits"].Float32s()
	width := len(logits) / len(target)
	for i, want := range append(tokens, endToken) {
		row := logits[i*width : (i+1)*width]
		if best := argmax(row); row[best]-row[want] > 1e-3 {
			t.Errorf("source %v: step %d chose token %d with logit %g, token %d has %g", source, i, want, row[want], best, row[best])
		}
	}
}
