package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// profileResult is the JSON form of where the time of models goes.
type profileResult struct {
	Models []profileModel `json:"models"`
}

type profileModel struct {
	Model string `json:"model"`
	// RunMs is the median of whole runs, which tracing slows a little.
	RunMs float64       `json:"run_ms"`
	Nodes []profileNode `json:"nodes"`
}

// profileNode is the JSON form of the time of one node, in the order of a run.
type profileNode struct {
	Node   string `json:"node"`
	Op     string `json:"op"`
	Kernel string `json:"kernel"`
	Shape  []int  `json:"shape"`
	// MedianMs is the median over the runs; Share its part of all nodes.
	MedianMs float64 `json:"median_ms"`
	Share    float64 `json:"share"`
	GFlops   float64 `json:"gflop_per_s"`
	GBytes   float64 `json:"gb_per_s"`
}

// profiledModel is a model with what its runs took.
type profiledModel struct {
	path  string
	runs  [][]runtime.NodeTime
	whole []time.Duration
}

// benchProfile is bench --profile.
func benchProfile(ctx context.Context, c console, paths, inputs []string, threads, runs int, trace string, asJSON bool) error {
	if trace != "" {
		if err := checkOutput(trace, paths...); err != nil {
			return err
		}
	}
	models, err := profile(ctx, paths, inputs, threads, runs)
	if err != nil {
		return err
	}
	if trace != "" {
		if err := writeTrace(trace, models); err != nil {
			return err
		}
	}
	results := make([]profileModel, len(models))
	for i := range models {
		results[i] = models[i].result()
	}
	if asJSON {
		return printJSON(c.out, profileResult{results})
	}
	printProfile(c.out, results)
	return nil
}

// profile runs each model and keeps the time of every node.
func profile(ctx context.Context, paths, inputs []string, threads, runs int) ([]profiledModel, error) {
	models := make([]profiledModel, len(paths))
	for i, path := range paths {
		m := &models[i]
		m.path = path
		var current []runtime.NodeTime
		s, err := openSession(path, threads, runtime.WithTrace(func(t runtime.NodeTime) { current = append(current, t) }))
		if err != nil {
			return nil, err
		}
		defer s.Close()
		feeds, err := benchInputs(s.Inputs(), inputs)
		if err != nil {
			return nil, err
		}
		var results map[string]*onnx.Tensor
		for run := range warmUpRuns + runs {
			current = make([]runtime.NodeTime, 0, len(current))
			start := time.Now()
			if err := runAgain(ctx, s, feeds, &results); err != nil {
				return nil, runError(path, err)
			}
			if run >= warmUpRuns {
				m.whole = append(m.whole, time.Since(start))
				m.runs = append(m.runs, current)
			}
		}
	}
	return models, nil
}

// result summarises the runs: medians of each node.
func (m *profiledModel) result() profileModel {
	r := profileModel{Model: m.path, RunMs: milliseconds(median(m.whole)), Nodes: []profileNode{}}
	total := 0.0
	for i, t := range m.runs[0] {
		durations := make([]time.Duration, len(m.runs))
		for j, run := range m.runs {
			durations[j] = run[i].Duration
		}
		d := max(median(durations), 1)
		n := profileNode{Node: nodeLabel(t.Node), Op: t.Node.Op, Kernel: t.Kernel, Shape: t.Shape, MedianMs: milliseconds(d)}
		n.GFlops, n.GBytes = float64(t.Operations)/float64(d), float64(t.Bytes)/float64(d)
		total += n.MedianMs
		r.Nodes = append(r.Nodes, n)
	}
	for i := range r.Nodes {
		r.Nodes[i].Share = r.Nodes[i].MedianMs / total
	}
	return r
}

// nodeLabel names a node for people: its name, or its first output.
func nodeLabel(n *onnx.Node) string {
	if n.Name == "" && len(n.Outputs) > 0 {
		return n.Outputs[0]
	}
	return n.Name
}

func median(d []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[len(sorted)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// shownNodes is how many nodes a table lists; --trace has all of them.
const shownNodes = 40

// printProfile writes the slowest nodes of each model, and the time by operator
// and kernel.
func printProfile(w io.Writer, models []profileModel) {
	for _, m := range models {
		fmt.Fprintf(w, "%s: %d nodes, %.4f ms a run\n", m.Model, len(m.Nodes), m.RunMs)
		sorted := slices.SortedStableFunc(slices.Values(m.Nodes), func(a, b profileNode) int { return cmp.Compare(b.MedianMs, a.MedianMs) })
		var rows [][]any
		for _, n := range sorted[:min(len(sorted), shownNodes)] {
			rows = append(rows, []any{n.Node, n.Op, orDash(n.Kernel), shapeText(n.Shape), fmt.Sprintf("%.4f", n.MedianMs), percent(n.Share), rate(n.GFlops), rate(n.GBytes)})
		}
		printTable(w, []any{"node", "op", "kernel", "output", "median ms", "share", "GFLOP/s", "GB/s"}, rows)
		printTable(w, []any{"op", "kernel", "nodes", "ms", "share"}, byOperator(m.Nodes))
	}
}

// byOperator adds up the nodes of each operator and kernel, the slowest first.
func byOperator(nodes []profileNode) [][]any {
	type sum struct {
		op, kernel string
		nodes      int
		ms, share  float64
	}
	var sums []*sum
	for _, n := range nodes {
		i := slices.IndexFunc(sums, func(s *sum) bool { return s.op == n.Op && s.kernel == n.Kernel })
		if i < 0 {
			i = len(sums)
			sums = append(sums, &sum{op: n.Op, kernel: n.Kernel})
		}
		s := sums[i]
		s.nodes++
		s.ms += n.MedianMs
		s.share += n.Share
	}
	slices.SortStableFunc(sums, func(a, b *sum) int { return cmp.Compare(b.ms, a.ms) })
	var rows [][]any
	for _, s := range sums {
		rows = append(rows, []any{s.op, orDash(s.kernel), s.nodes, fmt.Sprintf("%.4f", s.ms), percent(s.share)})
	}
	return rows
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func percent(share float64) string { return fmt.Sprintf("%.1f%%", 100*share) }

func rate(perNanosecond float64) string {
	if perNanosecond == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", perNanosecond)
}

func shapeText(shape []int) string { return strings.ReplaceAll(fmt.Sprint(shape), " ", ",") }

// traceEvent is a complete event of the Chrome trace event format, which
// chrome://tracing and Perfetto show. Times are in microseconds.
type traceEvent struct {
	Name     string         `json:"name"`
	Category string         `json:"cat,omitempty"`
	Phase    string         `json:"ph"`
	Start    float64        `json:"ts"`
	Duration float64        `json:"dur"`
	Process  int            `json:"pid"`
	Thread   int            `json:"tid"`
	Args     map[string]any `json:"args,omitempty"`
}

// writeTrace writes the last run of each model as a Chrome trace file, a
// process for each model.
func writeTrace(path string, models []profiledModel) error {
	events := []traceEvent{}
	for i, m := range models {
		events = append(events, traceEvent{Name: "process_name", Phase: "M", Process: i + 1, Args: map[string]any{"name": m.path}})
		run := m.runs[len(m.runs)-1]
		for _, t := range run {
			args := map[string]any{"operator": t.Node.Op, "kernel": t.Kernel, "shape": t.Shape, "operations": t.Operations, "bytes": t.Bytes}
			events = append(events, traceEvent{
				Name: nodeLabel(t.Node), Category: t.Node.Op, Phase: "X", Process: i + 1, Thread: 1, Args: args,
				Start: float64(t.Start.Sub(run[0].Start).Nanoseconds()) / 1e3, Duration: float64(t.Duration.Nanoseconds()) / 1e3,
			})
		}
	}
	data, err := json.Marshal(map[string]any{"traceEvents": events})
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
