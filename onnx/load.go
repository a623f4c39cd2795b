package onnx

import (
	"errors"
	"path/filepath"

	"github.com/kcompress/kcompress/onnx/internal/pb"
	"github.com/kcompress/kcompress/onnx/internal/wire"
)

// Load reads a model from a file, with external data from files beside it.
//
// The files are mapped into memory where that helps, for the life of the
// process, since tensors refer to them: they must not be truncated or
// overwritten in place meanwhile. Replacing them by a rename, as Save does, is
// safe except on Windows, which refuses it while a file is mapped. InMemory
// avoids all this.
//
// Load checks the form, not the meaning: see Model.Check. Errors are of type
// *Error.
func Load(path string, opts ...Option) (*Model, error) {
	o := newReadOptions(opts)
	if !o.hasDir {
		o.dir, o.hasDir = filepath.Dir(path), true
	}
	data, err := readModelFile(path, o.inMemory)
	if err != nil {
		return nil, inFile(err, path)
	}
	m, err := decode(data, o)
	if err != nil {
		return nil, inFile(err, path)
	}
	m.Path = path
	return m, nil
}

// Decode reads a model from the bytes of a file. Tensors may alias data, which
// must not change afterwards. External data is refused unless WithDir says
// where it lies. Errors are of type *Error.
func Decode(data []byte, opts ...Option) (*Model, error) {
	return decode(data, newReadOptions(opts))
}

func decode(data []byte, o readOptions) (*Model, error) {
	p := &pb.ModelProto{}
	if err := unmarshal(data, wire.Model, p, o); err != nil {
		return nil, err
	}
	d := newDecoder(len(data), o)
	defer d.close()
	return d.model(p)
}

// unmarshal decodes data into p, which is the message type m, after checking
// that this takes no more than the limits in o allow.
func unmarshal(data []byte, m wire.Message, p interface{ Unmarshal([]byte) error }, o readOptions) error {
	limits := wire.Limits{Depth: o.depth, Cost: o.structureLimit(len(data))}
	if _, err := wire.Scan(data, m, limits); err != nil {
		if errors.Is(err, wire.ErrDepth) || errors.Is(err, wire.ErrCost) {
			return &Error{Err: ErrLimit, Reason: err.Error(), Remedy: "the file is damaged or made to exhaust memory"}
		}
		return &Error{Err: ErrMalformed, Reason: err.Error(), Remedy: "is it a complete ONNX file?"}
	}
	if err := p.Unmarshal(data); err != nil {
		return &Error{Err: ErrMalformed, Reason: err.Error(), Remedy: "is it a complete ONNX file?"}
	}
	return nil
}

// decoder turns decoded messages into the types of this package.
type decoder struct {
	external   externalData
	sparseLeft int // bytes that sparse tensors may still take
}

// newDecoder returns a decoder for a file of the given size.
func newDecoder(size int, o readOptions) *decoder {
	return &decoder{
		external:   externalData{allowed: o.hasDir, dir: o.dir, hardLinks: o.hardLinks, inMemory: o.inMemory},
		sparseLeft: o.sparseLimit(size),
	}
}

func (d *decoder) close() { d.external.close() }
