// Package report holds what a fit has to say: what became smaller and faster,
// what was kept and why, and what it cost. Its JSON keys are part of the
// interface of kcompress; docs/json.md lists them.
package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kcompress/kcompress/fit/measure"
)

// SchemaVersion is the version of the JSON form.
const SchemaVersion = 1

// Report is the result of one fit.
type Report struct {
	Schema            int     `json:"schema"`
	Input             string  `json:"input"`
	Output            string  `json:"output"`
	BytesBefore       int64   `json:"bytes_before"`
	BytesAfter        int64   `json:"bytes_after"`
	DenseParamsBefore int     `json:"dense_params_before"`
	DenseParamsAfter  int     `json:"dense_params_after"`
	Seconds           float64 `json:"seconds"`
	Method            string  `json:"method"`
	Weights           string  `json:"weights"`
	Goal              string  `json:"goal"`
	GoalMet           bool    `json:"goal_met"`
	Seed              uint64  `json:"seed"`
	Threads           int     `json:"threads"`
	CPU               string  `json:"cpu"`
	// Blind is true if no calibration data was given.
	Blind  bool    `json:"blind"`
	Layers []Layer `json:"layers"`
	// Shuffles is the number of channel permutations that weights took up.
	Shuffles int     `json:"shuffles"`
	Changed  *Change `json:"outputs,omitempty"`
	// Peers compares what was chosen with other methods of the same size, and
	// Frontier with other sizes, both before distillation and on data that was
	// held back.
	Peers    []Point `json:"peers,omitempty"`
	Frontier []Point `json:"frontier,omitempty"`
	// Distilled is what distillation did, if there was any.
	Distilled *Distillation `json:"distillation,omitempty"`
	// Accuracy is on the labelled test data, if any.
	Accuracy *Accuracy `json:"accuracy,omitempty"`
	// Time is the time of the whole model for one sample.
	Time *Time `json:"time,omitempty"`
	// Warnings are what the user should know before using the result.
	Warnings []string `json:"warnings"`
}

// Layer is the row of one dense layer or embedding.
type Layer struct {
	Name         string  `json:"name"`
	Op           string  `json:"op"`
	Shape        []int   `json:"shape"` // [out, in]; empty if it is no matrix
	Method       string  `json:"method"`
	Design       string  `json:"design"`
	ParamsBefore int     `json:"params_before"`
	ParamsAfter  int     `json:"params_after"`
	BytesBefore  int     `json:"bytes_before"`
	BytesAfter   int     `json:"bytes_after"`
	FlopsBefore  int     `json:"flops_before"` // for one input vector
	FlopsAfter   int     `json:"flops_after"`
	Error        float64 `json:"relative_error"`
	// LowRankError is the error of a product of low rank with as many
	// parameters, for comparison; 0 if it was not computed.
	LowRankError float64 `json:"low_rank_error"`
	MicrosBefore float64 `json:"us_before"`
	MicrosAfter  float64 `json:"us_after"`
	Decision     string  `json:"decision"` // replaced, kept or excluded
	Reason       string  `json:"reason"`
}

// Change is the distance of the outputs from those of the original.
type Change struct {
	measure.Distance
	// On says which data it was measured on.
	On string `json:"on"`
}

// Point is one way to compress the model, measured.
type Point struct {
	Method string `json:"method"`
	Bytes  int64  `json:"bytes"`
	// DenseParams are those of the layers that were fitted.
	DenseParams int `json:"dense_params"`
	measure.Distance
}

// Distillation is the loss on calibration data that was held back.
type Distillation struct {
	LossBefore float64 `json:"loss_before"`
	LossAfter  float64 `json:"loss_after"`
	Steps      int     `json:"steps"`
	Seconds    float64 `json:"seconds"`
}

// Accuracy compares the models on labelled data.
type Accuracy struct {
	Metric  string  `json:"metric"`
	Before  float64 `json:"before"`
	After   float64 `json:"after"`
	Samples int     `json:"samples"`
	On      string  `json:"on"`
}

// Time is the median time of a run of the whole model.
type Time struct {
	MsBefore float64 `json:"ms_before"`
	MsAfter  float64 `json:"ms_after"`
	Threads  int     `json:"threads"`
	On       string  `json:"on"`
}

// Save writes the report as JSON, by way of a temporary file.
func (r *Report) Save(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(path, append(data, '\n'))
}

// Load reads a report that Save wrote.
func Load(path string) (*Report, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("%s: is no report of kcompress: %w", path, err)
	}
	if r.Schema != SchemaVersion {
		return nil, fmt.Errorf("%s: has schema %d, this kcompress reads %d", path, r.Schema, SchemaVersion)
	}
	return &r, nil
}

// writeFile replaces a file in one step.
func writeFile(path string, data []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".kcompress-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	if _, err := temporary.Write(data); err != nil {
		temporary.Close()
		return err
	}
	if err := temporary.Chmod(0o644); err != nil {
		temporary.Close()
		return err
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
