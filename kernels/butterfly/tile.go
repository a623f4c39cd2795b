package butterfly

// A tile holds some activations feature-major, [features, width], so that one
// value of a factor meets `width` neighbouring numbers: the vector kernels
// then work for every pattern. The width is a multiple of tileStep.

// tileStep is the number of activations (rows of a batch) that the block
// kernels take at a time.
const tileStep = 16

// Layout says how a matrix of activations lies in memory.
type Layout int

const (
	// RowMajor is [count, features]: one activation after the other.
	RowMajor Layout = iota
	// FeatureMajor is [features, count]: the columns of X in K X.
	FeatureMajor
)

// Activation is the function that an Epilogue applies last.
type Activation uint8

// The activations.
const (
	None Activation = iota
	Relu            // max(x, 0); NaN stays NaN
)

// Epilogue is what is done to a product before it is stored.
type Epilogue struct {
	Bias       []float32 // of length Out, or nil
	Activation Activation
}

// window is the part of a matrix that goes through a tile: the activations
// [from, from+count) of a matrix of `features` features and `total` activations.
type window struct {
	layout                       Layout
	features, total, from, count int
}

// load copies the window of src into the tile, zeros elsewhere.
func (w window) load(tile, src []float32, width int) {
	clear(tile[w.features*width:])
	if w.layout == FeatureMajor {
		for f := range w.features {
			row := tile[f*width:][:width]
			n := copy(row, src[f*w.total+w.from:][:w.count])
			clear(row[n:])
		}
		return
	}
	transposeIn(tile, width, src[w.from*w.features:], w.features, w.count)
}

// store copies the first features of the tile into the window of dst.
func (w window) store(dst, tile []float32, width int) {
	if w.layout == FeatureMajor {
		for f := range w.features {
			copy(dst[f*w.total+w.from:][:w.count], tile[f*width:])
		}
		return
	}
	transposeOut(dst[w.from*w.features:], w.features, w.count, tile, width, Epilogue{})
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

// apply does the epilogue in place on one activation of Out features.
func (e Epilogue) apply(y []float32) {
	if e.Bias != nil {
		for i, b := range e.Bias[:len(y)] {
			y[i] += b
		}
	}
	if e.Activation == Relu {
		for i, v := range y {
			if v < 0 {
				y[i] = 0
			}
		}
	}
}
