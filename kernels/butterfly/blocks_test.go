package butterfly

import (
	"math"
	"math/rand/v2"
	"testing"
)

// roundingBound is the error of a float32 sum of n products, each rounded or
// not, relative to the sum of their magnitudes: n rounding units, twice as
// many where products are rounded as well.
func roundingBound(n int) float64 { return float64(2*n+1) * 0x1p-24 }

// unaligned returns n random numbers that start at any multiple of 4 bytes,
// with guard words behind them.
func unaligned(t *testing.T, r *rand.Rand, n int) ([]float32, func()) {
	t.Helper()
	x, check := guarded(t, n+r.IntN(8))
	offset := cap(x) - n
	return fillNormal(r, x[offset:]), check
}

func TestMultiplyIsWithinRounding(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(61)
		for _, p := range smallPatterns() {
			for _, width := range []int{1, 8, 16, 48} {
				if p.Values()*width > 50000 && width > 1 {
					continue
				}
				values, _ := unaligned(t, r, p.Values())
				for _, transposed := range []bool{false, true} {
					f := Factor{Pattern: p, Values: values}
					if transposed {
						f = f.transposed()
					}
					src, _ := unaligned(t, r, f.Columns()*width)
					dst, check := unaligned(t, r, f.Rows()*width)
					multiply(dst, src, values, p, width, transposed)
					check()
					checkProduct(t, f, dst, src, width)
				}
			}
		}
	})
}

// checkProduct compares a few columns with float64 sums.
func checkProduct(t *testing.T, f Factor, dst, src []float32, width int) {
	t.Helper()
	magnitude := Factor{Pattern: f.Pattern, Values: make([]float32, len(f.Values))}
	for i, v := range f.Values {
		magnitude.Values[i] = float32(math.Abs(float64(v)))
	}
	for j := 0; j < width; j += 5 {
		x, size := make([]float64, f.Columns()), make([]float64, f.Columns())
		for i := range x {
			x[i] = float64(src[i*width+j])
			size[i] = math.Abs(x[i])
		}
		want, size := f.applyFloat64(x), magnitude.applyFloat64(size)
		for i, v := range want {
			if got := float64(dst[i*width+j]); !(math.Abs(got-v) <= roundingBound(f.C)*size[i]) {
				t.Fatalf("%v, width %d: output %d, column %d is %v, want %v", f.Pattern, width, i, j, got, v)
			}
		}
	}
}

func TestAccumulateIsWithinRounding(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(62)
		for _, p := range smallPatterns() {
			for _, width := range []int{16, 32} {
				if p.Values()*width > 50000 {
					continue
				}
				src, _ := unaligned(t, r, p.Columns()*width)
				dDst, _ := unaligned(t, r, p.Rows()*width)
				gradient, check := unaligned(t, r, p.Values())
				before := append([]float32(nil), gradient...)
				accumulate(gradient, dDst, src, p, width)
				check()
				eachValue(p, func(index, row, column int) {
					sum := float64(before[index])
					size := math.Abs(sum)
					for j := range width {
						product := float64(dDst[row*width+j]) * float64(src[column*width+j])
						sum += product
						size += math.Abs(product)
					}
					if got := float64(gradient[index]); !(math.Abs(got-sum) <= roundingBound(width)*size) {
						t.Fatalf("%v, width %d: gradient %d is %v, want %v", p, width, index, got, sum)
					}
				})
			}
		}
	})
}

func TestResidual(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(63)
		for n := range 300 {
			y, _ := unaligned(t, r, n)
			target, _ := unaligned(t, r, n)
			dst, check := unaligned(t, r, n)
			sum := float64(residual(dst, y, target))
			check()
			want := 0.0
			for i := range n {
				d := y[i] - target[i]
				want += float64(d) * float64(d)
				if dst[i] != 2*d {
					t.Fatalf("n=%d: number %d is %v, want %v", n, i, dst[i], 2*d)
				}
			}
			if math.Abs(sum-want) > roundingBound(n)*want {
				t.Fatalf("n=%d: sum %v, want %v", n, sum, want)
			}
		}
	})
}

func TestTransposesAllSizes(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(64)
		for features := 1; features < 40; features++ {
			for _, width := range []int{8, 16, 32} {
				for count := range width + 1 {
					src, _ := unaligned(t, r, count*features)
					tile, checkTile := unaligned(t, r, features*width)
					transposeIn(tile, width, src, features, features, count)
					checkTile()
					for f := range features {
						for j := range width {
							want := float32(0)
							if j < count {
								want = src[j*features+f]
							}
							if tile[f*width+j] != want {
								t.Fatalf("%d features, %d of %d: entry %d,%d is %v, want %v", features, count, width, f, j, tile[f*width+j], want)
							}
						}
					}
					back, checkBack := unaligned(t, r, count*features)
					transposeOut(back, features, features, count, tile, width)
					checkBack()
					checkSameBits(t, "there and back", back, src)
				}
			}
		}
	})
}

func TestEpilogueKeepsNaN(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		negativeZero := float32(math.Copysign(0, -1))
		for n := range 40 {
			y, want := make([]float32, n), make([]float32, n)
			for i := range y {
				y[i] = []float32{float32(math.NaN()), negativeZero, -1, 2, float32(math.Inf(-1)), float32(math.Inf(1))}[i%6]
				want[i] = []float32{float32(math.NaN()), negativeZero, 0, 2, 0, float32(math.Inf(1))}[i%6]
			}
			Epilogue{Activation: Relu}.apply(y)
			checkSameBits(t, "relu", y, want)
		}
	})
}
