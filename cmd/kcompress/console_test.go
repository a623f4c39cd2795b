package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain text, Ü, 層\n\tnext": "plain text, Ü, 層\n\tnext",
		"\x1b]0;title\a":           `\x1b]0;title\a`,
		"del\x7f csi\u009b":        `del\x7f csi\u009b`,
		"right\u202eto left":       `right\u202eto left`,
		"broken \xff":              `broken \ufffd`,
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := printable(rapid.String().Draw(t, "text"))
		if i := strings.IndexFunc(text, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\n\r\t", r) }); i >= 0 {
			t.Fatalf("control character at %d of %q", i, text)
		}
		if printable(text) != text {
			t.Fatalf("%q changes a second time", text)
		}
	})
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// Results that did not arrive are no success.
func TestRunReportsFailingOutput(t *testing.T) {
	full := errors.New("disk full")
	var stderr bytes.Buffer
	code := run(t.Context(), []string{"--version"}, newConsole(nil, failingWriter{full}, &stderr))
	if code != exitFailure || !strings.Contains(stderr.String(), "standard output: disk full") {
		t.Errorf("exit code %d, standard error %q", code, stderr.String())
	}
}
