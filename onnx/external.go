package onnx

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kcompress/kcompress/onnx/internal/pb"
)

// externalData reads the tensors that a model keeps in files beside it. A file
// may be anything that a stranger wrote, so it reads regular files inside one
// folder only, and no more of them than tensors need.
type externalData struct {
	allowed   bool
	dir       string
	hardLinks bool
	inMemory  bool

	root  *os.Root
	files map[string]*externalFile
}

// externalFile is a file of external data.
type externalFile struct {
	name string
	data []byte
	// regions holds the tensors made so far, since tied weights refer to one
	// region several times.
	regions map[region]*Tensor
	// copyLeft is how many bytes may still be copied: regions that overlap
	// could take any amount of memory otherwise.
	copyLeft int
	digest   string // SHA-1 in hexadecimal, once it is known
}

// region is a part of a file seen as elements of one type.
type region struct {
	offset, length int
	dtype          DType
}

func (e *externalData) close() {
	if e.root != nil {
		e.root.Close()
	}
}

// reference is the external_data of a tensor. length is -1 if it is not given.
type reference struct {
	location       string
	offset, length int64
	checksum       string
}

// parseReference reads the entries that onnx.proto defines and refuses others.
func parseReference(entries []*pb.StringStringEntryProto) (reference, error) {
	r := reference{length: -1}
	seen := map[string]bool{}
	for _, entry := range entries {
		key, value := entry.GetKey(), entry.GetValue()
		if seen[key] {
			return r, fail(ErrExternalData, "entry %q is given twice", key)
		}
		seen[key] = true
		var err error
		switch key {
		case "location":
			r.location = value
		case "offset":
			r.offset, err = strconv.ParseInt(value, 10, 64)
		case "length":
			r.length, err = strconv.ParseInt(value, 10, 64)
		case "checksum":
			r.checksum = value
		default:
			return r, fail(ErrExternalData, "unknown entry %q", key)
		}
		if err != nil || r.offset < 0 || key == "length" && r.length < 0 {
			return r, fail(ErrExternalData, "%s %q is not a number of bytes", key, value)
		}
	}
	return r, nil
}

// cleanLocation returns the path inside the model's folder that a location
// names. Locations have forward slashes on every system and may not leave the
// folder; what is refused here would be refused by os.Root too, or means
// something else on another system.
func cleanLocation(location string) (string, error) {
	name := path.Clean(location)
	if location == "" || !fs.ValidPath(name) || name == "." || strings.ContainsAny(location, "\\:\x00") ||
		strings.Contains("/"+location+"/", "/../") || !filepath.IsLocal(filepath.FromSlash(name)) {
		return "", &Error{Err: ErrExternalData, Reason: "location " + strconv.Quote(location) + " is not a file in the model's folder",
			Remedy: "put the file beside the model and name it by a relative path with forward slashes"}
	}
	return filepath.FromSlash(name), nil
}

// open returns the file at a location, opening it at most once.
func (e *externalData) open(location string) (*externalFile, error) {
	name, err := cleanLocation(location)
	if err != nil {
		return nil, err
	}
	if f := e.files[name]; f != nil {
		return f, nil
	}
	if !e.allowed {
		return nil, &Error{Err: ErrExternalData, Reason: "data is in the file " + strconv.Quote(location),
			Remedy: "load the model from its folder, or name the folder"}
	}
	if e.root == nil {
		if e.root, err = os.OpenRoot(e.dir); err != nil {
			return nil, &Error{Err: ErrExternalData, Reason: err.Error()}
		}
		e.files = map[string]*externalFile{}
	}
	file, err := openRegular(e.root, name, e.hardLinks)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := contents(file, e.inMemory)
	if err != nil {
		return nil, &Error{Err: ErrExternalData, Reason: err.Error()}
	}
	e.files[name] = &externalFile{name: name, data: data, regions: map[region]*Tensor{}, copyLeft: len(data)}
	return e.files[name], nil
}

// openRegular opens a regular file inside root.
func openRegular(root *os.Root, name string, hardLinks bool) (*os.File, error) {
	file, err := root.OpenFile(name, os.O_RDONLY|openWithoutWaiting, 0)
	if err != nil {
		remedy := "symbolic links may not lead out of the model's folder"
		if errors.Is(err, fs.ErrNotExist) {
			remedy = "put the file beside the model"
		}
		return nil, &Error{Err: ErrExternalData, Reason: err.Error(), Remedy: remedy}
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		err = &Error{Err: ErrExternalData, Reason: err.Error()}
	case !info.Mode().IsRegular():
		err = fail(ErrExternalData, "%s is not a regular file", strconv.Quote(name))
	case !hardLinks && linkCount(info) > 1:
		err = &Error{Err: ErrExternalData, Reason: strconv.Quote(name) + " has hard links, so that it may be a file of someone else",
			Remedy: "copy the file, or allow hard links"}
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// externalTensor reads the n elements that p refers to.
func (d *decoder) externalTensor(p *pb.TensorProto, dtype DType, shape []int, n int) (*Tensor, error) {
	if dtype == String {
		return nil, fail(ErrMalformed, "tensor of strings has external data")
	}
	ref, err := parseReference(p.ExternalData)
	if err != nil {
		return nil, err
	}
	f, err := d.external.open(ref.location)
	if err != nil {
		return nil, err
	}
	length := RawSize(dtype, n)
	if ref.length >= 0 && ref.length != int64(length) {
		return nil, fail(ErrExternalData, "%v tensor of shape %s needs %d bytes of data, its entry says %d", dtype, shapeString(shape), length, ref.length)
	}
	if size := int64(len(f.data)); ref.offset > size || int64(length) > size-ref.offset {
		return nil, &Error{Err: ErrExternalData,
			Reason: fmt.Sprintf("%d bytes from %d on are not in %q, which has %d", length, ref.offset, ref.location, size),
			Remedy: "the file is not the one that was written with the model, or is not complete"}
	}
	if err := f.verify(ref.checksum); err != nil {
		return nil, err
	}
	flat, err := f.region(region{int(ref.offset), length, dtype}, n)
	if err != nil {
		return nil, err
	}
	return flat.Reshaped(shape...), nil
}

// region returns a tensor of one axis over a part of the file, which is inside
// the file.
func (f *externalFile) region(r region, n int) (*Tensor, error) {
	if x := f.regions[r]; x != nil && x.Len() == n {
		return x, nil
	}
	raw := f.data[r.offset : r.offset+r.length]
	if !aligned(raw, r.dtype) || r.dtype == Bool {
		if f.copyLeft -= r.length; f.copyLeft < 0 {
			return nil, fail(ErrExternalData, "tensors overlap in %q", f.name)
		}
	}
	x, err := rawTensor(r.dtype, []int{n}, raw)
	if err != nil {
		return nil, err
	}
	f.regions[r] = x
	return x, nil
}

// verify compares the SHA-1 digest of the file with a checksum, if there is one.
func (f *externalFile) verify(checksum string) error {
	if checksum == "" {
		return nil
	}
	if f.digest == "" {
		sum := sha1.Sum(f.data)
		f.digest = hex.EncodeToString(sum[:])
	}
	if !strings.EqualFold(f.digest, checksum) {
		return &Error{Err: ErrExternalData, Reason: fmt.Sprintf("checksum of %q is %s, not %s", f.name, f.digest, checksum),
			Remedy: "the file is not the one that was written with the model"}
	}
	return nil
}
