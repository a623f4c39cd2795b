package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kcompress/kcompress/kernels/cpu"
)

// commands makes every subcommand. A new command is one file and one line here.
var commands = []func(console) *cobra.Command{
	newInspect,
	newFit,
	newRun,
	newEval,
	newBench,
	newKernels,
	newApply,
	newTest,
	newReport,
}

// newRoot makes the command line. Errors of the commands have an exit code;
// those that cobra finds before it runs one have none.
func newRoot(c console) *cobra.Command {
	root := &cobra.Command{
		Use:   "kcompress",
		Short: "Make trained ONNX models smaller and faster",
		Long: `kcompress fits Kaleidoscope matrices (products of butterfly factors) to the
dense layers of a trained ONNX model, writes a compact ONNX file, runs it in
pure Go and reports what became smaller and faster and what it cost.

Exit codes: 0 done, 1 failure, 2 wrong usage, 3 bad input model, 4 goal not met,
5 verification failed. KCOMPRESS_CPU=generic|avx2|avx512|neon forces a level of
kernels. Results go to standard output, progress, warnings and errors to
standard error. There are no colours, with or without NO_COLOR.`,
		Version:           version(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		Args:              rejectArguments,
		PersistentPreRunE: func(*cobra.Command, []string) error { return cpu.Err() },
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.SuggestionsMinimumDistance = 2
	for _, command := range commands {
		sub := command(c)
		runE := sub.RunE
		sub.RunE = func(cmd *cobra.Command, args []string) error {
			err := runE(cmd, args)
			if errors.Is(err, context.Canceled) {
				err = errors.New("interrupted: nothing was written") // files are written last
			}
			return coded(exitCode(err), err)
		}
		root.AddCommand(sub)
	}
	addCompletion(root)
	return root
}

// rejectArguments is for commands that have subcommands only.
func rejectArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	message := fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath())
	if nearest := cmd.SuggestionsFor(args[0]); len(nearest) > 0 {
		message += "; the nearest are " + strings.Join(nearest, ", ")
	}
	return fmt.Errorf("%s; see %s --help", message, cmd.CommandPath())
}

// version is the version of the module, as the build knows it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// printJSON writes a result for programs.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
