package onnx

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// files returns the names in a folder.
func files(t *testing.T, dir string) []string {
	t.Helper()
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

// TestSaveRoundTrip saves random models, with and without external data.
func TestSaveRoundTrip(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		m := anyModel(t)
		big := NewTensor(Float32, 300+rapid.IntRange(0, 3000).Draw(t, "size"))
		for i := range big.raw {
			big.raw[i] = byte(i * 7)
		}
		big.Name = "big"
		tied := *big
		tied.Name = "tied"
		m.Graph.Initializers = append(m.Graph.Initializers, big, &tied)
		path := filepath.Join(dir, "model.onnx")
		limit := rapid.SampledFrom([]int{0, maxFile}).Draw(t, "limit")
		if err := m.Save(path, WithFileLimit(limit)); err != nil {
			t.Fatal(err)
		}
		read, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, read, sameModel, cmpopts.IgnoreFields(Model{}, "Path")); diff != "" {
			t.Fatalf("saved and loaded (-, +):\n%s", diff)
		}
	})
}

func TestSaveExternal(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model.onnx")
	m := chainModel()
	for i, name := range []string{"a1", "a2"} {
		x := NewTensor(Float64, 1000)
		View[float64](x)[0] = float64(i)
		x.Name = name
		m.Graph.Initializers = append(m.Graph.Initializers, x)
	}
	if err := m.Save(path, WithFileLimit(10000)); err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir); !slices.Equal(got, []string{"model.onnx", "model.onnx.data"}) {
		t.Errorf("files: %v", got)
	}
	info, err := os.Stat(path + ".data")
	if err != nil || info.Size() != 2*4096+8000 {
		t.Errorf("size of the data: %v, %v", info.Size(), err)
	}
	read, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	// Written over the files that it is loaded from, and as one file again.
	if err := read.Save(path, WithFileLimit(10000)); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "one.onnx")
	if err := read.Save(other); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, other} {
		again, err := Load(p)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, again, sameModel, cmpopts.IgnoreFields(Model{}, "Path")); diff != "" {
			t.Errorf("%s (-, +):\n%s", p, diff)
		}
	}
	want, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(other); err != nil || !bytes.Equal(got, want) {
		t.Errorf("Save and Encode differ, %v", err)
	}
}

// TestWriteFileFails stops writing at every point: the old file must stay, and
// nothing else.
func TestWriteFileFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model.onnx")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	for n := range 5 {
		err := WriteFile(path, func(w io.Writer) error {
			if _, err := w.Write([]byte("new!")[:n]); err != nil {
				return err
			}
			return full
		})
		if !errors.Is(err, full) {
			t.Errorf("got %v", err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
			t.Errorf("the file became %q, %v", got, err)
		}
		if got := files(t, dir); len(got) != 1 {
			t.Errorf("left behind: %v", got)
		}
	}
	if err := WriteFile(path, func(w io.Writer) error { _, err := w.Write([]byte("new")); return err }); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "new" {
		t.Errorf("the file became %q, %v", got, err)
	}
}

func TestSaveErrorNamesFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "model.onnx")
	err := chainModel().Save(path)
	if err == nil || !strings.Contains(err.Error(), path) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestLoadErrorNamesFile(t *testing.T) {
	dir := t.TempDir()
	good, err := chainModel().Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"empty.onnx": {}, "text.onnx": []byte("hello, world"), "cut.onnx": good[:len(good)-5],
	} {
		path := writeTestFile(t, data, dir, name)
		_, err := Load(path)
		var e *Error
		if !errors.As(err, &e) || e.File != path || !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := Load(filepath.Join(dir, "none.onnx")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such file: got %v", err)
	}
}

// TestTruncation cuts a model at every byte: no part of it is a valid model.
func TestTruncation(t *testing.T) {
	m := chainModel()
	delete(m.Opsets, "local") // not used, so that the model is valid without it
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for n := range data {
		m, err := Decode(data[:n])
		if err != nil {
			continue
		}
		if err := m.Check(); err == nil {
			t.Errorf("the first %d of %d bytes are a valid model", n, len(data))
		}
	}
}
