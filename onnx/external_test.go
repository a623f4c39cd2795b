package onnx

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/onnx/internal/pb"
)

// externalModel writes a model into dir whose initializer w, a float32 tensor
// of two elements, has the given external_data, and loads it.
func externalModel(t *testing.T, dir string, entries [][2]string, opts ...Option) (*Model, error) {
	t.Helper()
	p := smallModel()
	w := p.Graph.Initializer[0]
	w.RawData, w.DataLocation = nil, pb.TensorProto_EXTERNAL.Enum()
	for _, e := range entries {
		w.ExternalData = append(w.ExternalData, &pb.StringStringEntryProto{Key: &e[0], Value: &e[1]})
	}
	data, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "model.onnx")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return Load(path, opts...)
}

func location(name string) [][2]string { return [][2]string{{"location", name}} }

// twoFloats are the bytes of the initializer, 3 and 4.
var twoFloats = slices.Clone(bytesOf([]float32{3, 4}))

func writeTestFile(t *testing.T, data []byte, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestExternalData(t *testing.T) {
	dir := t.TempDir()
	writeTestFile(t, twoFloats, dir, "w.bin")
	writeTestFile(t, append([]byte{9}, twoFloats...), dir, "sub", "folder", "w.bin")
	sum := sha1.Sum(twoFloats)
	for name, entries := range map[string][][2]string{
		"location":       location("w.bin"),
		"dot":            location("./w.bin"),
		"all entries":    {{"location", "w.bin"}, {"offset", "0"}, {"length", "8"}, {"checksum", hex.EncodeToString(sum[:])}},
		"unaligned":      {{"location", "sub/folder/w.bin"}, {"offset", "1"}},
		"doubled slashs": {{"location", "sub//folder/./w.bin"}, {"offset", "1"}},
	} {
		for _, opts := range [][]Option{nil, {InMemory()}} {
			m, err := externalModel(t, dir, entries, opts...)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if got := m.Graph.Initializer("w").Float32s(); !slices.Equal(got, []float32{3, 4}) {
				t.Errorf("%s: got %v", name, got)
			}
		}
	}
}

// TestExternalAttacks tries to read what does not belong to the model, by every
// way that was a vulnerability of another reader.
func TestExternalAttacks(t *testing.T) {
	outside := t.TempDir()
	secret := writeTestFile(t, twoFloats, outside, "secret.bin")
	dir := filepath.Join(outside, "models", "a")
	writeTestFile(t, twoFloats, dir, "w.bin")
	writeTestFile(t, twoFloats, outside, "models", "ab", "w.bin")
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	w := func(key, value string) [][2]string { return [][2]string{{"location", "w.bin"}, {key, value}} }
	tests := map[string][][2]string{
		"CVE-2022-25882: parent folders":       location("../../secret.bin"),
		"CVE-2024-27318: prefix of the folder": location("../ab/w.bin"),
		"parent folders in between":            location("folder/../../../secret.bin"),
		"parent folder that stays inside":      location("folder/../w.bin"),
		"absolute path":                        location(secret),
		"absolute path with dots":              location("//" + secret),
		"root":                                 location("/"),
		"drive letter":                         location("C:/secret.bin"),
		"drive letter, relative":               location("C:secret.bin"),
		"alternate data stream":                location("w.bin:stream"),
		"backslashes":                          location(`..\..\secret.bin`),
		"UNC path":                             location(`\\host\share\secret.bin`),
		"zero byte":                            location("w.bin\x00.txt"),
		"empty location":                       location(""),
		"the folder itself":                    location("."),
		"a folder":                             location("folder"),
		"parent":                               location(".."),
		"no location":                          {{"offset", "0"}},
		"file that is not there":               location("none.bin"),
		"file used as folder":                  location("w.bin/x"),
		"GHSA-538c-55jv-c5g9: unknown entry":   w("owner", "x"),
		"negative offset":                      w("offset", "-1"),
		"negative length":                      w("length", "-8"),
		"offset past the end":                  w("offset", "9"),
		"data past the end":                    w("offset", "1"),
		"huge offset":                          w("offset", "9223372036854775807"),
		"offset over 64 bits":                  w("offset", "18446744073709551616"),
		"petabytes":                            w("length", "1125899906842624"),
		"length of another shape":              w("length", "4"),
		"offset is no number":                  w("offset", "0x0"),
		"offset with sign and space":           w("offset", " 0"),
		"wrong checksum":                       w("checksum", strings.Repeat("00", 20)),
		"entry given twice":                    w("location", "w.bin"),
	}
	for name, entries := range tests {
		m, err := externalModel(t, dir, entries)
		if !errors.Is(err, ErrExternalData) {
			t.Errorf("%s: got %v, %v", name, m, err)
			continue
		}
		var e *Error
		if !errors.As(err, &e) || e.Value != "w" || e.File == "" {
			t.Errorf("%s: the error does not name the tensor and file: %v", name, err)
		}
	}
}

// TestExternalLinks tries links of all kinds and files that are no files.
func TestExternalLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: making links needs rights that Windows users lack")
	}
	outside := t.TempDir()
	secret := writeTestFile(t, twoFloats, outside, "secret.bin")
	dir := filepath.Join(outside, "model")
	inside := writeTestFile(t, twoFloats, dir, "w.bin")
	link := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	link(os.Symlink(secret, filepath.Join(dir, "absolute")))                // CVE-2026-34447
	link(os.Symlink("../secret.bin", filepath.Join(dir, "relative")))       // CVE-2026-34447
	link(os.Symlink("..", filepath.Join(dir, "parent")))                    // CVE-2026-27489
	link(os.Symlink("/dev/zero", filepath.Join(dir, "device")))             // no end
	link(os.Symlink("w.bin", filepath.Join(dir, "inside")))                 // stays in the folder
	link(os.Symlink("loop", filepath.Join(dir, "loop")))                    // no target
	link(os.Link(secret, filepath.Join(dir, "hard")))                       // a second name
	link(makeFIFO(filepath.Join(dir, "fifo")))                              // would wait for a writer
	link(os.Symlink(filepath.Join(dir, "fifo"), filepath.Join(dir, "l2f"))) // absolute, so refused anyway
	for _, name := range []string{"absolute", "relative", "parent/secret.bin", "device", "loop", "hard", "fifo", "l2f"} {
		if m, err := externalModel(t, dir, location(name)); !errors.Is(err, ErrExternalData) {
			t.Errorf("%s: got %v, %v", name, m, err)
		}
	}
	if _, err := externalModel(t, dir, location("inside")); err != nil {
		t.Errorf("a link inside the folder: %v", err)
	}
	if _, err := externalModel(t, dir, location("hard"), AllowHardLinks()); err != nil {
		t.Errorf("a hard link that is allowed: %v", err)
	}
	if _, err := Load(filepath.Join(dir, "fifo")); err == nil {
		t.Error("a FIFO is loaded as a model")
	}
	if _, err := Load(dir); err == nil {
		t.Error("a folder is loaded as a model")
	}
	// The folder of the model may itself be reached through a link.
	link(os.Symlink(dir, filepath.Join(outside, "alias")))
	if _, err := externalModel(t, filepath.Join(outside, "alias"), location(filepath.Base(inside))); err != nil {
		t.Errorf("a model in a linked folder: %v", err)
	}
}

// TestExternalNeedsFolder decodes from memory, where no folder is known.
func TestExternalNeedsFolder(t *testing.T) {
	dir := t.TempDir()
	writeTestFile(t, twoFloats, dir, "w.bin")
	if _, err := externalModel(t, dir, location("w.bin")); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(data); !errors.Is(err, ErrExternalData) {
		t.Errorf("without a folder: %v", err)
	}
	if _, err := Decode(data, WithDir(dir)); err != nil {
		t.Errorf("with the folder: %v", err)
	}
}

// TestExternalOverlap refers to one file by many tensors that overlap and can
// not be used in place: a small file could fill the memory with copies.
func TestExternalOverlap(t *testing.T) {
	dir := t.TempDir()
	writeTestFile(t, make([]byte, 1<<20), dir, "w.bin")
	load := func(offsets ...int) error {
		p := smallModel()
		p.Graph.Initializer = nil
		for i, offset := range offsets {
			name := fmt.Sprint("w", i)
			w := tensorProto(Float32, []int64{1 << 17})
			w.Name, w.DataLocation = &name, pb.TensorProto_EXTERNAL.Enum()
			for _, e := range [][2]string{{"location", "w.bin"}, {"offset", fmt.Sprint(offset)}} {
				w.ExternalData = append(w.ExternalData, &pb.StringStringEntryProto{Key: &e[0], Value: &e[1]})
			}
			p.Graph.Initializer = append(p.Graph.Initializer, w)
		}
		data, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		_, err = Decode(data, WithDir(dir))
		return err
	}
	if err := load(1, 5, 9, 13); !errors.Is(err, ErrExternalData) {
		t.Errorf("overlapping: got %v", err)
	}
	if err := load(1, 1, 1, 1, 1, 1); err != nil {
		t.Errorf("tied weights: got %v", err)
	}
	if err := load(0, 4, 8, 12, 16, 20); err != nil {
		t.Errorf("overlapping, used in place: got %v", err)
	}
}
