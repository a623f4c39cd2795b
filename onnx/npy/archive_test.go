package npy

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

func TestArchive(t *testing.T) {
	x := onnx.FromSlice([]float32{1, 2, float32(math.Inf(1))}, 3)
	x.Name = "x"
	s := onnx.FromStrings([]string{"a", "bc"}, 2)
	s.Name = "labels/s"
	dir := t.TempDir()
	path := filepath.Join(dir, "a.npz")
	if err := WriteArchiveFile(path, []*onnx.Tensor{x, s}); err != nil {
		t.Fatal(err)
	}
	all, err := ReadArchive(path)
	if err != nil || len(all) != 2 || !same(all[0], x) || !same(all[1], s) || all[0].Name != "x" || all[1].Name != "labels/s" {
		t.Errorf("got %v, %v", all, err)
	}
	a, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.Names(); !slices.Equal(got, []string{"x", "labels/s"}) {
		t.Errorf("names: %v", got)
	}
	if got, err := a.Tensor("x"); err != nil || !same(got, x) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := a.Tensor("y"); err == nil || !strings.Contains(err.Error(), "x, labels/s") {
		t.Errorf("an array that is not there: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if _, err := ReadArchive(path, WithLimit(20)); !errors.Is(err, ErrLimit) {
		t.Errorf("over the limit together: %v", err)
	}
}

// zipOf returns a zip file with entries of the given names and contents.
func zipOf(t testing.TB, entries ...[2]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		w, err := z.Create(e[0]) // compressed
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArchiveRefuses(t *testing.T) {
	one := string(file(header4("|u1", "False", "(1,)"), 7))
	broken := zipOf(t, [2]string{"x.npy", one})
	at := bytes.LastIndex(broken, []byte("PK\x01\x02"))
	broken[at+16]++ // the checksum in the directory
	tests := []struct {
		name string
		file []byte
		says string
	}{
		{"no zip file", []byte("hello, world"), "zip"},
		{"two of one name", zipOf(t, [2]string{"x.npy", one}, [2]string{"x.npy", one}), "two arrays"},
		{"bomb", zipOf(t, [2]string{"x.npy", string(file(header4("|u1", "False", "(2000000,)"))) + strings.Repeat("\x00", 2_000_000)}), "limit"},
		{"more than the shape needs", zipOf(t, [2]string{"x.npy", one + strings.Repeat("\x00", 10)}), "more data"},
		{"wrong checksum", broken, "checksum"},
		{"no array", zipOf(t, [2]string{"x.npy", "text"}), `array "x"`},
	}
	for _, test := range tests {
		path := filepath.Join(t.TempDir(), "a.npz")
		if err := os.WriteFile(path, test.file, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ReadArchive(path, WithLimit(1_000_000))
		if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want an error with %q", test.name, err, test.says)
		}
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.npy")
	x := onnx.FromSlice([]int64{1, 2}, 2)
	if err := WriteFile(path, x); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadFile(path); err != nil || !same(got, x) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := ReadFile(dir); err == nil {
		t.Error("a folder is read as an array")
	}
	if _, err := Open(dir); err == nil {
		t.Error("a folder is opened as an archive")
	}
}

// TestSharedArchives reads the archives beside the repository, which NumPy
// wrote, and writes every array as NumPy did.
func TestSharedArchives(t *testing.T) {
	const dir = "../../../shared"
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("SKIPPED: the real data are not here: %v", err)
	}
	arrays := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".npz") {
			return err
		}
		a, err := Open(path)
		if err != nil {
			return err
		}
		defer a.Close()
		for _, name := range a.Names() {
			x, err := a.Tensor(name)
			if err != nil {
				t.Error(err)
				continue
			}
			arrays++
			if x.Len() > 1<<20 {
				continue // read is enough
			}
			r, err := a.entries[name].Open()
			if err != nil {
				return err
			}
			want, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			var got bytes.Buffer
			if err := Write(&got, x); err != nil {
				t.Errorf("%s: %s: %v", path, name, err)
			}
			if !bytes.Equal(got.Bytes(), want) && !bytes.Contains(want[:128], []byte("'fortran_order': True")) {
				t.Errorf("%s: %s is written differently", path, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d arrays", arrays)
}
