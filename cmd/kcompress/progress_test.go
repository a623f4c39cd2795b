package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/kcompress/kcompress/fit"
)

// events are what a fit tells, with a name longer than any terminal.
func events() []fit.Event {
	return []fit.Event{
		{Stage: "discover"},
		{Stage: "calibrate", Done: 1, Total: 2},
		{Stage: "calibrate", Done: 2, Total: 2},
		{Stage: "factorise", Layer: strings.Repeat("schicht-ü/", 30), Done: 1, Total: 2, Error: 0.0125, Left: 61400 * time.Millisecond},
		{Stage: "factorise", Layer: "a\x1b[2Jb", Done: 2, Total: 2, Error: 0.5},
		{Stage: "write"},
	}
}

func tellAll(columns int) string {
	var b bytes.Buffer
	p := newProgress(console{err: &textWriter{to: &b}, columns: columns})
	for _, e := range events() {
		p.tell(e)
	}
	p.done()
	return b.String()
}

func TestProgressOnATerminal(t *testing.T) {
	for columns := 1; columns < 200; columns++ {
		text := tellAll(columns)
		if strings.ContainsRune(text, '\x1b') {
			t.Fatalf("%d columns: an escape sequence in %q", columns, text)
		}
		for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
			if n := utf8.RuneCountInString(line); n >= columns {
				t.Fatalf("%d columns: line of %d characters: %q", columns, n, line)
			}
		}
		// One line for each of the four stages.
		if got := strings.Count(text, "\n"); got != 4 {
			t.Fatalf("%d columns: %d lines: %q", columns, got, text)
		}
	}
	if text := tellAll(80); !strings.Contains(text, "\rfactorise 1/2  1m1s left  error 0.0125  schicht-ü/") {
		t.Errorf("no layer, error and time left in %q", text)
	}
}

// On a terminal each line must cover the one before it.
func TestProgressOverwrites(t *testing.T) {
	screen := ""
	for _, part := range strings.Split(tellAll(80), "\r") {
		line, rest, ended := strings.Cut(part, "\n")
		if old := []rune(screen); len(old) > utf8.RuneCountInString(line) {
			t.Errorf("%q does not cover %q", line, screen)
		}
		screen = strings.TrimRight(line, " ")
		if ended {
			screen = rest
		}
	}
}

func TestProgressElsewhere(t *testing.T) {
	want := "discover\ncalibrate 1/2\n" +
		"factorise 1/2  1m1s left  error 0.0125  " + strings.Repeat("schicht-ü/", 30) + "\n" +
		"factorise 2/2  error 0.5  a\\x1b[2Jb\nwrite\n"
	if got := tellAll(0); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestColumnsOfFiles(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if got := columnsOf(null); got != 0 {
		t.Errorf("the null device is a terminal of %d columns", got)
	}
	if got := columnsOf(&bytes.Buffer{}); got != 0 {
		t.Errorf("a buffer is a terminal of %d columns", got)
	}
}
