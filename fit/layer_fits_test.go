package fit

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/kcompress/kcompress/fit/factorise"
	"github.com/kcompress/kcompress/kernels/butterfly"
)

func randomLayer(seed uint64) factorise.Layer {
	r := rand.New(rand.NewPCG(seed, 1))
	l := factorise.Layer{In: 24, Out: 16, Weight: make([]float32, 24*16)}
	for i := range l.Weight {
		l.Weight[i] = float32(r.NormFloat64())
	}
	return l
}

// A saved fit is what the fit would give, and no other layer, design or seed
// takes it.
func TestSavedFits(t *testing.T) {
	folder := t.TempDir()
	design := butterfly.Ladder(24, 16)[0]
	run := func(l factorise.Layer, checkpoint string, seed uint64) factorise.Result {
		t.Helper()
		f, err := newLayerFits(l, checkpoint)
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.fit(context.Background(), design, factorise.Options{Steps: 20, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.lowRank(3); err != nil {
			t.Fatal(err)
		}
		r.Duration = 0
		return r
	}
	saved := func() int {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(folder, "layers", "*.fit"))
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	want := run(randomLayer(1), "", 1)
	for _, files := range []int{2, 2} { // fitted and saved, then read
		if got := run(randomLayer(1), folder, 1); !reflect.DeepEqual(got, want) || saved() != files {
			t.Fatalf("error %g in %d files, without a checkpoint %g", got.Error, saved(), want.Error)
		}
	}
	for i, other := range []struct {
		layer, seed uint64
		files       int
	}{{2, 1, 4}, {1, 2, 5}} { // low rank has no seed
		if run(randomLayer(other.layer), folder, other.seed); saved() != other.files {
			t.Errorf("case %d: %d files, want %d", i, saved(), other.files)
		}
	}
}

// Files that are no saved fits of this layer are errors.
func TestDamagedFits(t *testing.T) {
	folder := t.TempDir()
	f, err := newLayerFits(randomLayer(1), folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.lowRank(3); err != nil {
		t.Fatal(err)
	}
	path := f.path("rank 3")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		damaged := append([]byte(nil), data...)
		damaged[i] ^= 0x41
		if err := os.WriteFile(path, damaged[:len(damaged)-i%2], 0o600); err != nil {
			t.Fatal(err)
		}
		if r, ok, err := f.load(path); err == nil && (!ok || f.check(r.Chain) != nil) {
			t.Fatalf("byte %d: neither a chain nor an error", i)
		}
	}
}
