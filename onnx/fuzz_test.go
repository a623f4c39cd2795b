package onnx

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/kcompress/kcompress/onnx/internal/pb"
)

// seedModels returns encoded models that together use most of the format.
func seedModels(f *testing.F) [][]byte {
	f.Helper()
	plain := chainModel()
	rich := chainModel()
	rich.Metadata = []Property{{"key", "value"}}
	rich.Functions = []*Function{function("F", node("N", "x", "y", Attribute{Name: "a", RefName: "alpha"}))}
	rich.Graph.Nodes[0] = call("F", "x", "a")
	rich.Graph.Nodes[1].Attrs = []Attribute{
		FloatAttr("f", 1), IntAttr("i", 2), StringAttr("s", "text"), FloatsAttr("fs", 1, 2), IntsAttr("is", 1, 2),
		StringsAttr("ss", "a", "b"), TensorAttr("t", FromStrings([]string{"a", "b"}, 2)),
		GraphAttr("g", body(values("i"), node("I", "x", "i"))),
		{Name: "sparse", Kind: AttrSparse, Tensor: FromSlice([]float32{0, 1, 0}, 3)},
		{Name: "tp", Kind: AttrType, Type: &Type{Kind: SequenceType, Of: &Type{Kind: TensorType, Elem: Float32, HasShape: true, Shape: []Dim{{Size: 2}, {Size: -1, Symbol: "n"}}}}},
	}
	var seeds [][]byte
	for _, m := range []*Model{plain, rich} {
		data, err := m.Encode()
		if err != nil {
			f.Fatal(err)
		}
		seeds = append(seeds, data)
	}
	odd := smallModel()
	odd.Graph.SparseInitializer = []*pb.SparseTensorProto{sparseProto(tensorProto(Float32, []int64{1}, withFloats(5)), []int64{4}, []int64{1, 1}, 2)}
	odd.Graph.Initializer = append(odd.Graph.Initializer, tensorProto(Float16, []int64{2}, withInts(1, 2)), tensorProto(Int4, []int64{3}, withRaw(1, 2)))
	odd.TrainingInfo = []*pb.TrainingInfoProto{{Algorithm: odd.Graph}}
	data, err := odd.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	return append(seeds, data)
}

// FuzzDecode reads arbitrary bytes as a model. What can be read can be checked,
// copied and written, and reads the same again.
func FuzzDecode(f *testing.F) {
	for _, seed := range seedModels(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(data)
		if err != nil {
			wantKind(t, err)
			return
		}
		if err := m.Check(); err != nil {
			wantKind(t, err)
		}
		out, err := m.Clone().Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(out)
		if err != nil {
			t.Fatalf("what was written can not be read: %v", err)
		}
		out2, err := again.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out, out2) {
			t.Fatalf("written twice:\n% x\n% x", out, out2)
		}
	})
}

// wantKind fails unless err is an *Error of a known kind.
func wantKind(t *testing.T, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%T is no *Error: %v", err, err)
	}
	for _, kind := range []error{ErrMalformed, ErrInvalid, ErrLimit, ErrExternalData, ErrUnsupported} {
		if errors.Is(err, kind) {
			return
		}
	}
	t.Fatalf("an error of no kind: %v", err)
}

// FuzzTensorProto reads arbitrary bytes as a value of every type.
func FuzzTensorProto(f *testing.F) {
	for _, p := range []*pb.TensorProto{
		tensorProto(Float32, []int64{2}, withFloats(1, 2)), tensorProto(Float16, []int64{2}, withRaw(1, 2, 3, 4)),
		tensorProto(Int4, []int64{3}, withInts(1, 2)), tensorProto(String, []int64{1}, func(p *pb.TensorProto) { p.StringData = [][]byte{[]byte("a")} }),
		tensorProto(Complex128, []int64{1}, func(p *pb.TensorProto) { p.DoubleData = []float64{1, 2} }),
	} {
		data, err := p.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, uint8(TensorType))
		f.Add(append([]byte{0x1a, byte(len(data))}, data...), uint8(SequenceType))
		f.Add(append([]byte{0x1a, byte(len(data))}, data...), uint8(OptionalType))
	}
	sparse, err := sparseProto(tensorProto(Float32, []int64{1}, withFloats(5)), []int64{4}, []int64{1}, 2).Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sparse, uint8(SparseTensorType))
	f.Fuzz(func(t *testing.T, data []byte, kind uint8) {
		v, err := DecodeValue(data, Type{Kind: TypeKind(kind)})
		if err != nil {
			wantKind(t, err)
			return
		}
		x, ok := v.(*Tensor)
		if !ok {
			return
		}
		// The elements must be those that the shape promises.
		if n, err := Elements(x.Shape); err != nil || x.Type != String && len(x.raw) != RawSize(x.Type, n) || x.Type == String && len(x.Strings) != n {
			t.Fatalf("%v has %d bytes and %d strings, %v", x, len(x.raw), len(x.Strings), err)
		}
		x.NonFinite()
		if isNumber(x.Type) {
			for _, to := range []DType{Float32, Float8E4M3FN, Int4, Bool, Float8E8M0} {
				if _, err := x.ConvertTo(to); err != nil {
					t.Fatal(err)
				}
			}
		}
		again, err := DecodeTensor(EncodeTensor(x))
		if err != nil || !sameTensor(x, again) {
			t.Fatalf("%v is written and read as %v, %v", x, again, err)
		}
	})
}

// FuzzExternalPath tries to read the file outside of the model's folder, by any
// location, offset and length.
func FuzzExternalPath(f *testing.F) {
	outside := f.TempDir()
	dir := filepath.Join(outside, "model")
	if err := os.MkdirAll(filepath.Join(dir, "folder"), 0o755); err != nil {
		f.Fatal(err)
	}
	for name, b := range map[string]byte{filepath.Join(outside, "secret"): 's', filepath.Join(dir, "w"): 'w', filepath.Join(dir, "folder", "v"): 'w'} {
		if err := os.WriteFile(name, bytes.Repeat([]byte{b}, 32), 0o600); err != nil {
			f.Fatal(err)
		}
	}
	if err := os.Symlink("../secret", filepath.Join(dir, "link")); err != nil {
		f.Logf("without a symbolic link: %v", err)
	}
	for _, location := range []string{"w", "folder/v", "../secret", "folder/../../secret", "link", "/etc/passwd", "C:w", `..\secret`, "./w", "folder//v", "\x00"} {
		f.Add(location, "0", "8")
		f.Add(location, "4", "")
		f.Add(location, "-1", "9223372036854775807")
	}
	f.Fuzz(func(t *testing.T, location, offset, length string) {
		p := tensorProto(Float32, []int64{2}, func(p *pb.TensorProto) { p.DataLocation = pb.TensorProto_EXTERNAL.Enum() })
		for _, e := range [][2]string{{"location", location}, {"offset", offset}, {"length", length}} {
			if e[1] != "" {
				p.ExternalData = append(p.ExternalData, &pb.StringStringEntryProto{Key: &e[0], Value: &e[1]})
			}
		}
		o := newReadOptions([]Option{WithDir(dir)})
		d := newDecoder(100, o)
		defer d.close()
		x, err := d.tensor(p)
		if err != nil {
			wantKind(t, err)
			return
		}
		if !bytes.Equal(x.raw, []byte("wwwwwwww")) {
			t.Fatalf("location %q gives %q", location, x.raw)
		}
	})
}
