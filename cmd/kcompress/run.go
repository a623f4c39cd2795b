package main

import (
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
			s, err := runtime.Open(args[0], runtime.WithThreads(threads))
			if err != nil {
				return coded(exitBadModel, err)
			}
			defer s.Close()
			feeds := map[string]*onnx.Tensor{}
			for _, text := range inputs {
				name, t, err := readInput(text)
				if err != nil {
					return err
				}
				feeds[name] = t
			}
			results, err := s.Run(cmd.Context(), feeds)
			if err != nil {
				return err
			}
			written, err := writeOutputs(output, s.Outputs(), results)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.out, map[string]any{"outputs": written})
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
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was written as JSON")
	return cmd
}

// readInput reads NAME=FILE, or NAME=type[sizes] for random numbers.
func readInput(text string) (string, *onnx.Tensor, error) {
	name, source, ok := strings.Cut(text, "=")
	if !ok || name == "" || source == "" {
		return "", nil, usage(fmt.Errorf("--input %q is not of the form NAME=FILE", text))
	}
	if t, isRandom, err := randomInput(source); isRandom {
		return name, t, usage(err)
	}
	t, err := readTensor(source, name)
	if err != nil {
		return "", nil, fmt.Errorf("input %q: %w", name, err)
	}
	return name, t, nil
}

func readTensor(path, name string) (*onnx.Tensor, error) {
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".npy":
		return npy.ReadFile(path)
	case ".pb":
		return onnx.ReadTensorFile(path)
	case ".npz":
		arrays, err := npy.ReadArchive(path)
		if err != nil {
			return nil, err
		}
		if len(arrays) == 1 {
			return arrays[0], nil
		}
		for _, t := range arrays {
			if t.Name == name {
				return t, nil
			}
		}
		return nil, fmt.Errorf("%s has no array of that name", path)
	default:
		return nil, fmt.Errorf("%s: unknown kind of file %q: use .npy, .npz or .pb", path, ext)
	}
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
	var written []writtenOutput
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
