package main

import (
	"encoding/json"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/kcompress/kcompress/kernels/cpu"
)

// console is where a command reads and writes: results go to out, progress and
// errors to err.
type console struct {
	in       io.Reader
	out, err io.Writer
}

// commands makes every subcommand. A new command is one file and one line here.
var commands = []func(console) *cobra.Command{
	newInspect,
	newFit,
	newRun,
	newEval,
	newBench,
	newApply,
	newTest,
	newReport,
}

func newRoot(c console) *cobra.Command {
	root := &cobra.Command{
		Use:   "kcompress",
		Short: "Make trained ONNX models smaller and faster",
		Long: `kcompress fits Kaleidoscope matrices (products of butterfly factors) to the
dense layers of a trained ONNX model, writes a compact ONNX file, runs it in
pure Go and reports what became smaller and faster and what it cost.

Exit codes: 0 done, 1 failure, 2 wrong usage, 3 bad input model, 4 goal not met,
5 verification failed. KCOMPRESS_CPU=generic|avx2|avx512|neon forces a level of
kernels; NO_COLOR turns colours off.`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			return usage(cpu.Err())
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	for _, command := range commands {
		sub := command(c)
		args := sub.Args
		sub.Args = func(cmd *cobra.Command, given []string) error { return usage(args(cmd, given)) }
		root.AddCommand(sub)
	}
	return root
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

// isTerminal reports whether w is a terminal that may be drawn on.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}
