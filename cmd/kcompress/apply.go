package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kcompress/kcompress/fit"
)

func newApply(c console) *cobra.Command {
	var out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "apply FITTED.k.onnx OTHER.onnx [-o OUT.onnx]",
		Short: "Put the chains of one file into another graph with the same weights",
		Long: `apply looks in OTHER for the weights that the chains of FITTED replaced, by their
sha256, and replaces them there too: one fit serves an encoder and a decoder that
were exported from one model, or a prefill and a decode graph. Biases and
normalisations that distillation changed are taken along. What stays dense is
stored as FITTED stores its weights.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				out = compactPath(args[1])
			}
			return runApply(cmd.Context(), c, args[0], args[1], out, asJSON)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "file to write (default OTHER.k.onnx)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	completeFiles(cmd, "onnx")
	return cmd
}

func runApply(ctx context.Context, c console, fittedPath, otherPath, out string, asJSON bool) error {
	if err := checkOutput(out, fittedPath, otherPath); err != nil {
		return err
	}
	fitted, err := loadModel(fittedPath)
	if err != nil {
		return err
	}
	other, err := loadModel(otherPath)
	if err != nil {
		return err
	}
	result, err := fit.Apply(ctx, fitted, other, "kcompress "+version())
	if err != nil {
		return inFile(otherPath, err)
	}
	if err := result.Model.Save(out); err != nil {
		return coded(exitFailure, err)
	}
	result.Output = out
	printWarnings(c, result.Warnings)
	if asJSON {
		return printJSON(c.out, result)
	}
	fmt.Fprintf(c.out, "%s: replaced %d of %d dense layers with chains of %s; %d -> %d bytes\n", out, result.Replaced, result.Layers, fittedPath, result.BytesBefore, result.BytesAfter)
	return nil
}
