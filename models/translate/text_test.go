package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestReadIDs(t *testing.T) {
	for _, c := range []struct {
		name, text string
		limit      int
		want       [][]int64
		wantError  string
	}{
		{"all", "1 2\n\n3\n", 0, [][]int64{{1, 2}, nil, {3}}, ""},
		{"limit", "1 2\n3\n4", 2, [][]int64{{1, 2}, {3}}, ""},
		{"limit beyond the end", "1\n", 9, [][]int64{{1}}, ""},
		{"no number", "1\n2 x", 0, nil, `line 2: "x" is not a token id from 0 to 9`},
		{"too great", "10", 0, nil, `line 1: "10"`},
		{"negative", "-1", 0, nil, `line 1: "-1"`},
		{"beyond int64", "99999999999999999999", 0, nil, "line 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ids.txt")
			if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			got, err := readIDs(path, 10, c.limit)
			if c.wantError == "" && err != nil {
				t.Fatal(err)
			}
			if c.wantError != "" && (err == nil || !strings.Contains(err.Error(), c.wantError) || !strings.Contains(err.Error(), path)) {
				t.Fatalf("error %v does not name %s and %s", err, path, c.wantError)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestJoin(t *testing.T) {
	pieces := []string{"<pad>", "\u2581a", "b", "\u2581."}
	got, err := join([]int64{1, 2, 2, 3}, pieces)
	if err != nil || got != "abb ." {
		t.Errorf("join gives %q, %v", got, err)
	}
	if _, err := join([]int64{4}, pieces); err == nil {
		t.Error("a token without a piece gives no error")
	}
}
