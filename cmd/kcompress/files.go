package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// loadModel reads a model given on the command line.
func loadModel(path string) (*onnx.Model, error) {
	m, err := onnx.Load(path)
	return m, coded(exitBadModel, err)
}

// openSession makes a model given on the command line ready to run.
func openSession(path string, threads int, more ...runtime.Option) (*runtime.Session, error) {
	if threads < 0 {
		return nil, usage(fmt.Errorf("--threads %d: give a number of threads, or 0 for all CPUs", threads))
	}
	s, err := runtime.Open(path, append(more, runtime.WithThreads(threads))...)
	return s, coded(exitBadModel, err)
}

// inFile adds the file to an error that names none.
func inFile(path string, err error) error {
	var model *onnx.Error
	if err == nil || strings.Contains(err.Error(), path) || errors.As(err, &model) && model.File != "" {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// compactPath is the default output for a model: MODEL.k.onnx beside it.
func compactPath(model string) string {
	return strings.TrimSuffix(model, filepath.Ext(model)) + ".k.onnx"
}

// checkOutput makes sure, before any work, that a file can be written and that
// writing it destroys none of the inputs.
func checkOutput(out string, inputs ...string) error {
	for _, in := range inputs {
		if same(out, in) {
			return usage(fmt.Errorf("the output %s is an input: choose another with -o", out))
		}
	}
	if info, err := os.Stat(out); err == nil && !info.Mode().IsRegular() {
		return usage(fmt.Errorf("the output %s is no regular file: choose another with -o", out))
	}
	f, err := os.CreateTemp(filepath.Dir(out), ".kcompress-*")
	if err != nil {
		return fmt.Errorf("%s can not be written: %w; choose another place with -o", out, reason(err))
	}
	f.Close()
	return os.Remove(f.Name())
}

// reason is an error of the file system without the operation and the path.
func reason(err error) error {
	var e *os.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// same reports whether both paths lead to one file that exists.
func same(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}
