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

// transposeInGeneric writes src [count, features] into the first features of
// the tile, with zeros in the columns from count on.
func transposeInGeneric(tile []float32, width int, src []float32, features, count int) {
	for j := range width {
		if j >= count {
			for f := range features {
				tile[f*width+j] = 0
			}
			continue
		}
		for f, v := range src[j*features:][:features] {
			tile[f*width+j] = v
		}
	}
}

// transposeOutGeneric writes the first features and the first count columns
// of the tile to dst [count, features], through the epilogue.
func transposeOutGeneric(dst []float32, features, count int, tile []float32, width int, e Epilogue) {
	for j := range count {
		row := dst[j*features:][:features]
		for f := range row {
			row[f] = tile[f*width+j]
		}
		e.apply(row)
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
