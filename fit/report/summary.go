package report

import (
	"fmt"
	"strings"
)

// Summary returns the lines that say what was gained and lost.
func (r *Report) Summary() []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	replaced, dense, kept := 0, 0, 0
	for _, l := range r.Layers {
		switch {
		case l.Decision == "replaced":
			replaced++
			dense++
		case l.Op == "Gather":
		default:
			dense++
			kept++
		}
	}
	add("replaced %d of %d dense layers, kept %d", replaced, dense, kept)
	if r.BytesAfter > 0 {
		add("file: %d -> %d bytes, %s", r.BytesBefore, r.BytesAfter, times(float64(r.BytesBefore), float64(r.BytesAfter), "smaller", "bigger"))
	}
	if r.DenseParamsBefore > 0 {
		add("dense parameters: %d -> %d, %s", r.DenseParamsBefore, r.DenseParamsAfter, times(float64(r.DenseParamsBefore), float64(r.DenseParamsAfter), "fewer", "more"))
	}
	if r.Shuffles > 0 {
		add("channel shuffles: %d folded into weights", r.Shuffles)
	}
	if t := r.Time; t != nil {
		add("time: %.3g -> %.3g ms for %s (%d threads, %s), %s", t.MsBefore, t.MsAfter, t.On, t.Threads, r.CPU, times(t.MsBefore, t.MsAfter, "faster", "slower"))
	}
	if a := r.Accuracy; a != nil {
		add("accuracy: %s %.2f%% -> %.2f%% on %d samples of %s", a.Metric, 100*a.Before, 100*a.After, a.Samples, a.On)
	}
	if c := r.Changed; c != nil {
		add("outputs: relative error %.3g, largest difference %.3g, on %s", c.RelativeError, c.MaxAbs, c.On)
		if c.Scores {
			add("decisions: %.2f%% changed, divergence %.3g nats, on %s", 100*c.Disagreement, c.KL, c.On)
		}
	}
	if len(r.Peers) > 0 {
		add("peers, before distillation: %s", points(r.Peers))
	}
	if len(r.Frontier) > 0 {
		add("frontier, before distillation: %s", points(r.Frontier))
	}
	if d := r.Distilled; d != nil {
		add("distillation: loss %.3g -> %.3g in %d steps (%.0f s)", d.LossBefore, d.LossAfter, d.Steps, d.Seconds)
	}
	met := "met"
	if !r.GoalMet {
		met = "NOT met"
	}
	add("goal: %s: %s (%.0f s)", r.Goal, met, r.Seconds)
	return lines
}

// points lists ways to compress the model with what each loses.
func points(list []Point) string {
	var parts []string
	for _, p := range list {
		text := fmt.Sprintf("%d bytes %.3g", p.Bytes, p.RelativeError)
		if p.Scores {
			text = fmt.Sprintf("%d bytes %.2f%%", p.Bytes, 100*p.Disagreement)
		}
		if p.Method != "" {
			text = p.Method + " " + text
		}
		parts = append(parts, text)
	}
	what := "relative error"
	if list[0].Scores {
		what = "decisions changed"
	}
	return strings.Join(parts, "; ") + " (" + what + ")"
}

// times says how many times less the second figure is than the first, or more.
func times(before, after float64, less, more string) string {
	if after <= before || before == 0 {
		return fmt.Sprintf("%.2fx %s", before/max(after, 1e-12), less)
	}
	return fmt.Sprintf("%.2fx %s", after/before, more)
}
