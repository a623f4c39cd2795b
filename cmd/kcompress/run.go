package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/onnx/npy"
	"github.com/kcompress/kcompress/runtime"
)

func newRun(c console) *cobra.Command {
	var inputs []string
	var output string
	var threads int
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "run MODEL.onnx --input NAME=FILE... --output DIR",
		Short:   "Run a model once on inputs from files",
		Long:    `run reads inputs from .npy, .npz (the array of that name, or the only one) or .pb (TensorProto) files, runs the model and writes each output as a .npy file into the output folder.`,
		Example: `  kcompress run model.k.onnx --input image=image.npy --output results/`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output == "" {
				return usage(fmt.Errorf("give the folder for the outputs with --output"))
			}
			written, err := runOnce(cmd.Context(), args[0], inputs, output, threads)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.out, runResult{written})
			}
			for _, w := range written {
				fmt.Fprintf(c.out, "%s  %s%v\n", w.File, w.Type, w.Shape)
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVarP(&inputs, "input", "i", nil, "NAME=FILE.npy, NAME=FILE.npz, NAME=FILE.pb or NAME=float32[1,3,32,32] for random numbers (repeatable)")
	cmd.Flags().StringVarP(&output, "output", "o", "", "folder for the outputs, made if it does not exist")
	cmd.Flags().IntVar(&threads, "threads", 0, "number of threads (default: all CPUs)")
	completeFiles(cmd, "onnx")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was written as JSON")
	return cmd
}

// runOnce runs a model and returns the files that it wrote.
func runOnce(ctx context.Context, path string, inputs []string, output string, threads int) ([]writtenOutput, error) {
	s, err := openSession(path, threads)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	feeds, err := readInputs(inputs)
	if err != nil {
		return nil, err
	}
	results, err := s.Run(ctx, feeds)
	if err != nil {
		return nil, runError(path, err)
	}
	written, err := writeOutputs(output, s.Outputs(), results)
	return written, coded(exitFailure, err)
}

// runError names the model in an error of a run. Inputs that do not fit it are
// a mistake in the command line.
func runError(path string, err error) error {
	if errors.Is(err, runtime.ErrInput) {
		return usage(inFile(path, err))
	}
	return coded(exitFailure, inFile(path, err))
}

// runResult is the JSON form of a run.
type runResult struct {
	Outputs []writtenOutput `json:"outputs"`
}

// writtenOutput is the JSON form of one output file.
type writtenOutput struct {
	Name  string `json:"name"`
	File  string `json:"file"`
	Type  string `json:"type"`
	Shape []int  `json:"shape"`
}

func writeOutputs(dir string, infos []onnx.ValueInfo, results map[string]*onnx.Tensor) ([]writtenOutput, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	written := []writtenOutput{}
	taken := map[string]bool{}
	for _, info := range infos {
		t := results[info.Name]
		file := safeName(info.Name)
		for taken[file] {
			file += "_"
		}
		taken[file] = true
		path := filepath.Join(dir, file+".npy")
		if err := npy.WriteFile(path, t); err != nil {
			return nil, fmt.Errorf("output %q: %w", info.Name, err)
		}
		written = append(written, writtenOutput{info.Name, path, t.Type.String(), t.Shape})
	}
	return written, nil
}

// safeName turns the name of a value into the name of a file in the folder.
func safeName(name string) string {
	mapped := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.' {
			return r
		}
		return '_'
	}, name)
	if strings.Trim(mapped, ".") == "" {
		return "output" + strings.Repeat("_", len(mapped))
	}
	return mapped
}
