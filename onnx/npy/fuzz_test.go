package npy

import (
	"bytes"
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

// FuzzNPZ reads arbitrary bytes as an array and as an archive.
func FuzzNPZ(f *testing.F) {
	one := file(header4("|u1", "True", "(2, 1)"), 7, 8)
	f.Add(one)
	f.Add(file(header4(">U2", "False", "(1,)"), 0, 0, 0, 'a', 0, 0, 0, 0))
	f.Add(file(header4("<c16", "False", "()"), make([]byte, 16)...))
	f.Add(zipOf(f, [2]string{"x.npy", string(one)}, [2]string{"y.txt", "text"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		tensors := []*onnx.Tensor{}
		if x, err := Read(bytes.NewReader(data), WithLimit(1<<20)); err == nil {
			tensors = append(tensors, x)
		}
		if a, err := newArchive(bytes.NewReader(data), int64(len(data)), options{limit: 1 << 20}); err == nil {
			if all, err := a.readAll(); err == nil {
				tensors = append(tensors, all...)
			}
		}
		for _, x := range tensors {
			var b bytes.Buffer
			if err := Write(&b, x); err != nil {
				t.Fatal(err)
			}
			again, err := Read(&b)
			if err != nil || x.Type != onnx.String && !same(x, again) {
				t.Fatalf("%v is written and read as %v, %v", x, again, err)
			}
		}
	})
}
