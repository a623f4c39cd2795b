package gemm

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/kernels/cpu"
)

// randomBytes returns n bytes, many of them at the ends of their range, where
// sums of products saturate if the kernel lets them.
func randomBytes(r *rand.Rand, n int) []uint8 {
	x := make([]uint8, n)
	for i := range x {
		x[i] = uint8(r.IntN(256))
		if r.IntN(3) == 0 {
			x[i] = []uint8{0, 255, 127, 128}[r.IntN(4)]
		}
	}
	return x
}

func signed(x []uint8) []int8 {
	y := make([]int8, len(x))
	for i, v := range x {
		y[i] = int8(v)
	}
	return y
}

// checkInt8 compares a product with the definition, with guard words around.
func checkInt8(t *testing.T, r *rand.Rand, m, k, n, from, to int) {
	t.Helper()
	const guard = int32(-77777)
	aStride, dstStride := k+r.IntN(3), n+r.IntN(5)
	a, w := randomBytes(r, m*aStride), signed(randomBytes(r, k*n))
	transposed := r.IntN(2) == 0
	at := func(p, j int) int32 {
		if transposed {
			return int32(w[j*k+p])
		}
		return int32(w[p*n+j])
	}
	dst := make([]int32, m*dstStride+20)
	for i := range dst {
		dst[i] = guard
	}
	p := PackInt8(w, k, n, transposed)
	p.Multiply(dst[:max(0, m*dstStride)], dstStride, a, aStride, m, from, to)
	for i := range dst {
		row, j := i/max(dstStride, 1), i%max(dstStride, 1)
		want := guard
		if row < m && j >= from && j < to {
			want = 0
			for q := range k {
				want += int32(a[row*aStride+q]) * at(q, j)
			}
		}
		if dst[i] != want {
			t.Fatalf("%dx%dx%d, columns %d to %d: element %d,%d is %d, want %d", m, k, n, from, to, row, j, dst[i], want)
		}
	}
	checkWhole(t, r, p, at, m, from, to)
	for j, sum := range p.Sums() {
		want := int32(0)
		for q := range k {
			want += at(q, j)
		}
		if sum != want {
			t.Fatalf("sum of column %d is %d, want %d", j, sum, want)
		}
	}
}

// checkWhole compares MultiplyWhole with the definition.
func checkWhole(t *testing.T, r *rand.Rand, p *PackedInt8, at func(p, j int) int32, m, from, to int) {
	t.Helper()
	a, dst := make([]float32, m*p.K()), make([]int32, m*p.N())
	for i := range m {
		zero := r.IntN(256)
		for q := range p.K() {
			a[i*p.K()+q] = float32(r.IntN(256) - zero)
		}
	}
	p.MultiplyWhole(dst, p.N(), a, p.K(), m, from, to)
	for i := range m {
		for j := from; j < to; j++ {
			want := int32(0)
			for q := range p.K() {
				want += int32(a[i*p.K()+q]) * at(q, j)
			}
			if got := dst[i*p.N()+j]; got != want {
				t.Fatalf("whole numbers, %d x %d x %d: element %d,%d is %d, want %d", m, p.K(), p.N(), i, j, got, want)
			}
		}
	}
}

func TestInt8IsExact(t *testing.T) {
	for _, level := range cpu.Available() {
		t.Run(level.String(), func(t *testing.T) {
			defer cpu.SetForTest(level)()
			r := rand.New(rand.NewPCG(8, 8))
			for m := range 15 {
				for _, n := range []int{0, 1, 7, 15, 16, 17, 31, 32, 64, 65, 81, 100, 130} {
					for _, k := range []int{0, 1, 2, 3, 4, 5, 8, 31} {
						checkInt8(t, r, m, k, n, 0, n)
					}
				}
			}
			for k := range 301 {
				checkInt8(t, r, 1+k%13, k, 1+k%37, 0, 1+k%37)
			}
			for _, columns := range [][2]int{{0, 16}, {16, 48}, {16, 70}, {64, 70}, {32, 32}} {
				checkInt8(t, r, 5, 33, 70, columns[0], columns[1])
			}
			checkInt8(t, r, 200, 700, 40, 0, 40) // more than a block of rows
		})
	}
}

// The largest products there are must not saturate in between.
func TestInt8DoesNotSaturate(t *testing.T) {
	for _, level := range cpu.Available() {
		restore := cpu.SetForTest(level)
		const k, n = 512, 64
		for _, value := range []int8{-128, 127} {
			a, w, dst := make([]uint8, 3*k), make([]int8, k*n), make([]int32, 3*n)
			for i := range a {
				a[i] = 255
			}
			for i := range w {
				w[i] = value
			}
			PackInt8(w, k, n, false).Multiply(dst, n, a, k, 3, 0, n)
			for _, v := range dst {
				if v != 255*k*int32(value) {
					t.Fatalf("%v: %d times 255 x %d is %d", level, k, value, v)
				}
			}
		}
		restore()
	}
}

func FuzzInt8(f *testing.F) {
	f.Add(uint8(3), uint16(65), uint8(33), uint64(1))
	f.Fuzz(func(t *testing.T, m uint8, k uint16, n uint8, seed uint64) {
		for _, level := range cpu.Available() {
			restore := cpu.SetForTest(level)
			checkInt8(t, rand.New(rand.NewPCG(seed, 1)), int(m)%40, int(k)%600, int(n), 0, int(n))
			restore()
		}
	})
}

func BenchmarkInt8(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, size := range [][3]int{{1, 512, 512}, {1, 1024, 1024}, {4, 512, 512}, {16, 512, 512}, {16, 1024, 1024}, {128, 512, 512}, {128, 1024, 1024}} {
		m, k, n := size[0], size[1], size[2]
		a, dst := randomBytes(r, m*k), make([]int32, m*n)
		p := PackInt8(signed(randomBytes(r, k*n)), k, n, false)
		b.Run(fmt.Sprintf("%dx%dx%d", m, k, n), func(b *testing.B) {
			for b.Loop() {
				p.Multiply(dst, n, a, k, m, 0, n)
			}
			report(b, m, n, k)
		})
	}
}

func TestScaleSums(t *testing.T) {
	for _, level := range cpu.Available() {
		t.Run(level.String(), func(t *testing.T) {
			defer cpu.SetForTest(level)()
			r := rand.New(rand.NewPCG(9, 9))
			for n := 1; n <= 300; n++ {
				const m, k = 2, 3
				p := PackInt8(signed(randomBytes(r, k*n)), k, n, false)
				sums, scales, bias := make([]int32, m*n), make([]float32, n), make([]float32, n)
				for i := range sums {
					sums[i] = int32(r.Uint32()) >> r.IntN(20)
				}
				for j := range n {
					scales[j], bias[j] = r.Float32(), r.Float32()-0.5
				}
				if n%3 == 0 {
					scales = nil
				}
				if n%2 == 0 {
					bias = nil
				}
				zero, scale, from := int32(r.IntN(256)), r.Float32(), n/40*16
				dst := make([]float32, m*n)
				p.ScaleSums(dst, n, sums, n, m, from, n, zero, scale, scales, bias)
				for i, got := range dst {
					j, want := i%n, float32(0)
					if j >= from {
						factor := scale
						if scales != nil {
							factor *= scales[j]
						}
						want = float32(float32(sums[i]-zero*p.Sums()[j]) * factor)
						if bias != nil {
							want += bias[j]
						}
					}
					if got != want {
						t.Fatalf("%d columns: element %d is %v, want %v", n, i, got, want)
					}
				}
			}
		})
	}
}
