package butterfly

// floatBytes is the size of a float32; the assembly counts in bytes.
const floatBytes = 4

// activations are rows of numbers in memory: row i starts at data[i*stride].
type activations struct {
	data   []float32
	stride int
}

// copyTo copies the first `features` numbers of count rows and fills those of
// dst up to `total` with zeros.
func (x activations) copyTo(dst activations, count, features, total int) {
	for i := range count {
		row := dst.data[i*dst.stride:][:total]
		clear(row[copy(row, x.data[i*x.stride:][:features]):])
	}
}

// need panics unless count rows of `features` numbers are there; the assembly
// does not check bounds.
func (x activations) need(count, features int) {
	_ = x.data[(count-1)*x.stride+features-1]
}

// pass multiplies activations with one factor or with several neighbours.
type pass interface {
	// multiply computes count rows of dst from those of src, which do not
	// overlap, but may be the same if inPlace; spare has scratch(count) numbers.
	multiply(dst, src activations, count int, spare []float32)
	// inPlace tells if the result may take the place of the operand.
	inPlace() bool
	// scratch is how many numbers multiply needs beside its operands.
	scratch(count int) int
}

// lanesPass is a factor whose stride is at least a vector: neighbouring blocks
// lie in the lanes.
type lanesPass struct {
	Pattern
	kernel lanesKernel
	values []float32 // of packLanes
}

func (p *lanesPass) multiply(dst, src activations, count int, _ []float32) {
	dst.need(count, p.Rows())
	src.need(count, p.Columns())
	p.kernel.multiply(&dst.data[0], &src.data[0], &p.values[0], count, dst.stride*floatBytes, src.stride*floatBytes, p.A, p.B, p.C, p.D*floatBytes)
}

func (*lanesPass) scratch(int) int { return 0 }

func (*lanesPass) inPlace() bool { return false }

// densePass is a factor of a short stride: the outputs of a few neighbouring
// blocks lie in the lanes.
type densePass struct {
	Pattern
	kernel denseKernel
	values []float32 // of packDense
}

func (p *densePass) multiply(dst, src activations, count int, _ []float32) {
	dst.need(count, p.Rows())
	src.need(count, p.Columns())
	p.kernel.multiply(&dst.data[0], &src.data[0], &p.values[0], count, dst.stride*floatBytes, src.stride*floatBytes, p.A, p.B*p.D, p.C)
}

func (*densePass) scratch(int) int { return 0 }

func (*densePass) inPlace() bool { return false }

// permutePass is a factor of small square blocks, several of them in a vector.
type permutePass struct {
	Pattern
	kernel  permuteKernel
	values  []float32 // of packPermute
	indexes []uint32  // the lane of input q for output lane j at 8*q+j
}

func (p *permutePass) multiply(dst, src activations, count int, _ []float32) {
	dst.need(count, p.Rows())
	src.need(count, p.Columns())
	p.kernel.multiply(&dst.data[0], &src.data[0], &p.values[0], &p.indexes[0], count, dst.stride*floatBytes, src.stride*floatBytes, p.Rows())
}

func (*permutePass) scratch(int) int { return 0 }

// inPlace is false where the last vector overlaps the one before.
func (p *permutePass) inPlace() bool { return p.Rows()%8 == 0 }

// fusedPass is several radix-2 factors; see fused.go.
type fusedPass struct {
	features, stride int
	kernel           fusedKernel
	stages           []uint8
	values           []float32 // of packFused
}

func (p *fusedPass) multiply(dst, src activations, count int, _ []float32) {
	dst.need(count, p.features)
	src.need(count, p.features)
	p.kernel.multiply(&dst.data[0], &src.data[0], &p.values[0], &p.stages[0], count, dst.stride*floatBytes, src.stride*floatBytes,
		p.features/(fusedVectors*p.stride), p.stride*floatBytes)
}

func (*fusedPass) scratch(int) int { return 0 }

func (*fusedPass) inPlace() bool { return true }

// gatherPass is a gather of a state of some features.
type gatherPass struct {
	Factor
	features int
}

func (p *gatherPass) multiply(dst, src activations, count int, _ []float32) {
	for i := range count {
		p.gather(dst.data[i*dst.stride:][:p.B], src.data[i*src.stride:][:p.features], 1)
	}
}

func (*gatherPass) scratch(int) int { return 0 }

func (*gatherPass) inPlace() bool { return false }

// tilePass is any run of factors, by way of a tile (see tile.go). It is the
// only kind of pass at the generic level, and elsewhere for the patterns that
// no other kind fits.
type tilePass struct {
	factors []Factor
	largest int // features of the largest state
}

func newTilePass(factors []Factor) *tilePass {
	p := &tilePass{factors: factors}
	for _, f := range factors {
		p.largest = max(p.largest, f.Rows(), f.Columns())
	}
	return p
}

// width is the width of the tile that holds count activations. A single one
// is a tile as it is. Kernels that do narrow tiles round as wide ones do.
func (p *tilePass) width(count int) int {
	switch {
	case !narrowTiles():
		return tileStep
	case count == 1:
		return 1
	case count <= tileStep/2:
		return tileStep / 2
	}
	return tileStep
}

func (p *tilePass) scratch(count int) int { return 2 * p.largest * p.width(min(count, tileStep)) }

func (p *tilePass) multiply(dst, src activations, count int, spare []float32) {
	columns, rows := p.factors[0].Columns(), p.factors[len(p.factors)-1].Rows()
	for from := 0; from < count; from += tileStep {
		n := min(tileStep, count-from)
		width := p.width(n)
		a, b := spare[:p.largest*width], spare[p.largest*width:2*p.largest*width]
		transposeIn(a, width, src.data[from*src.stride:], src.stride, columns, n)
		for _, f := range p.factors {
			multiply(b, a, f.Values, f.Pattern, width, false)
			a, b = b, a
		}
		transposeOut(dst.data[from*dst.stride:], dst.stride, rows, n, a, width)
	}
}

func (*tilePass) inPlace() bool { return true }
