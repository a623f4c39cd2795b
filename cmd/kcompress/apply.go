package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kcompress/kcompress/fit"
	"github.com/kcompress/kcompress/onnx"
)

func newApply(c console) *cobra.Command {
	var out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "apply FITTED.k.onnx OTHER.onnx [-o OUT.onnx]",
		Short: "Put the chains of one file into another graph with the same weights",
		Long: `apply looks in OTHER for the weights that the chains of FITTED replaced, by their
sha256, and replaces them there too: one fit serves an encoder and a decoder that
were exported from one model, or a prefill and a decode graph. What stays dense
is stored as FITTED stores its weights.`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			fitted, err := onnx.Load(args[0])
			if err != nil {
				return coded(exitBadModel, err)
			}
			other, err := onnx.Load(args[1])
			if err != nil {
				return coded(exitBadModel, err)
			}
			if out == "" {
				out = strings.TrimSuffix(args[1], filepath.Ext(args[1])) + ".k.onnx"
			}
			if same(out, args[0]) || same(out, args[1]) {
				return usage(fmt.Errorf("the output %s is an input: choose another with -o", out))
			}
			result, err := fit.Apply(fitted, other)
			if err != nil {
				return err
			}
			if err := result.Model.Save(out); err != nil {
				return err
			}
			result.Output = out
			if asJSON {
				return printJSON(c.out, result)
			}
			fmt.Fprintf(c.out, "%s: replaced %d of %d dense layers with %d chains of %s; %d -> %d bytes\n", out, result.Replaced, result.Layers, result.Chains, args[0], result.BytesBefore, result.BytesAfter)
			return nil
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "file to write (default OTHER.k.onnx)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}
