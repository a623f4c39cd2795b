// Package npy reads and writes arrays in the .npy and .npz formats of NumPy
// (numpy.lib.format, versions 1.0 to 3.0) as tensors.
package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/kcompress/kcompress/onnx"
)

// ErrLimit is wrapped by errors about arrays bigger than the limit.
var ErrLimit = errors.New("limit exceeded")

// DefaultLimit is the most bytes of data that are read from one array or, in
// ReadArchive, from all arrays of an archive, unless WithLimit says otherwise.
// An archive of some kilobytes can unfold to any size.
const DefaultLimit = 1 << 30

// Option changes how arrays are read.
type Option func(*options)

type options struct{ limit int }

// WithLimit sets the limit that DefaultLimit describes, in bytes.
func WithLimit(bytes int) Option { return func(o *options) { o.limit = bytes } }

func newOptions(opts []Option) options {
	o := options{limit: DefaultLimit}
	for _, f := range opts {
		f(&o)
	}
	return o
}

// ReadFile reads a .npy file.
func ReadFile(path string, opts ...Option) (*onnx.Tensor, error) {
	f, _, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := readAll(f, newOptions(opts))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// openRegular opens a regular file and returns its size. Opening anything else
// might wait for a writer.
func openRegular(path string) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s: not a regular file", path)
	}
	f, err := os.Open(path)
	return f, info.Size(), err
}

// readAll reads one array, after which there may be nothing.
func readAll(r io.Reader, o options) (*onnx.Tensor, error) {
	t, err := read(r, o)
	if err != nil {
		return nil, err
	}
	switch n, err := io.ReadFull(r, make([]byte, 1)); {
	case n > 0:
		return nil, errors.New("npy: more data than the shape needs")
	case err != io.EOF:
		return nil, err // the checksum of an archive is wrong
	}
	return t, nil
}

// Read reads one array in the .npy format and no byte more. Big-endian and
// Fortran-ordered arrays are converted; arrays of byte strings and of Unicode
// strings become tensors of strings. Arrays of Python objects, records and
// dates are refused.
func Read(r io.Reader, opts ...Option) (*onnx.Tensor, error) { return read(r, newOptions(opts)) }

func read(r io.Reader, o options) (*onnx.Tensor, error) {
	h, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	item, err := parseItem(h.descr)
	if err != nil {
		return nil, err
	}
	n, err := onnx.Elements(h.shape)
	if err != nil {
		return nil, err
	}
	// A string takes its header in memory too.
	if cost := item.size + item.overhead(); n > o.limit/cost {
		return nil, fmt.Errorf("npy: array %s of shape %v: %w: more than %d bytes", h.descr, h.shape, ErrLimit, o.limit)
	}
	data, err := readData(r, n*item.size)
	if err != nil {
		return nil, fmt.Errorf("npy: array %s of shape %v: %w", h.descr, h.shape, err)
	}
	if item.bigEndian {
		swapBytes(data, item.word)
	}
	if h.fortran && len(h.shape) > 1 {
		data = fromFortran(data, h.shape, item.size)
	}
	return item.tensor(data, h.shape, n)
}

// readData reads size bytes. Memory is taken as data come: the size is only
// what the file claims.
func readData(r io.Reader, size int) ([]byte, error) {
	const step = 1 << 20
	data := make([]byte, 0, min(size, step))
	for len(data) < size {
		have := len(data)
		data = slices.Grow(data, min(size-have, max(have, step)))
		part := data[have:min(cap(data), size)]
		if n, err := io.ReadFull(r, part); err != nil {
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				err = fmt.Errorf("the data ends after %d of %d bytes: %w", have+n, size, io.ErrUnexpectedEOF)
			}
			return nil, err
		}
		data = data[:have+len(part)]
	}
	return data, nil
}

// item is the type of the elements of an array.
type item struct {
	dtype     onnx.DType
	size      int // bytes of one element
	word      int // bytes of the numbers inside it, which byte order is about
	bigEndian bool
	unicode   bool // strings of 4-byte code points, not of bytes
}

// numbers maps the letters of NumPy's types, without byte order, to element types.
var numbers = map[string]onnx.DType{
	"b1": onnx.Bool, "i1": onnx.Int8, "i2": onnx.Int16, "i4": onnx.Int32, "i8": onnx.Int64,
	"u1": onnx.Uint8, "u2": onnx.Uint16, "u4": onnx.Uint32, "u8": onnx.Uint64,
	"f2": onnx.Float16, "f4": onnx.Float32, "f8": onnx.Float64,
	"c8": onnx.Complex64, "c16": onnx.Complex128,
}

// parseItem parses a type such as "<f4", "|b1", ">i8" or "<U12".
func parseItem(descr string) (item, error) {
	if len(descr) < 2 {
		return item{}, fmt.Errorf("npy: unknown type %q", descr)
	}
	order, kind := descr[0], descr[1:]
	if !strings.ContainsRune("<>|=", rune(order)) {
		order, kind = '<', descr
	}
	it := item{bigEndian: order == '>'}
	if dtype, ok := numbers[kind]; ok {
		it.dtype, it.size = dtype, dtype.Bits()/8
		it.word = it.size
		if kind[0] == 'c' {
			it.word /= 2
		}
		return it, nil
	}
	length, err := strconv.Atoi(kind[1:])
	switch {
	case kind[0] == 'O':
		return it, errors.New("npy: arrays of Python objects are not supported; convert to numbers or strings before saving, for example with astype")
	case kind[0] != 'S' && kind[0] != 'U' || err != nil || length < 0 || length > 1<<24:
		return it, fmt.Errorf("npy: arrays of type %q are not supported", descr)
	}
	it.dtype, it.size, it.word = onnx.String, length, 1
	if kind[0] == 'U' {
		it.unicode, it.size, it.word = true, 4*length, 4
	}
	return it, nil
}

// overhead returns the bytes that an element takes in memory besides its data.
func (it item) overhead() int {
	if it.dtype == onnx.String {
		return 32
	}
	return 0
}

// tensor makes a tensor of n elements in row-major, little-endian order, which
// it owns.
func (it item) tensor(data []byte, shape []int, n int) (*onnx.Tensor, error) {
	switch it.dtype {
	case onnx.String:
		if it.size == 0 && n > 1<<20 {
			// No data stand behind these elements.
			return nil, fmt.Errorf("npy: %d strings without length: %w", n, ErrLimit)
		}
		return it.strings(data, shape, n)
	case onnx.Bool:
		for i, b := range data {
			data[i] = min(b, 1) // a Go bool has no other values
		}
	}
	return onnx.FromRaw(it.dtype, shape, data)
}

// strings makes a tensor of strings, which end at the last byte or code point
// that is not zero.
func (it item) strings(data []byte, shape []int, n int) (*onnx.Tensor, error) {
	values := make([]string, n)
	for i := range values {
		raw := data[i*it.size : (i+1)*it.size]
		if !it.unicode {
			values[i] = strings.TrimRight(string(raw), "\x00")
			continue
		}
		var b strings.Builder
		for ; len(raw) > 0; raw = raw[4:] {
			c := binary.LittleEndian.Uint32(raw)
			if c > 0x10ffff {
				return nil, fmt.Errorf("npy: %#x is no Unicode character", c)
			}
			b.WriteRune(rune(c))
		}
		values[i] = strings.TrimRight(b.String(), "\x00")
	}
	return onnx.FromStrings(values, shape...), nil
}

// swapBytes reverses the order of the bytes in every word.
func swapBytes(data []byte, word int) {
	for ; len(data) >= word && word > 1; data = data[word:] {
		slices.Reverse(data[:word])
	}
}

// fromFortran returns the elements of a column-major array in row-major order.
func fromFortran(data []byte, shape []int, size int) []byte {
	if len(data) == 0 {
		return data
	}
	out := make([]byte, len(data))
	strides := make([]int, len(shape)) // of the column-major array, in elements
	stride := 1
	for i, n := range shape {
		strides[i] = stride
		stride *= n
	}
	index := make([]int, len(shape))
	from := 0
	for at := 0; at < len(out); at += size {
		copy(out[at:at+size], data[from*size:])
		for axis := len(shape) - 1; axis >= 0; axis-- {
			index[axis]++
			from += strides[axis]
			if index[axis] < shape[axis] {
				break
			}
			from -= index[axis] * strides[axis]
			index[axis] = 0
		}
	}
	return out
}
