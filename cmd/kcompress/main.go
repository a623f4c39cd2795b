// Command kcompress makes trained ONNX models smaller and faster: it fits
// products of butterfly factors to their dense layers. README.md shows how.
package main

//go:generate env UPDATE_DOCS=1 go test -count=1 -run TestCLIPageIsCurrent .

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(runMain()) }

// runMain runs the command line of the process and returns its exit code.
func runMain() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal ends the work in order; the next one kills the process.
	context.AfterFunc(ctx, stop)
	return run(ctx, os.Args[1:], newConsole(os.Stdin, os.Stdout, os.Stderr))
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, c console) int {
	root := newRoot(c)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if c.out.err != nil {
		err = coded(exitFailure, fmt.Errorf("standard output: %w", c.out.err))
	}
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(c.err, "kcompress: %v\n", err)
	var known *codedError
	if errors.As(err, &known) {
		return known.code
	}
	return exitUsage // cobra did not understand the command line
}
