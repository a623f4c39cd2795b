package main

import (
	"context"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// wantToy is the function of saveToyModels written down again.
func wantToy(source []int64) (want []int64) {
	total := int64(0)
	for _, id := range source {
		total += id
	}
	token := int64(beginToken)
	for position := range int64(maxSteps) {
		total += 3*token + position
		if token = total % vocabulary; token == endToken {
			break
		}
		want = append(want, token)
	}
	return want
}

func TestTranslateFeedsTheCache(t *testing.T) {
	encoder, decoder := saveToyModels(t)
	translator, err := openTranslator(encoder, decoder, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer translator.close()
	rapid.Check(t, func(t *rapid.T) {
		source := rapid.SliceOfN(rapid.Int64Range(0, vocabulary-1), 1, 12).Draw(t, "source")
		got, err := translator.translate(context.Background(), source)
		if err != nil {
			t.Fatal(err)
		}
		want := wantToy(source)
		if !slices.Equal(got.tokens, want) {
			t.Errorf("translation of %v is %v, want %v", source, got.tokens, want)
		}
		if steps := min(len(want)+1, maxSteps); got.steps != steps {
			t.Errorf("%d steps, want %d", got.steps, steps)
		}
	})
}

func TestTranslateStops(t *testing.T) {
	encoder, decoder := saveToyModels(t)
	translator, err := openTranslator(encoder, decoder, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer translator.close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := translator.translate(ctx, []int64{3}); err == nil {
		t.Error("a cancelled translation gives no error")
	}
}
