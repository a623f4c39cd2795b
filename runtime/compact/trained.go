package compact

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// MetadataTrained is the key of the metadata that says which biases, scales
// and offsets distillation has changed: a JSON object from the names of
// initializers to fingerprints of the tensors that they were in the original.
const MetadataTrained = "kcompress.trained"

// TensorFingerprint identifies a tensor by type, shape and content: the first
// 16 bytes of a sha256, in hexadecimal.
func TensorFingerprint(t *onnx.Tensor) string {
	h := sha256.New()
	fmt.Fprintln(h, t.Type, t.Shape)
	h.Write(t.Raw())
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// FormatTrained returns the entry for the initializers of m that originals
// holds the fingerprints of; "" if there are none.
func FormatTrained(m *onnx.Model, originals map[string]string) string {
	entry := map[string]string{}
	for _, t := range m.Graph.Initializers {
		if f := originals[t.Name]; f != "" {
			entry[t.Name] = f
		}
	}
	if len(entry) == 0 {
		return ""
	}
	data, err := json.Marshal(entry)
	if err != nil {
		panic(err) // strings always can be written
	}
	return string(data)
}

// ReadTrained returns the initializers of a compact model that distillation has
// changed, by the fingerprints of their originals.
func ReadTrained(m *onnx.Model) (map[string]*onnx.Tensor, error) {
	trained := map[string]*onnx.Tensor{}
	for _, p := range m.Metadata {
		if p.Key != MetadataTrained {
			continue
		}
		var entry map[string]string
		if err := json.Unmarshal([]byte(p.Value), &entry); err != nil {
			return nil, fmt.Errorf("metadata %s: %w", MetadataTrained, err)
		}
		for _, name := range slices.Sorted(maps.Keys(entry)) {
			t := m.Graph.Initializer(name)
			if t == nil {
				return nil, fmt.Errorf("metadata %s: the graph has no initializer %q", MetadataTrained, name)
			}
			if trained[entry[name]] == nil {
				trained[entry[name]] = t
			}
		}
	}
	return trained, nil
}
