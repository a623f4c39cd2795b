//go:build unix

package main

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestInterruptedFitLeavesNothing stops a fit in its longest stage as Ctrl-C
// and a service manager do.
func TestInterruptedFitLeavesNothing(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := makeModel([]string{"mlp", filepath.Join(dir, "m.onnx")}); err != nil {
				t.Fatal(err)
			}
			if err := makeData([]string{"unlabelled", filepath.Join(dir, "x.npz")}); err != nil {
				t.Fatal(err)
			}
			before := fileNames(t, dir)
			code, text := interruptFit(t, dir, signal)
			if code != exitFailure {
				t.Errorf("exit code %d, want %d", code, exitFailure)
			}
			if !strings.Contains(text, "interrupted: nothing was written") {
				t.Errorf("standard error does not say that nothing was written:\n%s", text)
			}
			if after := fileNames(t, dir); !slices.Equal(after, before) {
				t.Errorf("the folder holds %q, before the fit %q", after, before)
			}
		})
	}
}

// interruptFit starts a long fit, waits until a layer is fitted, and signals.
func interruptFit(t *testing.T, dir string, signal syscall.Signal) (code int, stderr string) {
	program, err := exec.LookPath("kcompress")
	if err != nil {
		t.Fatal(err) // TestMain puts it there
	}
	cmd := exec.CommandContext(t.Context(), program, "fit", "m.onnx", "--data", "x.npz", "--steps", "1000000", "--layer", "fc1=dense", "--layer", "fc3=dense", "--layer", "fc2=1x32x32x3,32x3x3x1", "--threads", "1")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CACHE_HOME="+dir)
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		text.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "calibrate") {
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); errors.As(err, &exit) {
		return exit.ExitCode(), text.String()
	} else if err != nil {
		t.Fatal(err)
	}
	return 0, text.String()
}

func fileNames(t *testing.T, dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
