//go:build slow && unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/kcompress/kcompress/onnx/npy"
	"github.com/kcompress/kcompress/runtime"
)

// started is what a process of its own says about its first result.
type started struct {
	// Ms is the time from before the model was read to the first result.
	Ms float64
	// KB is the largest memory of the process so far.
	KB float64
}

// startORT is the same in Node. The first argument is the model, the others are
// NAME=FILE.npy.
const startORT = `
import { parseInput } from './npy.mjs';
const [model, ...inputs] = process.argv.slice(1);
const ort = (await import('onnxruntime-node')).default;
const start = process.hrtime.bigint();
const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1, graphOptimizationLevel: 'all', logSeverityLevel: 3 });
const feeds = {};
for (const text of inputs) { const [name, t] = parseInput(text); feeds[name] = new ort.Tensor(t.type, t.data, t.dims); }
await session.run(feeds);
console.log(JSON.stringify({ Ms: Number(process.hrtime.bigint() - start) / 1e6, KB: process.resourceUsage().maxRSS }));
`

const startNode = `console.log(JSON.stringify({ Ms: 0, KB: process.resourceUsage().maxRSS }))`

// TestStart prints the time from opening a model to its first result, and the
// largest memory of a process that does nothing else, for the benchmark models
// and those of EXTRA, against ONNX Runtime in Node less a Node that does nothing.
// ORT and ONLY are as for TestSpeed. Each figure is the median of five processes.
func TestStart(t *testing.T) {
	if path := os.Getenv("KCOMPRESS_START"); path != "" {
		startHere(t, path)
		return
	}
	ort := os.Getenv("ORT")
	if ort == "" {
		t.Skip("ORT does not name a folder with npy.mjs and ONNX Runtime: there is nothing to compare with")
	}
	only := regexp.MustCompile(os.Getenv("ONLY"))
	fmt.Print("\n| first result | ONNX Runtime ms | ours ms | ratio | ONNX Runtime MB | ours MB | ratio |\n|---|---:|---:|---:|---:|---:|---:|\n")
	for _, c := range benchCases(t) {
		if !only.MatchString(c.name) {
			continue
		}
		path, args := c.files(t)
		var idle, peer, ours []started
		for range 5 {
			idle = append(idle, startOf(t, ort, nil, "node", "-e", startNode))
			peer = append(peer, startOf(t, ort, nil, "node", append([]string{"--input-type=module", "-e", startORT, path}, args...)...))
			ours = append(ours, startOf(t, ".", append([]string{"KCOMPRESS_START=" + path}, "KCOMPRESS_INPUTS="+string(mustJSON(t, args))), os.Args[0], "-test.run", "^TestStart$"))
		}
		a, b := medianStart(peer), medianStart(ours)
		a.KB -= medianStart(idle).KB
		fmt.Printf("| %s | %.1f | %.1f | %.2f | %.1f | %.1f | %.2f |\n", c.name, a.Ms, b.Ms, b.Ms/a.Ms, a.KB/1024, b.KB/1024, b.KB/a.KB)
	}
}

// startHere opens the model, runs it once, and prints what that took.
func startHere(t *testing.T, path string) {
	var args []string
	if err := json.Unmarshal([]byte(os.Getenv("KCOMPRESS_INPUTS")), &args); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	s, err := runtime.Open(path, runtime.WithThreads(1))
	if err != nil {
		t.Fatal(err)
	}
	inputs, err := readInputs(args)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(context.Background(), inputs); err != nil {
		t.Fatal(err)
	}
	ms := milliseconds(time.Since(start))
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%s\n", mustJSON(t, started{ms, float64(usage.Maxrss)}))
}

// startOf runs a command and reads the first line that it prints.
func startOf(t *testing.T, dir string, env []string, name string, args ...string) started {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	var s started
	if err == nil {
		line := out
		if at := slices.Index(out, '\n'); at >= 0 {
			line = out[:at]
		}
		err = json.Unmarshal(line, &s)
	}
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
	return s
}

func medianStart(all []started) started {
	var ms, kb []float64
	for _, s := range all {
		ms, kb = append(ms, s.Ms), append(kb, s.KB)
	}
	slices.Sort(ms)
	slices.Sort(kb)
	return started{ms[len(ms)/2], kb[len(kb)/2]}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// files returns the absolute path of the model and its inputs as NAME=FILE.
func (c *speedCase) files(t *testing.T) (path string, inputs []string) {
	t.Helper()
	path, err := filepath.Abs(c.path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, x := range c.inputs {
		file := filepath.Join(dir, fmt.Sprint(len(inputs))+".npy")
		if err := npy.WriteFile(file, x); err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, name+"="+file)
	}
	return path, inputs
}
