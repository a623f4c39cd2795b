package main

import (
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/kcompress/kcompress/fit"
)

// progress shows what a fit is doing: one line that changes on a terminal,
// plain lines elsewhere.
type progress struct {
	mutex   sync.Mutex
	console console
	stage   string
	written time.Time // when the last plain line was
	width   int       // of the changing line
}

// silence is how long a stage may take without a plain line.
const silence = 30 * time.Second

func newProgress(c console) *progress { return &progress{console: c} }

func (p *progress) tell(e fit.Event) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.console.columns == 0 {
		p.plain(e)
		return
	}
	// A line as wide as the terminal would wrap in some.
	line := shorten(printable(describe(e)), p.console.columns-1)
	if e.Stage != p.stage && p.stage != "" {
		fmt.Fprintln(p.console.err)
		p.width = 0
	}
	p.stage = e.Stage
	width := utf8.RuneCountInString(line)
	fmt.Fprintf(p.console.err, "\r%s%s", line, strings.Repeat(" ", max(0, p.width-width)))
	p.width = width
}

// plain writes a line for each stage and each layer, and in between if there
// was none for long.
func (p *progress) plain(e fit.Event) {
	if now := time.Now(); e.Stage != p.stage || e.Layer != "" || now.Sub(p.written) > silence {
		fmt.Fprintln(p.console.err, describe(e))
		p.written = now
	}
	p.stage = e.Stage
}

// describe writes the figures before the name of the layer, which may be long
// and is cut first.
func describe(e fit.Event) string {
	var b strings.Builder
	b.WriteString(e.Stage)
	if e.Total > 0 {
		fmt.Fprintf(&b, " %d/%d", e.Done, e.Total)
	}
	if e.Left > 0 {
		fmt.Fprintf(&b, "  %s left", e.Left.Round(time.Second))
	}
	if e.Error > 0 {
		fmt.Fprintf(&b, "  error %.3g", e.Error)
	}
	if e.Layer != "" {
		fmt.Fprintf(&b, "  %s", e.Layer)
	}
	return b.String()
}

// shorten cuts text to that many characters.
func shorten(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	if most < 1 {
		return ""
	}
	return string([]rune(s)[:most-1]) + "…"
}

// done ends the changing line.
func (p *progress) done() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.console.columns > 0 && p.stage != "" {
		fmt.Fprintln(p.console.err)
	}
}
