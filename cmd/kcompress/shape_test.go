package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// jsonShape returns the keys of a JSON text with the types of their values,
// sorted. The elements of an array are taken together.
func jsonShape(data []byte) ([]string, error) {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return nil, err
	}
	types := map[string]bool{}
	collectShape(types, "", v)
	lines := make([]string, 0, len(types))
	for line := range types {
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines, nil
}

func collectShape(types map[string]bool, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			collectShape(types, strings.TrimPrefix(path+"."+key, "."), value)
		}
		return
	case []any:
		types[path+" array"] = true
		for _, value := range v {
			collectShape(types, path+"[]", value)
		}
		return
	}
	names := map[string]string{"string": "string", "float64": "number", "bool": "boolean", "<nil>": "null"}
	types[path+" "+names[fmt.Sprintf("%T", v)]] = true
}

func TestJSONShape(t *testing.T) {
	got, err := jsonShape([]byte(`{"b": [{"x": 1}, {"x": "s", "y": null}], "a": true, "c": []}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a boolean", "b array", "b[].x number", "b[].x string", "b[].y null", "c array"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
