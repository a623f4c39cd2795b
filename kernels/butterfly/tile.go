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
	transposeIn(tile, width, src[w.from*w.features:], w.features, w.features, w.count)
}

// store copies the first features of the tile into the window of dst.
func (w window) store(dst, tile []float32, width int) {
	if w.layout == FeatureMajor {
		for f := range w.features {
			copy(dst[f*w.total+w.from:][:w.count], tile[f*width:])
		}
		return
	}
	transposeOut(dst[w.from*w.features:], w.features, w.features, w.count, tile, width)
}
