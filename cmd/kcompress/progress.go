package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/kcompress/kcompress/fit"
)

// progress shows what a fit is doing: one line that changes on a terminal,
// plain lines elsewhere.
type progress struct {
	mutex    sync.Mutex
	out      io.Writer
	terminal bool
	stage    string
	width    int
}

func newProgress(out io.Writer) *progress { return &progress{out: out, terminal: isTerminal(out)} }

func (p *progress) tell(e fit.Event) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if !p.terminal {
		p.plain(e)
		return
	}
	line := describe(e)
	if e.Stage != p.stage && p.stage != "" {
		fmt.Fprintln(p.out)
		p.width = 0
	}
	p.stage = e.Stage
	pad := max(0, p.width-len(line))
	fmt.Fprintf(p.out, "\r%s%s", line, strings.Repeat(" ", pad))
	p.width = len(line)
}

// plain writes a line for each stage and each layer.
func (p *progress) plain(e fit.Event) {
	if e.Stage != p.stage || e.Layer != "" {
		fmt.Fprintln(p.out, describe(e))
	}
	p.stage = e.Stage
}

func describe(e fit.Event) string {
	var b strings.Builder
	b.WriteString(e.Stage)
	if e.Total > 0 {
		fmt.Fprintf(&b, " %d/%d", e.Done, e.Total)
	}
	if e.Layer != "" {
		fmt.Fprintf(&b, " %s", e.Layer)
	}
	if e.Error > 0 {
		fmt.Fprintf(&b, "  error %.3g", e.Error)
	}
	if e.Left > 0 {
		fmt.Fprintf(&b, "  %s left", e.Left.Round(time.Second))
	}
	return b.String()
}

// done ends the changing line.
func (p *progress) done() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.terminal && p.stage != "" {
		fmt.Fprintln(p.out)
	}
}
