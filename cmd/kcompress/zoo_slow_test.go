//go:build slow

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/fit/report"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/onnx/npy"
)

// zooRuns is the number of random inputs that each model of the zoo is fitted
// on.
const zooRuns = 64

// TestZooFit fits every model of ../shared/zoo without data, and on random
// inputs with --ratio 4, and prints the table of docs/zoo.md. With KEEP set to
// a folder the compressed models stay there, for other runtimes to open.
func TestZooFit(t *testing.T) {
	models, err := filepath.Glob("../../../shared/zoo/*/model.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if len(models) == 0 {
		t.Skip("the models of ../shared/zoo are not here: nothing was fitted")
	}
	keep := os.Getenv("KEEP")
	if keep == "" {
		keep = t.TempDir()
	}
	fmt.Println("| model | bytes | blind | s | replaced | ratio 4 | s | replaced | kept | note |")
	fmt.Println("|---|---:|---:|---:|---:|---:|---:|---:|---:|---|")
	for _, path := range models {
		name := filepath.Base(filepath.Dir(path))
		t.Run(name, func(t *testing.T) {
			blind, blindNote := fitZoo(t, path, filepath.Join(keep, name+".blind.onnx"))
			data := randomFolder(t, path)
			fitted, note := fitZoo(t, path, filepath.Join(keep, name+".ratio4.onnx"), "--data", data, "--ratio", "4", "--steps", "100", "--distil", "off")
			if note == "" {
				note = blindNote
			}
			fmt.Printf("| %s | %d | %s | %s | %s |\n", name, fitted.BytesBefore, zooCells(blind, false), zooCells(fitted, true), note)
		})
	}
}

// fitZoo runs the command; exit code 4 (goal not met) is an answer too.
func fitZoo(t *testing.T, path, out string, args ...string) (report.Report, string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), append([]string{"fit", path, "-o", out, "--json", "-"}, args...), newConsole(&bytes.Buffer{}, &stdout, &stderr))
	var r report.Report
	switch code {
	case exitOK, exitGoalMissed:
		if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
			t.Fatalf("%v: %s", err, stdout.String())
		}
		if code == exitGoalMissed {
			return r, "goal not met"
		}
		return r, ""
	}
	t.Errorf("exit code %d: %s", code, lastLine(stderr.String()))
	return r, lastLine(stderr.String())
}

func lastLine(text string) string {
	lines := bytes.Split(bytes.TrimSpace([]byte(text)), []byte("\n"))
	return string(lines[len(lines)-1])
}

func zooCells(r report.Report, kept bool) string {
	replaced, rest := 0, 0
	for _, l := range r.Layers {
		if l.Decision == "replaced" {
			replaced++
		} else {
			rest++
		}
	}
	cells := fmt.Sprintf("%d | %.1f | %d", r.BytesAfter, r.Seconds, replaced)
	if kept {
		cells += fmt.Sprintf(" | %d", rest)
	}
	return cells
}

// randomFolder writes random inputs for a model, a file for each run, with the
// shapes, and single integers, of the model's own test data.
func randomFolder(t *testing.T, path string) string {
	t.Helper()
	m, err := onnx.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	inputs := modelInputs(m)
	settings := map[string]*onnx.Tensor{} // integers such as the sample rate, which are no data
	for i := range inputs {
		file := filepath.Join(filepath.Dir(path), "test_data_set_0", fmt.Sprintf("input_%d.pb", i))
		x, err := onnx.ReadTensorFile(file)
		if err != nil {
			t.Fatal(err)
		}
		shape := make([]onnx.Dim, len(x.Shape))
		for axis, n := range x.Shape {
			shape[axis] = onnx.Dim{Size: n}
		}
		if x.Type == onnx.Int64 && x.Len() == 1 {
			settings[inputs[i].Name] = x
		}
		inputs[i].Type = onnx.Type{Kind: onnx.TensorType, Elem: x.Type, Shape: shape, HasShape: true}
	}
	d, err := calibrate.Random(inputs, zooRuns, 1, 7)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for i, batch := range d.Batches {
		maps.Copy(batch, settings)
		var arrays []*onnx.Tensor
		for name, x := range batch {
			x.Name = name
			arrays = append(arrays, x)
		}
		if err := npy.WriteArchiveFile(filepath.Join(dir, fmt.Sprintf("%03d.npz", i)), arrays); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
