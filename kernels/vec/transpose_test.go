package vec

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestTranspose(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		for rows := range 42 {
			for columns := range 42 {
				testTranspose(t, rows, columns, rows%3, columns%4)
			}
		}
		testTranspose(t, 300, 70, 5, 3)
		testTranspose(t, 65, 513, 0, 0)
	})
}

func testTranspose(t *testing.T, rows, columns, dstGap, srcGap int) {
	t.Helper()
	const untouched = math.MaxUint32
	dstStride, srcStride := rows+dstGap, columns+srcGap
	dst, src := make([]uint32, columns*dstStride+16), make([]uint32, rows*srcStride)
	for i := range dst {
		dst[i] = untouched
	}
	for i := range src {
		src[i] = uint32(i)
	}
	TransposeStrided(dst[:columns*dstStride], dstStride, src, srcStride, rows, columns)
	for k, got := range dst {
		want := uint32(untouched)
		if dstStride > 0 && k < columns*dstStride && k%dstStride < rows {
			want = uint32(k%dstStride*srcStride + k/dstStride)
		}
		if got != want {
			t.Fatalf("%d x %d, strides %d and %d: dst[%d] = %d, want %d", rows, columns, dstStride, srcStride, k, got, want)
		}
	}
}

// TestTransposeKeepsBits uses every kind of bits, signalling NaN included.
func TestTransposeKeepsBits(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(13, 14))
		const rows, columns = 19, 27
		bits := make([]uint32, rows*columns)
		for i := range bits {
			bits[i] = r.Uint32() | 0x7f800000&-(r.Uint32()&1)
		}
		asInt := make([]int32, len(bits))
		for i, b := range bits {
			asInt[i] = int32(b)
		}
		once, twice := make([]int32, len(bits)), make([]int32, len(bits))
		Transpose(once, asInt, rows, columns)
		Transpose(twice, once, columns, rows)
		for i := range asInt {
			if twice[i] != asInt[i] {
				t.Fatalf("[%d]: %x became %x", i, asInt[i], twice[i])
			}
		}
	})
}
