//go:build amd64 && !noasm

package butterfly

// hasSingle says that multiplySingle exists.
const hasSingle = true

// multiplySingle is multiply for one activation, with the same bits. It needs
// AVX2. spare has room for the result of the factor.
func (f *preparedFactor) multiplySingle(dst, src, spare []float32) {
	_, _ = dst[f.Rows()-1], src[f.Columns()-1]
	switch f.kind {
	case singleLanes:
		f.multiplyLanes(dst, src)
	case singleDense:
		if f.D == 1 {
			f.multiplyDense(dst, src, 0, f.packed)
			return
		}
		f.multiplyDenseStrided(dst, src, spare)
	case singlePermute:
		if f.C == 2 {
			permute2AVX2(&dst[0], &src[0], &f.packed[0], &f.indexes[0], f.Rows())
		} else {
			permute4AVX2(&dst[0], &src[0], &f.packed[0], &f.indexes[0], f.Rows())
		}
	default:
		multiply(dst, src, f.Values, f.Pattern, 1, false)
	}
}

func (f *preparedFactor) multiplyLanes(dst, src []float32) {
	row := f.D * floatBytes
	if f.lanes == 8 {
		lanes8AVX2(&dst[0], &src[0], &f.packed[0], f.A, f.B, f.C, row, f.B*row, f.C*row)
	} else {
		lanes4AVX2(&dst[0], &src[0], &f.packed[0], f.A, f.B, f.C, row, f.B*row, f.C*row)
	}
}

// multiplyDense writes the outputs of the blocks (i,l) of one l, for all i,
// one block after the other.
func (f *preparedFactor) multiplyDense(dst, src []float32, l int, packed []float32) {
	row := f.D * floatBytes
	if f.lanes == 8 {
		dense8AVX2(&dst[0], &src[l], &packed[0], f.A, f.B, f.C, row, f.C*row)
	} else {
		dense4AVX2(&dst[0], &src[l], &packed[0], f.A, f.B, f.C, row, f.C*row)
	}
}

// multiplyDenseStrided computes the blocks one by one in spare and moves
// their outputs to where they belong.
func (f *preparedFactor) multiplyDenseStrided(dst, src, spare []float32) {
	outputs, size := f.A*f.B, len(f.packed)/f.D
	for l := range f.D {
		part := spare[l*outputs:][:outputs]
		f.multiplyDense(part, src, l, f.packed[l*size:][:size])
		for o, y := range part {
			dst[o*f.D+l] = y
		}
	}
}
