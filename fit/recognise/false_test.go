package recognise

import (
	"math"
	"math/rand/v2"
	"testing"
)

// nearly are matrices that are close to a structure without having it.
func nearly(r *rand.Rand, d dense) map[string][]float32 {
	changed := func(change func(w []float32)) []float32 {
		w := d.float32s()
		change(w)
		return w
	}
	largest := 0.0
	for _, v := range d.w {
		largest = max(largest, math.Abs(v))
	}
	noise := func(size float64) func([]float32) {
		return func(w []float32) {
			for i := range w {
				w[i] += float32(size * largest * r.NormFloat64())
			}
		}
	}
	return map[string][]float32{
		"noise 1e-1":   changed(noise(1e-1)),
		"noise 1e-2":   changed(noise(1e-2)),
		"noise 1e-3":   changed(noise(1e-3)),
		"noise 1e-4":   changed(noise(1e-4)),
		"one element":  changed(func(w []float32) { w[r.IntN(len(w))] += float32(0.3 * largest) }),
		"a random row": changed(func(w []float32) { copy(w[r.IntN(d.out)*d.in:][:d.in], gaussian(r, 1, d.in).float32s()) }),
		"a random column": changed(func(w []float32) {
			j := r.IntN(d.in)
			for i := range d.out {
				w[i*d.in+j] = float32(largest * r.NormFloat64())
			}
		}),
		"signs of some": changed(func(w []float32) {
			for range 5 {
				w[r.IntN(len(w))] *= -1
			}
		}),
		"permuted columns and noise": changed(func(w []float32) {
			order := r.Perm(d.in)
			for i := range d.out {
				for j, from := range order {
					w[i*d.in+j] = float32(d.at(i, from) + 1e-3*largest*r.NormFloat64())
				}
			}
		}),
	}
}

// Whatever is found gives the matrix back; dense noise is never found.
func TestNoFalsePositives(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 6))
	looked, found := 0, 0
	look := func(what string, w []float32, out, in int, mayBe bool) {
		t.Helper()
		looked++
		s := Recognise(w, out, in)
		if s == nil {
			return
		}
		found++
		if !mayBe {
			t.Errorf("%s: found as %s", what, s.Kind)
		}
		for j := range in {
			for i, v := range s.apply64(j, in) {
				if d := math.Abs(v - float64(w[i*in+j])); d > 1e-4*(1+math.Abs(v)) {
					t.Fatalf("%s as %s: element %d,%d differs by %v", what, s.Kind, i, j, d)
				}
			}
		}
	}
	for range 120 {
		out, in := 8+r.IntN(100), 8+r.IntN(100)
		look("random", gaussian(r, out, in).float32s(), out, in, false)
		look("random float16", gaussian(r, out, in).float16s(), out, in, false)
		d := product(gaussian(r, out, in), newDense(in, in, func(i, j int) float64 {
			if i == j {
				return math.Exp(-4 * float64(i) / float64(in))
			}
			return 0
		}))
		look("decaying", d.float32s(), out, in, false)
		look("smooth", newDense(out, in, func(i, j int) float64 {
			return math.Exp(-math.Pow(float64(i)/float64(out)-float64(j)/float64(in), 2)*40) + 0.05*r.NormFloat64()
		}).float32s(), out, in, false)
		ternary := newDense(out, in, func(int, int) float64 { return float64(r.IntN(3) - 1) })
		look("ternary", ternary.float32s(), out, in, false)
	}
	for _, n := range []int{32, 48} {
		for _, c := range constructions(r, n) {
			for name, w := range nearly(r, c.d) {
				// A sparse matrix with another element is one still.
				look(c.name+", "+name, w, c.d.out, c.d.in, name != "noise 1e-1" && name != "noise 1e-2" && name != "noise 1e-3")
			}
		}
	}
	t.Logf("%d matrices looked at, %d found", looked, found)
}

func TestHostileMatrices(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	r := rand.New(rand.NewPCG(9, 6))
	for _, out := range []int{1, 2, 3, 16} {
		for _, in := range []int{1, 2, 3, 16} {
			for _, v := range []float32{0, 1, -1, nan, inf, math.MaxFloat32, math.SmallestNonzeroFloat32} {
				w := make([]float32, out*in)
				for i := range w {
					w[i] = v
				}
				s := Recognise(w, out, in)
				if (v != v || v == inf || v == 0) && s != nil {
					t.Errorf("%dx%d of %v is found as %s", out, in, v, s.Kind)
				}
				d := gaussian(r, out, in).float32s()
				d[r.IntN(len(d))] = v
				Recognise(d, out, in)
			}
		}
	}
	for _, bad := range []float32{nan, inf, math.MaxFloat32} {
		d := dft(64)
		w := d.float32s()
		w[100] = bad
		if s := Recognise(w, d.out, d.in); s != nil {
			t.Errorf("a DFT with %v is found as %s", bad, s.Kind)
		}
	}
	if Recognise(nil, 0, 0) != nil || Recognise(make([]float32, 5), 2, 3) != nil || Recognise(nil, -1, -1) != nil {
		t.Error("sizes that do not fit are found")
	}
	// Zero rows and columns within a structure.
	d := dft(64)
	w := d.float32s()
	clear(w[3*64 : 9*64])
	for i := range d.out {
		w[i*64+5] = 0
	}
	wantFound(t, "a DFT with zero rows and a zero column", "DFT", d, w, 1.1e-5)
}

// FuzzRecognise makes matrices of bytes: nothing may panic, and what is found
// gives the matrix back.
func FuzzRecognise(f *testing.F) {
	f.Add([]byte{4, 4, 1, 1, 1, 1, 1, 255, 1, 255, 1, 1, 255, 255, 1, 255, 255, 1}, true)
	f.Add([]byte{8, 8, 1, 2, 3, 4, 5, 6, 7, 8, 2, 3, 4, 5, 6, 7, 8, 9}, false)
	f.Fuzz(func(t *testing.T, data []byte, circulant bool) {
		if len(data) < 3 {
			return
		}
		out, in, values := int(data[0]%20)+1, int(data[1]%20)+1, data[2:]
		w := make([]float32, out*in)
		for i := range w {
			at := i
			if circulant {
				at = (i/in*7 + i%in) % in
			}
			w[i] = float32(int8(values[at%len(values)]))
		}
		s := Recognise(w, out, in)
		if s == nil {
			return
		}
		for j := range in {
			for i, v := range s.apply64(j, in) {
				if d := math.Abs(v - float64(w[i*in+j])); d > 1e-2+1e-4*math.Abs(v) {
					t.Fatalf("%s: element %d,%d is %v, want %v", s.Kind, i, j, v, w[i*in+j])
				}
			}
		}
	})
}

func BenchmarkRefuse4096(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	w := gaussian(r, 4096, 4096).float32s()
	for b.Loop() {
		if Recognise(w, 4096, 4096) != nil {
			b.Fatal("found")
		}
	}
}

func BenchmarkFindDFT4096(b *testing.B) {
	d := windowed(dft(4096), hann(4096))
	w := d.float32s()
	for b.Loop() {
		if Recognise(w, d.out, d.in) == nil {
			b.Fatal("not found")
		}
	}
}
