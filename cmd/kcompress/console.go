package main

import (
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// console is where a command reads and writes: results go to out; progress,
// warnings and errors to err. No command writes colours, so there are none for
// NO_COLOR to turn off.
type console struct {
	in       io.Reader
	out, err *textWriter
	// columns is the width of the terminal that err is, 0 if it is none.
	columns int
}

func newConsole(in io.Reader, out, err io.Writer) console {
	return console{in: in, out: &textWriter{to: out}, err: &textWriter{to: err}, columns: columnsOf(err)}
}

// textWriter passes text on without control characters, which the names in a
// hostile model could use to drive a terminal, and keeps the first error, so
// that a full disk behind standard output is no success.
type textWriter struct {
	to  io.Writer
	err error
}

// Write writes p, which holds whole characters.
func (w *textWriter) Write(p []byte) (int, error) {
	if w.err == nil {
		_, w.err = io.WriteString(w.to, printable(string(p)))
	}
	return len(p), w.err
}

// printable writes control characters, line ends and tabs aside, as Go does in
// quoted strings.
func printable(s string) string {
	clean := func(r rune) bool {
		return r == '\n' || r == '\r' || r == '\t' || r != utf8.RuneError && !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r)
	}
	if strings.IndexFunc(s, func(r rune) bool { return !clean(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if clean(r) {
			b.WriteRune(r)
			continue
		}
		b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
	}
	return b.String()
}

// defaultColumns is the width taken for a terminal that does not tell.
const defaultColumns = 80

// columnsOf returns the width of the terminal that w is, 0 if it is none or one
// on which a line can not be overwritten.
func columnsOf(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return 0
	}
	columns, isTerminal := terminalColumns(f)
	if isTerminal && columns <= 0 {
		return defaultColumns
	}
	return columns
}
