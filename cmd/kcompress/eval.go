package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/fit/measure"
	"github.com/kcompress/kcompress/onnx"
)

// evalResult is the JSON form of an evaluation.
type evalResult struct {
	Models []evalModel `json:"models"`
}

// evalModel is the JSON form of the figure of one model.
type evalModel struct {
	Model   string  `json:"model"`
	Metric  string  `json:"metric"`
	Value   float64 `json:"value"`
	Samples int     `json:"samples"`
	// Loss is what is lost against the first model: its accuracy less this
	// one's, or this one's distance to it.
	Loss float64 `json:"loss"`
}

func newEval(c console) *cobra.Command {
	var data, label, metricName, output string
	var threads int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "eval MODEL... --data TEST.npz",
		Short: "Measure the accuracy of models, and the loss against the first",
		Long: `eval runs every model on the data. With labels it gives the share of samples whose
label is the best (top1) or among the five best (top5) scores; mse, kl, cosine and
maxabs compare the outputs with those of the first model.`,
		Example: `  kcompress eval model.onnx model.k.onnx --data test.npz`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, paths []string) error {
			if data == "" {
				return usage(fmt.Errorf("give the test data with --data"))
			}
			metric, err := measure.ParseMetric(metricName)
			if err != nil {
				return usage(err)
			}
			e := evaluation{metric: metric, label: label, output: output, threads: threads}
			var models []evalModel
			for _, path := range paths {
				m, err := e.model(cmd, path, data)
				if err != nil {
					return err
				}
				models = append(models, m)
			}
			if asJSON {
				return printJSON(c.out, evalResult{models})
			}
			var rows [][]any
			for _, m := range models {
				value, loss := fmt.Sprintf("%.4g", m.Value), fmt.Sprintf("%.4g", m.Loss)
				if metric.NeedsLabels() {
					value, loss = fmt.Sprintf("%.2f%%", 100*m.Value), fmt.Sprintf("%.2f points", 100*m.Loss)
				}
				rows = append(rows, []any{m.Model, m.Metric, value, loss, m.Samples})
			}
			printTable(c.out, []any{"model", "metric", "value", "loss", "samples"}, rows)
			return nil
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "inputs and labels: FILE.npz or a folder of batches")
	cmd.Flags().StringVar(&label, "label", "label", "array of class numbers in the data")
	cmd.Flags().StringVar(&metricName, "metric", "top1", "top1, top5, mse, kl, cosine or maxabs")
	cmd.Flags().StringVar(&output, "output", "", "output that holds the scores (default: the first)")
	cmd.Flags().IntVar(&threads, "threads", 0, "number of threads (default: all CPUs)")
	completeFiles(cmd, "onnx")
	completeValues(cmd, "metric", "top1", "top5", "mse", "kl", "cosine", "maxabs")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// evaluation measures models one after the other, the first as the reference.
type evaluation struct {
	metric        measure.Metric
	label, output string
	threads       int

	graph     *onnx.Graph
	reference measure.Outputs
	first     float64
}

func (e *evaluation) model(cmd *cobra.Command, path, dataPath string) (evalModel, error) {
	m := evalModel{Model: path, Metric: string(e.metric)}
	s, err := openSession(path, e.threads)
	if err != nil {
		return m, err
	}
	defer s.Close()
	d, err := calibrate.Load(dataPath, s.Inputs())
	if err != nil {
		return m, err
	}
	outputs, err := measure.Run(cmd.Context(), s, d)
	if err != nil {
		return m, fmt.Errorf("%s: %w", path, err)
	}
	isFirst := e.reference == nil
	if isFirst {
		e.reference, e.graph = outputs, s.Model().Graph
	}
	if !e.metric.NeedsLabels() {
		m.Value, err = measure.Against(e.graph, e.metric, e.reference, outputs)
		m.Samples, m.Loss = d.Samples, m.Value
		if e.metric == measure.Cosine {
			m.Loss = 1 - m.Value
		}
		return m, err
	}
	k := 1
	if e.metric == measure.Top5 {
		k = 5
	}
	output := e.output
	if output == "" {
		output = s.Outputs()[0].Name
	}
	if m.Value, m.Samples, err = measure.Accuracy(outputs, output, d, e.label, k); err != nil {
		return m, fmt.Errorf("%s: %w", path, err)
	}
	if isFirst {
		e.first = m.Value
	}
	m.Loss = e.first - m.Value
	return m, nil
}
