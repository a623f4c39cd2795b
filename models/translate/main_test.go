package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRun runs the whole program but for the flags on the toy models.
func TestRun(t *testing.T) {
	encoder, decoder := saveToyModels(t)
	dir := t.TempDir()
	c := config{encoder: encoder, decoder: decoder, threads: 1,
		sourceIDs: filepath.Join(dir, "ids.txt"), pieces: filepath.Join(dir, "pieces.txt"), out: filepath.Join(dir, "out.txt")}
	letters := strings.Split("abcdefghijklmnopqrstuvw", "")
	writeLines(t, c.sourceIDs, "3 4", "", "5")
	writeLines(t, c.pieces, letters...)

	got, err := run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	first, second := wantToy([]int64{3, 4}), wantToy([]int64{5})
	want := spell(first, letters) + "\n\n" + spell(second, letters) + "\n"
	if text, err := os.ReadFile(c.out); err != nil || string(text) != want {
		t.Errorf("the program wrote %q, %v, want %q", text, err, want)
	}
	if got.Sentences != 3 || got.Threads != 1 || got.Seconds <= 0 || got.SentencesPerSecond <= 0 || got.TokensPerSecond <= got.SentencesPerSecond {
		t.Errorf("impossible figures %+v", got)
	}
	line, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"engine", "threads", "sentences", "seconds", "sentences_per_second", "tokens_per_second"} {
		if !strings.Contains(string(line), `"`+key+`":`) {
			t.Errorf("%s has no %s", line, key)
		}
	}
}

// TestRunNamesTheFile checks that errors say which file is wrong.
func TestRunNamesTheFile(t *testing.T) {
	encoder, decoder := saveToyModels(t)
	dir := t.TempDir()
	ids, pieces, few := filepath.Join(dir, "ids.txt"), filepath.Join(dir, "pieces.txt"), filepath.Join(dir, "few.txt")
	writeLines(t, ids, "3 4")
	writeLines(t, pieces, strings.Split("abcdefghijklmnopqrstuvw", "")...)
	writeLines(t, few, "a", "b", "c", "d", "e")
	good := config{encoder: encoder, decoder: decoder, sourceIDs: ids, pieces: pieces, out: filepath.Join(dir, "out.txt"), threads: 1}
	for name, c := range map[string]struct {
		change func(*config)
		file   string
	}{
		"no encoder":                 {func(c *config) { c.encoder = "missing.onnx" }, "missing.onnx"},
		"no decoder":                 {func(c *config) { c.decoder = "missing.onnx" }, "missing.onnx"},
		"encoder is no model":        {func(c *config) { c.encoder = ids }, ids},
		"encoder in decoder's place": {func(c *config) { c.decoder = encoder }, encoder},
		"decoder in encoder's place": {func(c *config) { c.encoder = decoder }, decoder},
		"no sentences":               {func(c *config) { c.sourceIDs = "missing.txt" }, "missing.txt"},
		"sentences are text":         {func(c *config) { c.sourceIDs = pieces }, pieces},
		"no pieces":                  {func(c *config) { c.pieces = "missing.txt" }, "missing.txt"},
		"too few pieces":             {func(c *config) { c.pieces = few }, few},
		"no folder to write to":      {func(c *config) { c.out = filepath.Join(dir, "missing", "out.txt") }, "missing"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := good
			c.change(&bad)
			if _, err := run(context.Background(), bad); err == nil || !strings.Contains(err.Error(), c.file) {
				t.Errorf("error %v does not name %s", err, c.file)
			}
		})
	}
}

func writeLines(t *testing.T, path string, lines ...string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func spell(tokens []int64, letters []string) string {
	text := ""
	for _, id := range tokens {
		text += letters[id]
	}
	return text
}
