package onnx

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	root, err := filepath.EvalSymlinks(sharedDir) // WalkDir does not follow a link
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
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
		// What is in external files becomes a part of the model.
		read, err := Decode(out)
		if err != nil {
			t.Errorf("read again: %v", err)
			continue
		}
		read.Path = path
		if diff := cmp.Diff(m, read, sameModel); diff != "" {
			t.Errorf("%s was changed by reading and writing it:\n%s", path, diff)
		}
		if !bytes.Contains(data, []byte("location")) && !bytes.Equal(canonical(t, data), canonical(t, out)) {
			t.Errorf("%s: fields were changed by reading and writing it", path)
		}
	}
	t.Logf("%d models, %d written byte for byte as they were", len(paths), equal)
}

// canonical returns a model written in the order of the field numbers.
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

// TestSharedValues reads the inputs and outputs of the test cases, whose
// models say of which types they are, and writes the tensors again.
func TestSharedValues(t *testing.T) {
	kinds := map[TypeKind]int{}
	for _, path := range sharedFiles(t, "model.onnx") {
		m, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		for side, infos := range map[string][]ValueInfo{"input": m.Graph.FeedInputs(), "output": m.Graph.Outputs} {
			for i, info := range infos {
				file := filepath.Join(filepath.Dir(path), "test_data_set_0", fmt.Sprintf("%s_%d.pb", side, i))
				data, err := os.ReadFile(file)
				if os.IsNotExist(err) {
					continue
				}
				v, err := ReadValueFile(file, info.Type)
				if err != nil {
					t.Errorf("%v (%v)", err, info.Type.Kind)
					continue
				}
				kinds[info.Type.Kind]++
				x, ok := v.(*Tensor)
				if ok && info.Type.Elem != x.Type {
					t.Errorf("%s: %v, the model says %v", file, x, info.Type.Elem)
				}
				if ok && !bytes.Equal(EncodeTensor(x), data) {
					t.Errorf("%s: written differently", file)
				}
			}
		}
	}
	t.Logf("values by kind: %v", kinds)
	if kinds[TensorType] < 4000 || kinds[SequenceType] == 0 || kinds[OptionalType] == 0 {
		t.Errorf("too few values: %v", kinds)
	}
}
