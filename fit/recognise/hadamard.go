package recognise

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/kcompress/kcompress/kernels/butterfly"
)

// hadamard finds rows of a Walsh-Hadamard matrix in any order, scaled by
// diagonals on both sides: the magnitudes have rank one, and the signs of a row,
// beside those of the first one, are a character of the bits of the column.
func hadamard(m *matrix) *Structure {
	if m.in < 4 || bits.OnesCount(uint(m.in)) != 1 {
		return nil
	}
	base := m.row(0)
	scale := make([]float64, m.in)
	for j, v := range base {
		if scale[j] = float64(v); v == 0 {
			return nil
		}
	}
	after, amplitude := make([]int, m.out), make([]float64, m.in)
	for i := range m.out {
		mask, ok := m.character(i, scale)
		if !ok || amplitude[mask] != 0 {
			return nil
		}
		sum := 0.0 // the amplitude, by all columns
		for j, v := range m.row(i) {
			sum += float64(v) / scale[j] * sign(mask&j)
		}
		after[i], amplitude[mask] = mask, sum/float64(m.in)
	}
	if m.grid.kind != noGrid {
		m.averageScale(scale, after, amplitude)
	}
	chain, err := scaled(hadamardChain(m.in), amplitude, scale, after)
	return named(fmt.Sprintf("Hadamard %d", m.in), chain, err)
}

// character returns the bits of the column that the sign of row i follows.
func (m *matrix) character(i int, scale []float64) (mask int, ok bool) {
	row := m.row(i)
	first := float64(row[0]) / scale[0]
	if first == 0 {
		return 0, false
	}
	for bit := 1; bit < m.in; bit *= 2 {
		if float64(row[bit])/scale[bit]*first < 0 {
			mask |= bit
		}
	}
	slack := max(1e-4, 10*m.noise()) * math.Abs(first)
	for j, v := range row {
		if math.Abs(float64(v)/scale[j]*sign(mask&j)-first) > slack {
			return 0, false
		}
	}
	return mask, true
}

// averageScale estimates the scales of columns from all rows, which evens out
// the rounding of the first.
func (m *matrix) averageScale(scale []float64, after []int, amplitude []float64) {
	for j := range scale {
		over, under := 0.0, 0.0
		for i := range m.out {
			a := amplitude[after[i]] * sign(after[i]&j)
			over += m.at(i, j) / a
			under++
		}
		scale[j] = over / under
	}
}

// sign is -1 to the number of bits.
func sign(bitsOfColumn int) float64 {
	return 1 - 2*float64(bits.OnesCount(uint(bitsOfColumn))%2)
}

// hadamardChain is the Walsh-Hadamard matrix in factors of up to 8x8 blocks,
// which take as many values as 2x2 blocks and a third of the passes.
func hadamardChain(n int) *butterfly.Chain {
	c := &butterfly.Chain{In: n, Out: n}
	for stride := 1; stride < n; {
		radix := min(8, n/stride)
		p := butterfly.Pattern{A: n / (radix * stride), B: radix, C: radix, D: stride}
		f := butterfly.Factor{Pattern: p, Values: make([]float32, p.Values())}
		for at := range f.Values {
			f.Values[at] = float32(sign(at / radix % radix & (at % radix)))
		}
		c.Factors = append(c.Factors, f)
		stride *= radix
	}
	return c
}

// haar finds rows of the Haar wavelet transform in any order, scaled by diagonals
// on both sides: each row has one sign on the first half of a dyadic interval,
// the other on the second half, and zeros elsewhere; one row has a single sign.
func haar(m *matrix) *Structure {
	if m.in < 8 || bits.OnesCount(uint(m.in)) != 1 || m.nonZeros(m.out*m.in/2+2*m.in) > m.out*m.in/2+2*m.in {
		return nil
	}
	scale := m.haarScale()
	if scale == nil {
		return nil
	}
	n := m.in
	after, amplitude := make([]int, m.out), make([]float64, n)
	for i := range m.out {
		at, a, ok := m.wavelet(i, scale)
		if !ok || amplitude[at] != 0 {
			return nil
		}
		after[i], amplitude[at] = at, a
	}
	chain, err := butterfly.Haar(n)
	if err == nil {
		chain, err = scaled(chain, amplitude, scale, after)
	}
	return named(fmt.Sprintf("Haar wavelets %d", n), chain, err)
}

// haarScale takes the scales of the columns from the rows without zeros; without
// such a row they are ones.
func (m *matrix) haarScale() []float64 {
	for i := range m.out {
		full := true
		for _, v := range m.row(i) {
			full = full && v != 0
		}
		if !full {
			continue
		}
		scale := make([]float64, m.in)
		for j, v := range m.row(i) {
			scale[j] = float64(v)
		}
		return scale
	}
	return constant(1, m.in)
}

// wavelet returns the row of butterfly.Haar that row i is, and how many times it.
func (m *matrix) wavelet(i int, scale []float64) (at int, amplitude float64, ok bool) {
	row := m.row(i)
	from, to := 0, m.in
	for from < to && row[from] == 0 {
		from++
	}
	for to > from && row[to-1] == 0 {
		to--
	}
	size := to - from
	if size < 2 || bits.OnesCount(uint(size)) != 1 || from%size != 0 {
		return 0, 0, false
	}
	value := func(j int) float64 { return float64(row[j]) / scale[j] }
	amplitude = value(from)
	slack := max(1e-4, 10*m.noise()) * math.Abs(amplitude)
	second := 1.0
	if value(to-1)*amplitude < 0 {
		second = -1
	}
	sum := 0.0
	for j := from; j < to; j++ {
		want := 1.0
		if j >= from+size/2 {
			want = second
		}
		if math.Abs(value(j)*want-amplitude) > slack {
			return 0, 0, false
		}
		sum += value(j) * want
	}
	if second > 0 {
		if size != m.in {
			return 0, 0, false
		}
		return 0, sum / math.Sqrt(float64(size)), true
	}
	return m.in/size + from/size, sum / math.Sqrt(float64(size)), true
}
