package wire

import (
	"bytes"
	"errors"
	"runtime"
	"testing"

	"github.com/gogo/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/kcompress/kcompress/onnx/internal/pb"
)

// message returns an encoded length-delimited field.
func delimited(number int, content []byte) []byte {
	b := proto.EncodeVarint(uint64(number)<<3 | 2)
	b = append(b, proto.EncodeVarint(uint64(len(content)))...)
	return append(b, content...)
}

// nest wraps content in the given fields, the innermost last, times over.
func nest(content []byte, times int, fields ...int) []byte {
	for range times {
		for i := len(fields) - 1; i >= 0; i-- {
			content = delimited(fields[i], content)
		}
	}
	return content
}

var generous = Limits{Depth: 100, Cost: 1 << 40}

func TestScanRefuses(t *testing.T) {
	tests := []struct {
		name string
		data []byte
		want error
	}{
		{"length past the end", []byte{0x3a, 0x05, 0x00}, ErrTruncated},
		{"huge length", append([]byte{0x3a}, proto.EncodeVarint(1<<63)...), ErrTruncated},
		{"length inside a nested message", delimited(7, []byte{0x0a, 0x05}), ErrTruncated},
		{"fixed32 without its bytes", []byte{0x0d, 1, 2, 3}, ErrTruncated},
		{"fixed64 without its bytes", []byte{0x09, 1, 2, 3, 4, 5, 6, 7}, ErrTruncated},
		{"varint without end", bytes.Repeat([]byte{0x80}, 8), ErrTruncated},
		{"varint of 11 bytes", append([]byte{0x08}, append(bytes.Repeat([]byte{0x80}, 10), 0)...), ErrTruncated},
		{"varint of 65 bits", append([]byte{0x08}, append(bytes.Repeat([]byte{0x80}, 9), 2)...), ErrTruncated},
		{"field number 0", []byte{0x00, 0x00}, ErrTruncated},
		{"start of a group", []byte{0x3b, 0x3c}, ErrWireType},
		{"end of a group", []byte{0x3c}, ErrWireType},
		{"wire type 7", []byte{0x0f}, ErrWireType},
		// Model.graph.node.attribute.g.node.attribute.g and so on.
		{"nested graphs", delimited(7, nest(nil, 40, 1, 5, 6)), ErrDepth},
		{"nested types", delimited(7, delimited(11, delimited(2, nest(nil, 60, 4, 1)))), ErrDepth},
	}
	for _, test := range tests {
		if _, err := Scan(test.data, Model, generous); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}
	if _, err := Scan(delimited(7, nest(nil, 30, 1, 5, 6)), Model, generous); err != nil {
		t.Errorf("92 levels: %v", err)
	}
}

// TestScanDeepNestingIsCheap gives the scanner a nesting that would overflow
// any stack.
func TestScanDeepNestingIsCheap(t *testing.T) {
	// Unknown content is not walked, so that every level must be a real one.
	data := []byte{}
	for range 2000 {
		data = delimited(5, data)
	}
	if _, err := Scan(data, Sequence, generous); !errors.Is(err, ErrDepth) {
		t.Errorf("got %v, want ErrDepth", err)
	}
}

// TestScanCost compares the estimate with the memory that decoding really
// takes, for the messages that grow most.
func TestScanCost(t *testing.T) {
	const n = 20000
	tests := []struct {
		name string
		data []byte
		as   Message
		into func() interface{ Unmarshal([]byte) error }
	}{
		{"empty nodes", delimited(7, bytes.Repeat([]byte{0x0a, 0}, n)), Model, newModel},
		{"empty initializers", delimited(7, bytes.Repeat([]byte{0x2a, 0}, n)), Model, newModel},
		{"empty inputs", delimited(7, bytes.Repeat([]byte{0x5a, 0}, n)), Model, newModel},
		{"empty attributes", delimited(7, delimited(1, bytes.Repeat([]byte{0x2a, 0}, n))), Model, newModel},
		{"empty names", delimited(7, delimited(1, bytes.Repeat([]byte{0x0a, 0}, n))), Model, newModel},
		{"empty functions", bytes.Repeat([]byte{0xca, 0x01, 0}, n), Model, newModel},
		{"empty opsets", bytes.Repeat([]byte{0x42, 0}, n), Model, newModel},
		{"unknown fields", bytes.Repeat([]byte{0xf8, 0x7f, 0}, n), Model, newModel},
		{"repeated name", bytes.Repeat([]byte{0x12, 0}, n), Model, newModel},
		{"empty strings", bytes.Repeat([]byte{0x32, 0}, n), Tensor, newTensor},
		{"packed integers", delimited(7, make([]byte, n)), Tensor, newTensor},
		{"integers one by one", bytes.Repeat([]byte{0x08, 0}, n), Tensor, newTensor},
		{"floats one by one", bytes.Repeat([]byte{0x25, 0, 0, 0, 0}, n), Tensor, newTensor},
		{"packed floats in pieces", bytes.Repeat([]byte{0x22, 4, 0, 0, 0, 0}, n), Tensor, newTensor},
	}
	for _, test := range tests {
		cost, err := Scan(test.data, test.as, generous)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		into := test.into()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		if err := into.Unmarshal(test.data); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if live := int(after.HeapAlloc) - int(before.HeapAlloc); live > cost {
			t.Errorf("%s: decoding takes %d bytes, the estimate is %d", test.name, live, cost)
		}
		runtime.KeepAlive(into)
		if _, err := Scan(test.data, test.as, Limits{Depth: 100, Cost: cost - 1}); !errors.Is(err, ErrCost) {
			t.Errorf("%s: below its cost: got %v, want ErrCost", test.name, err)
		}
	}
}

func newModel() interface{ Unmarshal([]byte) error }  { return &pb.ModelProto{} }
func newTensor() interface{ Unmarshal([]byte) error } { return &pb.TensorProto{} }

// TestScanAgreesWithDecoder checks on random bytes that what the decoder takes
// the scanner takes, but for groups, and the other way about for varints.
func TestScanAgreesWithDecoder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 2, 3, 4, 5, 8, 0x0a, 0x12, 0x2a, 0x3a, 0x42, 0x7f, 0x80}), 0, 40).Draw(t, "data")
		_, err := Scan(data, Model, generous)
		decodeErr := (&pb.ModelProto{}).Unmarshal(data)
		if err == nil || errors.Is(err, ErrWireType) || errors.Is(err, ErrDepth) {
			return
		}
		if decodeErr == nil {
			t.Errorf("% x: the scanner says %v, the decoder nothing", data, err)
		}
	})
}
