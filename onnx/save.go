package onnx

import (
	"bufio"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"github.com/kcompress/kcompress/onnx/internal/pb"
)

// maxFile is the size in bytes that protobuf libraries read at most, and so
// the size from which Save puts data into a second file.
const maxFile = 1<<31 - 1

// SaveOption changes how Save writes.
type SaveOption func(*saveOptions)

type saveOptions struct{ limit int }

// WithFileLimit sets the size in bytes above which initializers go to a file of
// their own: 2 GiB unless set, which is also the most that other programs read.
func WithFileLimit(bytes int) SaveOption { return func(o *saveOptions) { o.limit = bytes } }

// Encode returns the model as the bytes of one file, which never has external
// data. It fails above 2 GiB; Save does not.
func (m *Model) Encode() ([]byte, error) {
	p := (&encoder{}).model(m)
	if size := p.Size(); size > maxFile {
		return nil, &Error{File: m.Path, Err: ErrLimit, Reason: fmt.Sprintf("the model has %d bytes, a file can have 2 GiB", size),
			Remedy: "save it to a file, which uses external data"}
	}
	return p.Marshal()
}

// Save writes the model to a file, completely or not at all: to a temporary
// file in the same folder first, which is renamed when it is on disk.
//
// If the file would be bigger than the limit, the data of the initializers go
// to path + ".data", as external data. That file is renamed first, so that the
// model never refers to data that is not there.
func (m *Model) Save(path string, opts ...SaveOption) error {
	o := saveOptions{limit: maxFile}
	for _, f := range opts {
		f(&o)
	}
	p := (&encoder{}).model(m)
	if p.Size() <= o.limit {
		return inFile(writeMessage(path, p), path)
	}
	data := &externalWriter{location: filepath.Base(path) + ".data", offsets: map[memory]int{}}
	p = (&encoder{external: data}).model(m)
	if size := p.Size(); size > maxFile {
		return inFile(fail(ErrLimit, "the model has %d bytes apart from its initializers, a file can have 2 GiB", size), path)
	}
	if err := WriteFile(path+".data", data.writeTo); err != nil {
		return inFile(err, path+".data")
	}
	return inFile(writeMessage(path, p), path)
}

func writeMessage(path string, p *pb.ModelProto) error {
	data, err := p.Marshal()
	if err != nil {
		return err
	}
	return WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// externalWriter collects tensors for a file of external data.
type externalWriter struct {
	location string
	size     int
	tensors  []*Tensor
	// offsets says where data is that was taken already.
	offsets map[memory]int
}

// memory is the address and length of the data of a tensor.
type memory struct {
	at  *byte
	len int
}

const (
	// minExternal is the size in bytes below which a tensor stays in the model.
	minExternal = 1024
	// pageSize is the alignment that onnx.proto recommends, for mapping.
	pageSize = 4096
)

// take moves the data of t out of its message p if it is big enough. Tensors
// that share memory share their place in the file.
func (w *externalWriter) take(p *pb.TensorProto, t *Tensor) {
	if t.Type == String || len(t.raw) < minExternal {
		return
	}
	key := memory{&t.raw[0], len(t.raw)}
	offset, known := w.offsets[key]
	if !known {
		offset = (w.size + pageSize - 1) / pageSize * pageSize
		w.tensors = append(w.tensors, t)
		w.size = offset + len(t.raw)
		w.offsets[key] = offset
	}
	*p = pb.TensorProto{Dims: p.Dims, DataType: p.DataType, Name: p.Name, DocString: p.DocString,
		MetadataProps: p.MetadataProps, XXX_unrecognized: p.XXX_unrecognized}
	external := pb.TensorProto_EXTERNAL
	p.DataLocation = &external
	for _, entry := range [][2]string{{"location", w.location}, {"offset", strconv.Itoa(offset)}, {"length", strconv.Itoa(len(t.raw))}} {
		p.ExternalData = append(p.ExternalData, &pb.StringStringEntryProto{Key: &entry[0], Value: &entry[1]})
	}
}

// writeTo writes the file.
func (w *externalWriter) writeTo(out io.Writer) error {
	b := bufio.NewWriterSize(out, 1<<20)
	at := 0
	for _, t := range w.tensors {
		for ; at%pageSize != 0; at++ {
			if err := b.WriteByte(0); err != nil {
				return err
			}
		}
		if _, err := b.Write(t.raw); err != nil {
			return err
		}
		at += len(t.raw)
	}
	return b.Flush()
}
