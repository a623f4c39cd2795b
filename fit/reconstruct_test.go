package fit_test

import (
	"testing"

	"github.com/kcompress/kcompress/fit"
)

// Fitting chains again to the inputs that they have behind others that are off
// lowers the error of the outputs, on any number of threads alike.
func TestReconstruct(t *testing.T) {
	o := fit.Options{Ratio: 20, Data: inputs(40), Method: fit.LowRank}
	without := run(t, smallModel(17), o).Report.Changed.RelativeError
	o.Reconstruct = true
	var want string
	for o.Threads = 1; o.Threads <= 2; o.Threads++ {
		r := run(t, smallModel(17), o)
		if with := r.Report.Changed.RelativeError; with > 0.97*without {
			t.Errorf("%d threads: the outputs are off by %g, without it by %g", o.Threads, with, without)
		}
		if got := encode(t, r.Model); want == "" {
			want = got
		} else if got != want {
			t.Error("1 and 2 threads give different files")
		}
	}
}

// A bound on the loss holds for the model as it is written, after distillation,
// and distillation allows a model that is not larger.
func TestMaxLossAfterDistillation(t *testing.T) {
	o := fit.Options{MaxLoss: 0.3, Data: inputs(40), Seed: 3}
	without := run(t, smallModel(17), o)
	o.Distil = 60
	with := run(t, smallModel(17), o)
	if with.Report.GoalMet && with.Report.Changed.Scores && with.Report.Changed.Disagreement > o.MaxLoss {
		t.Errorf("the goal counts as met with a loss of %g", with.Report.Changed.Disagreement)
	}
	if with.Report.Distilled == nil || with.Report.BytesAfter > without.Report.BytesAfter+2000 {
		t.Errorf("%d bytes with distillation, %d without", with.Report.BytesAfter, without.Report.BytesAfter)
	}
}

// The report shows the peers and the frontier, the chosen model among them.
func TestPeersAndFrontier(t *testing.T) {
	r := run(t, smallModel(17), fit.Options{Ratio: 4, Data: inputs(20)}).Report
	if len(r.Peers) != 4 || r.Peers[0].Method != "chosen" {
		t.Fatalf("peers %+v", r.Peers)
	}
	for _, p := range r.Peers[1:3] {
		if p.DenseParams > r.Peers[0].DenseParams {
			t.Errorf("%s has %d parameters, what was chosen %d", p.Method, p.DenseParams, r.Peers[0].DenseParams)
		}
	}
	found := false
	for i, p := range r.Frontier {
		found = found || p.Bytes == r.Peers[0].Bytes
		if i > 0 && p.DenseParams > r.Frontier[i-1].DenseParams {
			t.Errorf("point %d of the frontier has more parameters than the one before", i)
		}
	}
	if !found {
		t.Errorf("the chosen model of %d bytes is not on the frontier %+v", r.Peers[0].Bytes, r.Frontier)
	}
}
