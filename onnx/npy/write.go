package npy

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/kcompress/kcompress/onnx"
)

// types maps element types to those of NumPy.
var types = map[onnx.DType]string{
	onnx.Bool: "|b1", onnx.Int8: "|i1", onnx.Int16: "<i2", onnx.Int32: "<i4", onnx.Int64: "<i8",
	onnx.Uint8: "|u1", onnx.Uint16: "<u2", onnx.Uint32: "<u4", onnx.Uint64: "<u8",
	onnx.Float16: "<f2", onnx.Float32: "<f4", onnx.Float64: "<f8",
	onnx.Complex64: "<c8", onnx.Complex128: "<c16",
}

// Write writes a tensor in the .npy format, in row-major order. Types that NumPy
// does not have are converted without loss: bfloat16 and the float8 and float4
// types to float32, integers of 4 and 2 bits to int8 and uint8. Strings are
// written as Unicode.
func Write(w io.Writer, t *onnx.Tensor) error {
	if t.Type == onnx.String {
		return writeStrings(w, t)
	}
	t, err := numpyType(t)
	if err != nil {
		return err
	}
	if _, err := w.Write(formatHeader(types[t.Type], t.Shape)); err != nil {
		return err
	}
	_, err = w.Write(t.Raw())
	return err
}

// numpyType returns t in a type that NumPy has.
func numpyType(t *onnx.Tensor) (*onnx.Tensor, error) {
	switch {
	case types[t.Type] != "":
		return t, nil
	case t.Type == onnx.Int4 || t.Type == onnx.Int2:
		return t.ConvertTo(onnx.Int8)
	case t.Type == onnx.Uint4 || t.Type == onnx.Uint2:
		return t.ConvertTo(onnx.Uint8)
	case t.Type.IsFloat():
		return t.ConvertTo(onnx.Float32)
	}
	return nil, fmt.Errorf("npy: can not write a tensor of type %v", t.Type)
}

func writeStrings(w io.Writer, t *onnx.Tensor) error {
	longest := 1
	for _, s := range t.Strings {
		longest = max(longest, len([]rune(s)))
	}
	b := bufio.NewWriter(w)
	if _, err := b.Write(formatHeader(fmt.Sprintf("<U%d", longest), t.Shape)); err != nil {
		return err
	}
	item := make([]byte, 4*longest)
	for _, s := range t.Strings {
		clear(item)
		for i, c := range []rune(s) {
			binary.LittleEndian.PutUint32(item[4*i:], uint32(c))
		}
		if _, err := b.Write(item); err != nil {
			return err
		}
	}
	return b.Flush()
}

// WriteFile writes a tensor to a .npy file, completely or not at all.
func WriteFile(path string, t *onnx.Tensor) error {
	return onnx.WriteFile(path, func(w io.Writer) error { return Write(w, t) })
}
