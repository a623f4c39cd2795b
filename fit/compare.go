package fit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/fit/measure"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// What is said of a result that gains nothing.
const (
	biggerWarning = "the result is not smaller than the original: %d bytes against %d"
	slowerWarning = "the result is slower than the original on this machine: %.3g ms against %.3g ms for %s"
)

// randomRuns runs a model on random inputs, with a few sizes for symbols until
// one works.
func randomRuns(ctx context.Context, teacher *runtime.Session, seed uint64) (*calibrate.Data, measure.Outputs, error) {
	var failure error
	for _, size := range []int{2, 1, 8, 16, 64} {
		data, err := calibrate.Random(teacher.Inputs(), 4, size, seed)
		if err != nil {
			return nil, nil, err
		}
		out, err := measure.Run(ctx, teacher, data)
		if err == nil {
			return data, out, nil
		}
		failure = err
	}
	return nil, nil, failure
}

// runStudent runs a compact model on data that its original could be run on.
func runStudent(ctx context.Context, student *runtime.Session, data *calibrate.Data) (measure.Outputs, error) {
	out, err := measure.Run(ctx, student, data)
	if err != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("%w: the compact model does not run: %w", ErrUnverified, err)
	}
	return out, err
}

// Limits of timing: enough runs for a median, and no more than a second.
const (
	timedRuns    = 101
	timeForRuns  = time.Second
	fewestTimed  = 5
	slowerFactor = 1.05
)

// medianTimes runs both models in turn on one sample and returns the median
// milliseconds of a run of each.
func medianTimes(ctx context.Context, before, after *runtime.Session, sample map[string]*onnx.Tensor) (msBefore, msAfter float64, err error) {
	times := [2][]time.Duration{}
	started := time.Now()
	for run := 0; run < timedRuns && (run < fewestTimed || time.Since(started) < timeForRuns); run++ {
		for i, s := range []*runtime.Session{before, after} {
			t := time.Now()
			if _, err := s.Run(ctx, sample); err != nil {
				return 0, 0, err
			}
			if run > 0 { // the first run warms up
				times[i] = append(times[i], time.Since(t))
			}
		}
	}
	return median(times[0]), median(times[1]), nil
}

func median(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)/2].Nanoseconds()) / 1e6
}
