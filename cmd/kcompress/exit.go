package main

import (
	"errors"

	"github.com/kcompress/kcompress/fit"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// The exit codes, which are part of the interface; docs/cli.md explains them.
const (
	exitOK         = 0
	exitFailure    = 1
	exitUsage      = 2
	exitBadModel   = 3
	exitGoalMissed = 4
	exitUnverified = 5
)

// codedError is an error with the exit code that it causes.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// usage marks an error as a mistake in the command line; nil stays nil.
func usage(err error) error { return coded(exitUsage, err) }

// coded gives an error an exit code; nil stays nil.
func coded(code int, err error) error {
	if err == nil {
		return nil
	}
	return &codedError{code, err}
}

// exitCode returns the exit code for an error of a command: the one it was
// given, or else the one for its kind.
func exitCode(err error) int {
	var c *codedError
	if errors.As(err, &c) {
		return c.code
	}
	var layer *fit.UnknownLayerError
	var design *fit.DesignError
	if errors.As(err, &layer) || errors.As(err, &design) {
		return exitUsage
	}
	if errors.Is(err, fit.ErrUnverified) {
		return exitUnverified
	}
	var model *onnx.Error
	var unsupported *runtime.UnsupportedError
	if errors.As(err, &model) || errors.As(err, &unsupported) {
		return exitBadModel
	}
	return exitFailure
}
