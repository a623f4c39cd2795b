package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcompress/kcompress/kernels/cpu"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// benchResult is the JSON form of a comparison of times.
type benchResult struct {
	Models []benchModel `json:"models"`
}

// benchModel is the JSON form of the times of one model.
type benchModel struct {
	Model    string  `json:"model"`
	MinMs    float64 `json:"min_ms"`
	MedianMs float64 `json:"median_ms"`
	P90Ms    float64 `json:"p90_ms"`
	P99Ms    float64 `json:"p99_ms"`
	// Ratio is the first model's median over this one's.
	Ratio   float64 `json:"ratio"`
	Runs    int     `json:"runs"`
	Threads int     `json:"threads"`
	CPU     string  `json:"cpu"`
}

// warmUpRuns are run before any time is taken.
const warmUpRuns = 5

func newBench(c console) *cobra.Command {
	var inputs []string
	var threads, runs int
	var asJSON, profiled bool
	var trace string
	cmd := &cobra.Command{
		Use:   "bench MODEL...",
		Short: "Time models against each other",
		Long: `bench runs the models in turn (A B A B ...) on the same inputs after a warm-up and
prints minimum, median, 90th and 99th percentile of a run, and how many times
faster each is than the first. Inputs that are not given are random, with size 1
for every symbolic axis.

With --profile each model is run by itself, and the table shows where its time
goes: for each node the kernel that was chosen, the median time, its share of all
nodes, the arithmetic done and the memory read and written per second. --trace
writes every node of the last run to a file for chrome://tracing or Perfetto.`,
		Example: `  kcompress bench model.onnx model.k.onnx --threads 1 --input image=uint8[1,3,32,32]
  kcompress bench model.onnx --profile --trace model.trace.json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, paths []string) error {
			if runs < 1 {
				return usage(fmt.Errorf("--runs %d: give at least 1", runs))
			}
			if profiled || trace != "" {
				return benchProfile(cmd.Context(), c, paths, inputs, threads, runs, trace, asJSON)
			}
			models, err := benchModels(cmd.Context(), paths, inputs, threads, runs)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.out, benchResult{models})
			}
			var rows [][]any
			for _, m := range models {
				rows = append(rows, []any{m.Model, fmt.Sprintf("%.4f", m.MinMs), fmt.Sprintf("%.4f", m.MedianMs), fmt.Sprintf("%.4f", m.P90Ms), fmt.Sprintf("%.4f", m.P99Ms), fmt.Sprintf("%.2fx", m.Ratio)})
			}
			printTable(c.out, []any{"model", "min ms", "median ms", "p90 ms", "p99 ms", "speed"}, rows)
			fmt.Fprintf(c.out, "%d runs in turn, %d threads, kernels for %s\n", runs, models[0].Threads, models[0].CPU)
			return nil
		},
	}
	cmd.Flags().StringArrayVarP(&inputs, "input", "i", nil, "NAME=FILE or NAME=float32[1,3,32,32] (repeatable)")
	cmd.Flags().IntVar(&threads, "threads", 1, "number of threads of a run; 0 means all CPUs")
	cmd.Flags().IntVar(&runs, "runs", 100, "number of timed runs of each model")
	cmd.Flags().BoolVar(&profiled, "profile", false, "show the time of every node instead")
	cmd.Flags().StringVar(&trace, "trace", "", "write the nodes of a run to this file, in the Chrome trace format (means --profile)")
	completeFiles(cmd, "onnx")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

func benchModels(ctx context.Context, paths, inputs []string, threads, runs int) ([]benchModel, error) {
	sessions := make([]*runtime.Session, len(paths))
	feeds := make([]map[string]*onnx.Tensor, len(paths))
	times := make([][]time.Duration, len(paths))
	for i, path := range paths {
		s, err := openSession(path, threads)
		if err != nil {
			return nil, err
		}
		defer s.Close()
		sessions[i] = s
		if feeds[i], err = benchInputs(s.Inputs(), inputs); err != nil {
			return nil, err
		}
	}
	results := make([]map[string]*onnx.Tensor, len(paths))
	for run := range warmUpRuns + runs {
		for i, s := range sessions {
			start := time.Now()
			if err := runAgain(ctx, s, feeds[i], &results[i]); err != nil {
				return nil, runError(paths[i], err)
			}
			if run >= warmUpRuns {
				times[i] = append(times[i], time.Since(start))
			}
		}
	}
	models := make([]benchModel, len(paths))
	for i, path := range paths {
		slices.Sort(times[i])
		at := func(q float64) float64 {
			return float64(times[i][min(runs-1, int(q*float64(runs)))].Nanoseconds()) / 1e6
		}
		models[i] = benchModel{Model: path, MinMs: at(0), MedianMs: at(0.5), P90Ms: at(0.9), P99Ms: at(0.99), Runs: runs, Threads: sessions[i].Threads(), CPU: cpu.Current().String()}
		models[i].Ratio = models[0].MedianMs / models[i].MedianMs
	}
	return models, nil
}

// runAgain runs a session; from the second run on results are computed in the
// memory of those before.
func runAgain(ctx context.Context, s *runtime.Session, inputs map[string]*onnx.Tensor, results *map[string]*onnx.Tensor) (err error) {
	if *results == nil {
		*results, err = s.Run(ctx, inputs)
		return err
	}
	return s.RunInto(ctx, inputs, *results)
}
