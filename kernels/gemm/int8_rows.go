package gemm

import "github.com/kcompress/kcompress/kernels/vec"

// int8Rows are rows of the left side in the form that the integer tiles of the
// level read: words, or bytes for VNNI, filled up with zeros to whole steps of
// k. zeros is a zero point for each row, or nil.
type int8Rows struct {
	words  []int16
	bytes  []uint8
	zeros  []int32
	stride int
}

// int8Rows returns memory for some rows.
func (s *scratch) int8Rows(rows, stride int) int8Rows {
	if int8ReadsBytes() {
		return int8Rows{bytes: grow(&s.bytes, rows*stride), zeros: grow(&s.zeros, rows), stride: stride}
	}
	return int8Rows{words: grow(&s.words, rows*stride), stride: stride}
}

// from returns the rows from i on.
func (r int8Rows) from(i int) int8Rows {
	if r.bytes != nil {
		r.bytes = r.bytes[i*r.stride:]
	} else {
		r.words = r.words[i*r.stride:]
	}
	return r
}

// prepareBytes fills rows from bytes.
func prepareBytes(r int8Rows, a []uint8, aStride, k int) {
	for i := range len(r.bytes) / r.stride {
		row := r.bytes[i*r.stride:][:r.stride]
		clear(row[copy(row, a[i*aStride:][:k]):])
		r.zeros[i] = 0
	}
	for i := range len(r.words) / r.stride {
		row := r.words[i*r.stride:][:r.stride]
		for j, v := range a[i*aStride:][:k] {
			row[j] = int16(v)
		}
		clear(row[k:])
	}
}

// prepareWhole fills rows from whole numbers. As bytes, they get the zero point
// that makes the least of a row 0.
func prepareWhole(r int8Rows, a []float32, aStride, k int) {
	for i := range len(r.bytes) / r.stride {
		row, x := r.bytes[i*r.stride:][:r.stride], a[i*aStride:][:k]
		zero := uint8(-min(0, vec.Min(x)))
		vec.QuantizeUint8(row[:k], x, 1, zero)
		clear(row[k:])
		r.zeros[i] = int32(zero)
	}
	for i := range len(r.words) / r.stride {
		row := r.words[i*r.stride:][:r.stride]
		for j, v := range a[i*aStride:][:k] {
			row[j] = int16(v)
		}
		clear(row[k:])
	}
}
