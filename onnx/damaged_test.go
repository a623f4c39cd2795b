package onnx

import (
	"bytes"
	"runtime"
	"testing"

	"pgregory.net/rapid"
)

// TestDamagedModels overwrites, removes and inserts bytes of valid models. What
// can still be read must be written and read the same.
func TestDamagedModels(t *testing.T) {
	readable := 0
	rapid.Check(t, func(t *rapid.T) {
		whole, err := anyModel(t).Encode()
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			data := bytes.Clone(whole)
			for range rapid.IntRange(1, 3).Draw(t, "damages") {
				at := rapid.IntRange(0, len(data)-1).Draw(t, "at")
				b := rapid.SampledFrom([]byte{0, 1, 2, 7, 8, 0x0a, 0x12, 0x2a, 0x7f, 0x80, 0xff, data[at] + 1, data[at] - 1}).Draw(t, "byte")
				switch rapid.IntRange(0, 4).Draw(t, "damage") {
				case 0:
					data = append(data[:at:at], append([]byte{b}, data[at:]...)...)
				case 1:
					data = append(data[:at:at], data[min(at+1, len(data)-1):]...)
				default:
					data[at] = b
				}
			}
			m, err := Decode(data)
			if err != nil {
				continue
			}
			readable++
			_ = m.Check() // may fail, but not panic
			out, err := m.Encode()
			if err != nil {
				t.Fatal(err)
			}
			again, err := Decode(out)
			if err != nil {
				t.Fatalf("what was written can not be read: %v", err)
			}
			out2, err := again.Encode()
			if err != nil || !bytes.Equal(out, out2) {
				t.Fatalf("written twice, %v:\n% x\n% x", err, out, out2)
			}
		}
	})
	if readable < 100 {
		t.Errorf("only %d damaged models could be read: the test tests little", readable)
	}
}

// TestSmallFilesTakeLittleMemory decodes small files made to take much memory.
func TestSmallFilesTakeLittleMemory(t *testing.T) {
	field := func(number byte, content []byte) []byte {
		n := len(content)
		return append([]byte{number<<3 | 2, byte(n) | 0x80, byte(n>>7) | 0x80, byte(n >> 14)}, content...)
	}
	const n = 200_000
	for name, data := range map[string][]byte{
		"empty nodes":      field(7, bytes.Repeat([]byte{0x0a, 0}, n)),
		"empty attributes": field(7, field(1, bytes.Repeat([]byte{0x2a, 0}, n))),
		"empty inputs":     field(7, bytes.Repeat([]byte{0x5a, 0}, n)),
		"empty types":      field(7, field(11, bytes.Repeat([]byte{0x12, 0}, n))),
		"empty names":      field(7, field(1, bytes.Repeat([]byte{0x0a, 0}, n))),
		"empty tensors":    field(7, bytes.Repeat([]byte{0x2a, 0}, n)),
		"packed floats":    field(7, field(5, field(4, make([]byte, 4*n)))),
		"packed integers":  field(7, field(1, field(5, field(8, make([]byte, n))))),
		"huge dimensions":  field(7, field(5, []byte{0x10, 1, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Decode(data)
		runtime.ReadMemStats(&after)
		if took, most := after.TotalAlloc-before.TotalAlloc, uint64(2*(structureBase+structureFactor*len(data))); took > most {
			t.Errorf("%s: a file of %d bytes took %d bytes of memory (%v), the most should be %d", name, len(data), took, err, most)
		}
	}
}
