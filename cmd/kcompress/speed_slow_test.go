//go:build slow && unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// speedCase is a model with inputs, to be timed against ONNX Runtime.
type speedCase struct {
	name, path string
	peer       string // what ONNX Runtime runs, path if empty
	inputs     map[string]*onnx.Tensor
	results    map[string]*onnx.Tensor
}

// TestSpeed prints the model rows of docs/benchmarks.md: the time of each
// model, on one thread, in turn with ONNX Runtime in Node, and the geometric
// mean of the ratios. ORT names the folder of bench.mjs and node_modules
// (../shared/tools/ort after npm ci). ONLY is a regular expression for the names
// of the models; MODEL.onnx files in EXTRA, separated by commas, are timed on
// the inputs of the model whose name is theirs up to the first dot, against
// that model in ONNX Runtime.
func TestSpeed(t *testing.T) {
	ort := os.Getenv("ORT")
	if ort == "" {
		t.Skip("ORT does not name a folder with bench.mjs: there is nothing to compare with")
	}
	only := regexp.MustCompile(os.Getenv("ONLY"))
	for _, group := range []struct {
		title string
		cases []speedCase
	}{{"benchmark models", benchCases(t)}, {"zoo", zooCases(t)}} {
		group.cases = slices.DeleteFunc(group.cases, func(c speedCase) bool { return !only.MatchString(c.name) })
		if len(group.cases) == 0 {
			continue
		}
		fmt.Printf("\n| %s | ONNX Runtime ms | ours ms | ratio |\n|---|---:|---:|---:|\n", group.title)
		sum := 0.0
		for _, c := range group.cases {
			peer, ours := c.compare(t, ort)
			fmt.Printf("| %s | %.4f | %.4f | %.2f |\n", c.name, peer, ours, peer/ours)
			sum += math.Log(peer / ours)
		}
		fmt.Printf("| geometric mean | | | %.2f |\n", math.Exp(sum/float64(len(group.cases))))
	}
}

// compare returns the medians, over three rounds in turn, of the median times
// of ONNX Runtime and of ours, in milliseconds.
func (c *speedCase) compare(t *testing.T, ort string) (peer, ours float64) {
	t.Helper()
	s, err := runtime.Open(c.path, runtime.WithThreads(1))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	path, inputs := c.files(t)
	if c.peer != "" {
		dense := speedCase{path: c.peer}
		path, _ = dense.files(t)
	}
	args := append([]string{"bench.mjs", path, "1", ""}, inputs...)
	_ = c.time(t, s, 3) // the first runs fetch the memory that later ones use again
	first := c.time(t, s, 3)
	runs := max(5, min(300, int(200/first)))
	args[3] = fmt.Sprint(runs)
	var peers, own []float64
	for range 3 {
		cmd := exec.Command("node", args...)
		cmd.Dir = ort
		out, err := cmd.Output()
		var result struct{ Median float64 }
		if err == nil {
			err = json.Unmarshal(out, &result)
		}
		if err != nil {
			t.Fatalf("%s in ONNX Runtime: %v", c.name, err)
		}
		peers = append(peers, result.Median)
		own = append(own, c.time(t, s, runs))
	}
	slices.Sort(peers)
	slices.Sort(own)
	return peers[1], own[1]
}

// time returns the median time of a run in milliseconds.
func (c *speedCase) time(t *testing.T, s *runtime.Session, runs int) float64 {
	t.Helper()
	times := make([]time.Duration, runs)
	for i := range times {
		start := time.Now()
		if err := runAgain(context.Background(), s, c.inputs, &c.results); err != nil {
			t.Fatal(err)
		}
		times[i] = time.Since(start)
	}
	return milliseconds(median(times))
}

// benchCases are the models of ../shared/bench, and those of EXTRA.
func benchCases(t *testing.T) []speedCase {
	t.Helper()
	image := func(shape ...int) map[string]*onnx.Tensor {
		return map[string]*onnx.Tensor{"image": noise(t, onnx.Uint8, shape...)}
	}
	source := noise(t, onnx.Float32, 1, 16)
	clear(source.Float32s())
	past, cross := noise(t, onnx.Float32, 3, 1, 8, 15, 64), noise(t, onnx.Float32, 3, 1, 8, 16, 64)
	cases := []speedCase{
		{name: "mnist-mlp", path: "mnist-mlp/model.onnx", inputs: image(1, 1, 28, 28)},
		{name: "cifar-vit", path: "cifar-vit/model.onnx", inputs: image(1, 3, 32, 32)},
		{name: "encoder", path: "multi30k/encoder.onnx", inputs: map[string]*onnx.Tensor{"source": tokens(16), "source_mask": source}},
		{name: "decoder-step", path: "multi30k/decoder-step.onnx", inputs: map[string]*onnx.Tensor{
			"token": tokens(1), "position": onnx.FromSlice([]int64{15}, 1), "past_key": past, "past_value": past,
			"cross_key": cross, "cross_value": cross, "source_mask": source,
		}},
	}
	for i := range cases {
		cases[i].path = sharedFile(t, "bench/"+cases[i].path)
	}
	for _, path := range strings.FieldsFunc(os.Getenv("EXTRA"), func(r rune) bool { return r == ',' }) {
		name := filepath.Base(path)
		of, _, _ := strings.Cut(name, ".")
		at := slices.IndexFunc(cases, func(c speedCase) bool { return c.name == of })
		if at < 0 {
			t.Fatalf("EXTRA: %s is named after no model", path)
		}
		cases = append(cases, speedCase{name: name, path: path, peer: cases[at].path, inputs: cases[at].inputs})
	}
	return cases
}

// tokens returns n token numbers of one sentence.
func tokens(n int) *onnx.Tensor {
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = int64(100 + 37*i)
	}
	return onnx.FromSlice(ids, 1, n)
}

func noise(t *testing.T, dtype onnx.DType, shape ...int) *onnx.Tensor {
	t.Helper()
	x, _, err := randomInput(fmt.Sprintf("%v%v", dtype, shapeText(shape)))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// zooCases are the models of ../shared/zoo with their stored inputs.
func zooCases(t *testing.T) []speedCase {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(sharedFile(t, "zoo"), "*", "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []speedCase
	for _, path := range paths {
		dir := filepath.Dir(path)
		m, err := onnx.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		c := speedCase{name: filepath.Base(dir), path: path, inputs: map[string]*onnx.Tensor{}}
		files, err := filepath.Glob(filepath.Join(dir, "test_data_set_0", "input_*.pb"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			x, err := onnx.ReadTensorFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := x.Name
			if name == "" {
				var at int
				if _, err := fmt.Sscanf(filepath.Base(file), "input_%d.pb", &at); err != nil {
					t.Fatal(err)
				}
				name = m.Graph.Inputs[at].Name
			}
			c.inputs[name] = x
		}
		cases = append(cases, c)
	}
	return cases
}
