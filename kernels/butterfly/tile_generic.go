package butterfly

// residualGeneric stores 2*(y-target) in dst and returns the sum of the
// squares of y-target. dst may be y.
func residualGeneric(dst, y, target []float32) float32 {
	sum := float32(0)
	for j, v := range y {
		r := v - target[j]
		dst[j] = 2 * r
		sum += float32(r * r)
	}
	return sum
}

// transposeInGeneric writes src [count, features], whose rows are stride
// apart, into the first features of the tile, with zeros in the columns from
// count on.
func transposeInGeneric(tile []float32, width int, src []float32, stride, features, count int) {
	for j := range width {
		if j >= count {
			for f := range features {
				tile[f*width+j] = 0
			}
			continue
		}
		for f, v := range src[j*stride:][:features] {
			tile[f*width+j] = v
		}
	}
}

// transposeOutGeneric writes the first features and the first count columns
// of the tile to dst [count, features], whose rows are stride apart.
func transposeOutGeneric(dst []float32, stride, features, count int, tile []float32, width int) {
	for j := range count {
		row := dst[j*stride:][:features]
		for f := range row {
			row[f] = tile[f*width+j]
		}
	}
}

// applyGeneric does the epilogue in place on one activation of Out features,
// from feature `from` on.
func (e Epilogue) applyGeneric(y []float32, from int) {
	if e.Bias != nil {
		for i := from; i < len(y); i++ {
			y[i] += e.Bias[i]
		}
	}
	if e.Activation == Relu {
		for i := from; i < len(y); i++ {
			if y[i] < 0 {
				y[i] = 0
			}
		}
	}
}
