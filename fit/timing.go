package fit

import (
	"time"

	"github.com/kcompress/kcompress/fit/discover"
	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/kernels/gemm"
)

// maxTimedRows bounds the rows that a layer is timed on.
const maxTimedRows = 128

// layerTimes measures, in microseconds on one thread, the dense layer and its
// chain (nil: the dense layer again) on as many rows as one sample brings.
func (p *pipeline) layerTimes(l *discover.Layer, chain *butterfly.Chain) (before, after float64) {
	rows := 1
	if m := p.moments[l.Name]; m != nil && m.Samples > 0 {
		rows = max(1, min(maxTimedRows, m.Rows/m.Samples))
	}
	x := make([]float32, rows*l.In)
	for i := range x {
		x[i] = float32(i%13) - 6
	}
	y := make([]float32, rows*l.Out)
	dense := gemm.Pack(l.Weight, l.In, l.Out, true)
	runDense := func() { dense.Multiply(y, l.Out, x, l.In, rows, 0, l.Out, gemm.Epilogue{}) }
	if chain == nil {
		t := timed(runDense)
		return t, t
	}
	kernel, err := butterfly.Prepare(chain)
	if err != nil {
		return 0, 0 // the chain was validated before
	}
	scratch := make([]float32, kernel.ScratchSize(rows))
	runChain := func() { kernel.Apply(y, x, rows, butterfly.Epilogue{}, scratch) }
	return timed(runDense), timed(runChain)
}

// timed returns the least time of a few runs, in microseconds.
func timed(run func()) float64 {
	run() // warm up
	best := time.Duration(1 << 62)
	for start := time.Now(); time.Since(start) < 2*time.Millisecond; {
		t := time.Now()
		run()
		best = min(best, time.Since(t))
	}
	return float64(best.Nanoseconds()) / 1000
}
