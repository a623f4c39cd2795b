package onnx

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/onnx/internal/pb"
)

// sharedDir is the folder of real models beside the repository.
const sharedDir = "../../shared"

// sharedFiles returns the files below sharedDir whose names end in suffix.
func sharedFiles(t *testing.T, suffix string) []string {
	t.Helper()
	if _, err := os.Stat(sharedDir); err != nil {
		t.Skipf("SKIPPED: the real models are not here: %v", err)
	}
	var paths []string
	err := filepath.WalkDir(sharedDir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, suffix) {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("no %s files below %s: %v", suffix, sharedDir, err)
	}
	return paths
}

// TestSharedModels loads, checks and rewrites every real model, and compares
// the messages before and after.
func TestSharedModels(t *testing.T) {
	paths := sharedFiles(t, ".onnx")
	equal := 0
	for _, path := range paths {
		m, err := Load(path)
		if err != nil {
			t.Errorf("load: %v", err)
			continue
		}
		if err := m.Check(); err != nil {
			t.Errorf("check: %v", err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out, err := m.Encode()
		if err != nil {
			t.Errorf("encode: %v", err)
			continue
		}
		if bytes.Equal(data, out) {
			equal++
			continue
		}
		compareMessages(t, path, data, out)
	}
	t.Logf("%d models, %d written byte for byte as they were", len(paths), equal)
}

// compareMessages compares two encoded models field by field, by writing both
// in the order of the field numbers.
func compareMessages(t *testing.T, path string, before, after []byte) {
	t.Helper()
	if !bytes.Equal(canonical(t, before), canonical(t, after)) {
		t.Errorf("%s: the model was changed by reading and writing it", path)
	}
}

func canonical(t *testing.T, model []byte) []byte {
	t.Helper()
	var p pb.ModelProto
	if err := p.Unmarshal(model); err != nil {
		t.Fatal(err)
	}
	out, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return out
}
