package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// measured runs the whole command and returns the rows of the CSV file, without
// the header, and the path of the files.
func measured(t *testing.T, args ...string) (rows [][]string, out string) {
	t.Helper()
	out = filepath.Join(t.TempDir(), "plot")
	c, err := parseFlags(append(args, "--out", out, "--steps", "5", "--distil", "4"), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	if err := run(t.Context(), c, &log); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	file, err := os.Open(out + ".csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err = csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:], out
}

func TestFrontier(t *testing.T) {
	f := newFiles(t)
	rows, out := measured(t, "--model", f.model, "--data", f.data, "--test", f.test, "--sizes", "1/1.5,12000", "--checkpoint", t.TempDir(),
		"--peer", "as it was="+f.peer, "--peer", "a | figure=5084:80.4", "--peer-normalise", "100,120/50,60")
	info, err := os.Stat(f.model)
	if err != nil {
		t.Fatal(err)
	}
	original := info.Size()
	methods := []string{"original", "dense int8", "K-matrices", "K-matrices", "low rank", "low rank", "as it was", "a | figure"}
	asked := []int64{0, 0, original * 2 / 3, 12000, original * 2 / 3, 12000, 0, 0}
	if len(rows) != len(methods) {
		t.Fatalf("%d rows, want %d", len(rows), len(methods))
	}
	page := read(t, out+".md")
	picture := read(t, out+".svg")
	for i, row := range rows {
		size, accuracy := number(t, row[2]), number(t, row[4])
		if row[0] != methods[i] || row[1] != strconv.FormatInt(asked[i], 10) {
			t.Errorf("row %d is %q of at most %s bytes, want %q of %d", i, row[0], row[1], methods[i], asked[i])
		}
		if met := asked[i] == 0 || size <= float64(asked[i]); strconv.FormatBool(met) != row[5] {
			t.Errorf("row %d: %g of at most %d bytes, goal met: %s", i, size, asked[i], row[5])
		}
		// The page and the picture show the same figures.
		if want := fmt.Sprintf(" | %s | %.2f | %.2f %% | ", row[2], float64(original)/size, 100*accuracy); !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
		if tip := fmt.Sprintf("<title>%s: %s bytes, %.2f %%</title>", row[0], row[2], 100*accuracy); i > 0 && !strings.Contains(picture, tip) {
			t.Errorf("the picture lacks %q", tip)
		}
	}
	const right = 1 - 1.0/wrongEvery
	for i, want := range map[int][]string{0: {strconv.FormatInt(original, 10), "0.9"}, 6: {rows[6][2], "0.9"}, 7: {"5084", "0.804"}} {
		if got := []string{rows[i][2], rows[i][4]}; !slices.Equal(got, want) {
			t.Errorf("%s: bytes and accuracy are %v, want %v", rows[i][0], got, want)
		}
	}
	if dense := number(t, rows[1][4]); dense < right-0.05 || dense > right+0.05 {
		t.Errorf("rounding to int8 takes the accuracy from %g to %g", right, dense)
	}
	if want := fmt.Sprintf("fit %s --data %s --test %s --method low-rank --size 12000 --distil 4 --steps 5 -o", f.model, f.data, f.test); !strings.Contains(rows[5][6], want) {
		t.Errorf("the command is %q, want %q in it", rows[5][6], want)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(out), "*"))
	if err != nil || len(left) != 3 {
		t.Errorf("%v, %v: want the three files and nothing else", left, err)
	}
}

// Without labels the original is the judge.
func TestFrontierWithoutLabels(t *testing.T) {
	f := newFiles(t)
	rows, out := measured(t, "--model", f.model, "--data", f.data, "--sizes", "12000")
	if rows[0][4] != "1" {
		t.Errorf("the original agrees with itself on %s", rows[0][4])
	}
	if dense, page := number(t, rows[1][4]), read(t, out+".md"); dense < 0.9 || !strings.Contains(page, "decisions equal to the original's on") {
		t.Errorf("agreement of int8 is %g in\n%s", dense, page)
	}
}

func TestPeerWithoutItsData(t *testing.T) {
	f := newFiles(t)
	c := &config{test: f.test, label: "label"}
	p := peer{name: "peer", file: f.peer}
	if _, err := p.measure(t.Context(), c, nil); err == nil || !strings.Contains(err.Error(), "test.npz") {
		t.Errorf("bytes for a peer that takes float32: %v", err)
	}
}

func TestFlagErrors(t *testing.T) {
	f := newFiles(t)
	good := []string{"--model", f.model, "--data", f.data, "--test", f.test, "--sizes", "1/4", "--out", filepath.Join(t.TempDir(), "plot")}
	if _, err := parseFlags(good, io.Discard); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ args, want string }{
		"no size":               {"--sizes 1/0", "--sizes|-sizes"},
		"not a number":          {"--sizes 1/4,big", "big"},
		"a negative size":       {"--sizes -5", "-5"},
		"distillation":          {"--distil much", "much"},
		"an unknown flag":       {"--method auto", "method"},
		"an argument":           {"model.onnx", "model.onnx"},
		"threads":               {"--threads -1", "--threads"},
		"a peer without a name": {"--peer =file.onnx", "NAME=FILE"},
		"a peer of 101 percent": {"--peer x=100:101", "percentage"},
		"a peer of no bytes":    {"--peer x=0:50", "bytes"},
		"a file without test":   {"--peer x=x.onnx --test=", "--test"},
		"two forms of data":     {"--peer-data x.npz --peer-normalise 1/2", "--peer-normalise"},
		"means alone":           {"--peer-normalise 1,2", "MEANS/DEVIATIONS"},
		"a deviation of 0":      {"--peer-normalise 1,2/3,0", "deviations"},
		"no folder":             {"--out nowhere/plot", "--out"},
		"no model":              {"--model=", "--model"},
	} {
		_, err := parseFlags(append(slices.Clone(good), strings.Fields(test.args)...), io.Discard)
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line", name, err)
			continue
		}
		if !slices.ContainsFunc(strings.Split(test.want, "|"), func(w string) bool { return strings.Contains(err.Error(), w) }) {
			t.Errorf("%s: %v, want %q in it", name, err, test.want)
		}
	}
}

func TestShell(t *testing.T) {
	if got, want := shell([]string{"a-b", "ORT int8=x", "it's", ""}), `a-b 'ORT int8=x' 'it'\''s' ''`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
