package npy

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/kcompress/kcompress/onnx"
)

// Archive is an open .npz file: a zip file of named .npy files. Its arrays are
// read when they are asked for.
type Archive struct {
	path    string
	file    *os.File
	entries map[string]*zip.File
	names   []string
	options options
}

// Open opens a .npz file. Entries that are not .npy files are ignored; two of
// one name are an error.
func Open(path string, opts ...Option) (*Archive, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	a, err := newArchive(f, size, newOptions(opts))
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	a.path, a.file = path, f
	return a, nil
}

func newArchive(r io.ReaderAt, size int64, o options) (*Archive, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("npz: %w", err)
	}
	a := &Archive{entries: map[string]*zip.File{}, options: o}
	for _, entry := range z.File {
		name, ok := strings.CutSuffix(entry.Name, ".npy")
		if !ok {
			continue
		}
		if a.entries[name] != nil {
			return nil, fmt.Errorf("npz: two arrays are called %q", name)
		}
		a.entries[name] = entry
		a.names = append(a.names, name)
	}
	return a, nil
}

// Names returns the names of the arrays, in the order of the file.
func (a *Archive) Names() []string { return append([]string(nil), a.names...) }

// Close closes the file. Tensors read from it stay.
func (a *Archive) Close() error {
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}

// Tensor reads the array of that name; the tensor has the name too.
func (a *Archive) Tensor(name string) (*onnx.Tensor, error) {
	t, err := a.read(name, a.options)
	if err != nil {
		return nil, fmt.Errorf("%s: array %q: %w", a.path, name, err)
	}
	return t, nil
}

func (a *Archive) read(name string, o options) (*onnx.Tensor, error) {
	entry := a.entries[name]
	if entry == nil {
		return nil, fmt.Errorf("npz: no such array; there are %s", strings.Join(a.names, ", "))
	}
	r, err := entry.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	t, err := readAll(r, o)
	if err != nil {
		return nil, err
	}
	t.Name = name
	return t, nil
}

// ReadArchive reads all arrays of a .npz file, in the order of the file. The
// limit holds for all of them together.
func ReadArchive(path string, opts ...Option) ([]*onnx.Tensor, error) {
	a, err := Open(path, opts...)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	tensors, err := a.readAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return tensors, nil
}

func (a *Archive) readAll() ([]*onnx.Tensor, error) {
	left := a.options
	var tensors []*onnx.Tensor
	for _, name := range a.names {
		t, err := a.read(name, left)
		if err != nil {
			return nil, fmt.Errorf("array %q: %w", name, err)
		}
		left.limit -= t.Bytes() + 32*len(t.Strings)
		tensors = append(tensors, t)
	}
	return tensors, nil
}

// WriteArchive writes tensors as a .npz file, uncompressed, each under its name.
func WriteArchive(w io.Writer, tensors []*onnx.Tensor) error {
	z := zip.NewWriter(w)
	for _, t := range tensors {
		entry, err := z.CreateHeader(&zip.FileHeader{Name: t.Name + ".npy", Method: zip.Store})
		if err != nil {
			return err
		}
		if err := Write(entry, t); err != nil {
			return err
		}
	}
	return z.Close()
}

// WriteArchiveFile writes tensors to a .npz file, completely or not at all.
func WriteArchiveFile(path string, tensors []*onnx.Tensor) error {
	return onnx.WriteFile(path, func(w io.Writer) error { return WriteArchive(w, tensors) })
}
