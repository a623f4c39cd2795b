package onnx

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestConvertSuite runs the Cast cases of the ONNX backend tests through
// ConvertTo.
func TestConvertSuite(t *testing.T) {
	ran := 0
	for _, path := range sharedFiles(t, ".onnx") {
		name := filepath.Base(filepath.Dir(path))
		if !strings.HasPrefix(name, "test_cast_") || strings.Contains(name, "STRING") {
			continue
		}
		m, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		in, err := ReadTensorFile(filepath.Join(filepath.Dir(path), "test_data_set_0", "input_0.pb"))
		if err != nil {
			t.Fatal(err)
		}
		want, err := ReadTensorFile(filepath.Join(filepath.Dir(path), "test_data_set_0", "output_0.pb"))
		if err != nil {
			t.Fatal(err)
		}
		node := m.Graph.Nodes[0]
		mode := map[string]RoundMode{"up": RoundUp, "down": RoundDown, "nearest": RoundNearest}[node.Str("round_mode", "up")]
		got, err := in.ConvertTo(want.Type, Saturate(node.Int("saturate", 1) == 1), Round(mode))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		ran++
		if !bytes.Equal(got.Raw(), want.Raw()) {
			a, _ := got.Floats()
			b, _ := want.Floats()
			c, _ := in.Floats()
			t.Errorf("%s:\n in %v\ngot %v\nwant %v\n got %x\nwant %x", name, c, a, b, got.Raw(), want.Raw())
		}
	}
	if ran < 40 {
		t.Errorf("only %d cases ran", ran)
	}
}
