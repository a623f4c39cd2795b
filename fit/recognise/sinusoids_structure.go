package recognise

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/kernels/butterfly"
)

// structure makes the chain of what was found.
func (f *sinusoidFit) structure() *Structure {
	if f.failed {
		return nil
	}
	f.cleanRows()
	if half := f.halfPeriod(); half != nil {
		return half
	}
	return f.chain(f.m.in, f.turns.period, f.rows, f.window, nil)
}

// cleanRows makes what is nothing but rounding exactly zero, so that a cosine is
// a cosine.
func (f *sinusoidFit) cleanRows() {
	small := max(2e-7, f.m.noise()/3)
	for i := range f.rows {
		r := &f.rows[i]
		if math.Abs(r.Sin) < small*math.Abs(r.Cos) {
			r.Sin = 0
		}
		if math.Abs(r.Cos) < small*math.Abs(r.Sin) {
			r.Cos = 0
		}
		if r.Cos == 0 && r.Sin == 0 {
			r.Twice = f.turns.odd
		}
	}
}

func (f *sinusoidFit) chain(in, period int, rows []butterfly.Sinusoid, window []float64, before []int) *Structure {
	chain, err := butterfly.Sinusoids(in, period, rows, window)
	if err == nil && before != nil {
		chain, err = chain.SelectedColumns(before, in)
	}
	s := named(f.name(), chain, err)
	if s != nil {
		s.sinusoids = true
	}
	return s
}

// halfPeriod returns the chain of a DCT or DST of type II as a Fourier transform
// of n instead of 2n inputs: the even inputs and then the odd ones backwards
// (Makhoul, A fast cosine transform in one and two dimensions, 1980). It returns
// nil for anything else.
func (f *sinusoidFit) halfPeriod() *Structure {
	n := f.m.in
	phase, ok := f.centred()
	if f.turns != (turns{2 * n, 0}) || !ok {
		return nil
	}
	before := make([]int, n)
	window := make([]float64, n)
	for j := range n {
		at, sign := j/2, 1.0
		if j%2 == 1 {
			at = n - 1 - j/2
			if phase == sine {
				sign = -1
			}
		}
		before[at], window[at] = j, sign*f.window[j]
	}
	rows := make([]butterfly.Sinusoid, len(f.rows))
	for i, r := range f.rows {
		// cos(t (j + 1/2)) at j = 2m is cos(2 t m + t/2).
		sin, cos := math.Sincos(math.Pi * float64(r.Twice) / float64(4*n))
		if phase == sine {
			size := r.Cos*sin + r.Sin*cos
			rows[i] = butterfly.Sinusoid{Twice: r.Twice, Cos: size * sin, Sin: size * cos}
		} else {
			size := r.Cos*cos - r.Sin*sin
			rows[i] = butterfly.Sinusoid{Twice: r.Twice, Cos: size * cos, Sin: -size * sin}
		}
	}
	return f.chain(n, n, rows, window, before)
}

type phase int

const (
	cosine phase = iota
	sine
)

// centred reports whether all rows are cosines, or all sines, of j + 1/2.
func (f *sinusoidFit) centred() (phase, bool) { return f.samePhase(0.5) }

// samePhase reports whether all rows are cosines, or all sines, of j + shift.
func (f *sinusoidFit) samePhase(shift float64) (phase, bool) {
	const slack = 1e-3
	cosines, sines := true, true
	for _, r := range f.rows {
		size := math.Hypot(r.Cos, r.Sin)
		sin, cos := math.Sincos(shift * math.Pi * float64(r.Twice) / float64(f.turns.period))
		if size == 0 {
			continue
		}
		// cos(t (j+s)) = cos ts cos tj - sin ts sin tj
		alongCos, alongSin := (r.Cos*cos-r.Sin*sin)/size, (r.Cos*sin+r.Sin*cos)/size
		if r.Twice%f.turns.period == 0 { // a constant or alternating row has one phase only
			alongCos, alongSin = 1, 1
			if shift == 0 || math.Abs(cos) > 0.5 {
				alongSin = 0
			} else {
				alongCos = 0
			}
		}
		cosines = cosines && math.Abs(math.Abs(alongCos)-1) < slack
		sines = sines && math.Abs(math.Abs(alongSin)-1) < slack
	}
	if cosines {
		return cosine, true
	}
	return sine, sines
}

// name says which transform it is.
func (f *sinusoidFit) name() string {
	n := f.m.in
	text := ""
	switch {
	case f.turns.odd == 0 && f.turns.period == n:
		text = fmt.Sprintf("DFT %d", n)
		if p, ok := f.samePhase(0); ok {
			text = fmt.Sprintf("%s DFT %d", [2]string{"cosines of the", "sines of the"}[p], n)
		}
	case f.turns == turns{2 * n, 0}:
		text = f.typed(0.5, "II", n)
	case f.turns == turns{2 * n, 1}:
		if text = f.typed(0, "III", n); text == "" {
			text = f.typed(0.5, "IV", n)
		}
	case f.turns == turns{2 * (n - 1), 0}:
		text = f.typed(0, "I", n)
	case f.turns == turns{2 * (n + 1), 0}:
		text = f.typed(1, "I", n)
	}
	switch {
	case text == "" && f.turns.odd == 0:
		text = fmt.Sprintf("DFT %d of %d inputs", f.turns.period, n)
	case text == "":
		text = fmt.Sprintf("half-turn DFT %d of %d inputs", f.turns.period, n)
	}
	if !flat(f.window) {
		text += ", windowed"
	}
	return text
}

// typed names a cosine or sine transform, empty if the phases differ.
func (f *sinusoidFit) typed(shift float64, kind string, n int) string {
	p, ok := f.samePhase(shift)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%s-%s %d", [2]string{"DCT", "DST"}[p], kind, n)
}

// flat reports whether a window is one number, up to rounding.
func flat(window []float64) bool {
	for _, v := range window {
		if math.Abs(v-window[0]) > 1e-3*math.Abs(window[0]) {
			return false
		}
	}
	return true
}
