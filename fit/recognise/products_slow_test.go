//go:build slow

package recognise

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/kernels/butterfly"
)

// The table of docs/exact.md:
//
//	go test -tags slow -run 'TestPaperTargetsAtFullSize|TestPaperTransforms' -v ./fit/recognise
func TestPaperTargetsAtFullSize(t *testing.T) { checkPaperTargets(t, 256, 3) }

// paperLargest is the largest size of the transforms.
const paperLargest = 1024

// paperTransform is a matrix that the paper's authors recover by gradient descent
// (learning_transforms in HazyResearch/butterfly), with their root mean square
// errors at n = 8 and n = 1024 for matrices of rows of length one.
type paperTransform struct {
	name         string
	build        func(n int) (*butterfly.Chain, error)
	small, large float64
}

// TestPaperTransforms finds transforms in their dense matrices alone.
func TestPaperTransforms(t *testing.T) {
	for _, f := range []paperTransform{
		{"DFT", butterfly.DFT, 3e-6, 5.7e-5},
		{"DCT", func(n int) (*butterfly.Chain, error) { return butterfly.DCT(n, 2) }, 4e-6, 7e-5},
		{"DST", func(n int) (*butterfly.Chain, error) { return butterfly.DST(n, 2) }, 1e-6, 4.6e-5},
		{"Hadamard", butterfly.Hadamard, 9e-7, 3.6e-5},
		{"Hartley", butterfly.Hartley, 3e-6, 3.6e-5},
		{"convolution", func(n int) (*butterfly.Chain, error) {
			return butterfly.RealCirculant(normals(rand.New(rand.NewPCG(1, uint64(n))), n))
		}, 4e-6, 6e-5},
	} {
		for n := 8; n <= paperLargest; n *= 2 {
			c, err := f.build(n)
			if err != nil {
				t.Fatal(err)
			}
			w := c.Dense()
			squares := 0.0
			for _, v := range w {
				squares += float64(v) * float64(v)
			}
			for i := range w {
				w[i] = float32(float64(w[i]) * math.Sqrt(float64(c.Out)/squares))
			}
			s := Recognise(w, c.Out, c.In)
			if s == nil {
				if n >= 32 {
					t.Errorf("%s %d: nothing was found", f.name, n)
				}
				continue
			}
			rmse := s.Error / math.Sqrt(float64(c.In))
			t.Logf("| %s | %d | %.1e | %.1e | %d | %s |", f.name, n, rmse, published(f.small, f.large, n), s.Chain.Design().Values(), s.Kind)
			if rmse > published(f.small, f.large, n) {
				t.Errorf("%s %d: root mean square error %.2g", f.name, n, rmse)
			}
		}
	}
}

// published goes from the error at 8 to that at 1024 by a constant ratio for
// each power of two.
func published(small, large float64, n int) float64 {
	return small * math.Pow(large/small, float64(log2(n)-3)/7)
}
