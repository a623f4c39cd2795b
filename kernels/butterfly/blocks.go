package butterfly

// blockRun is a number of blocks at equal distances, one call of a block
// kernel. Offsets are in numbers, steps in bytes.
type blockRun struct {
	count                            int
	outputOffset, inputOffset        int
	valueOffset                      int
	outputBlock, inputBlock, valueBy int
}

// run returns one of the runs that together are all blocks of a pattern with
// this many outputs and inputs a block. The longer of the two dimensions of
// the blocks, a and d, is the one within a run.
func run(p Pattern, outputs, inputs, width, index int) blockRun {
	size := p.B * p.C
	if p.D >= p.A {
		return blockRun{
			count:        p.D,
			outputOffset: index * outputs * p.D * width, inputOffset: index * inputs * p.D * width,
			valueOffset: index * p.D * size,
			outputBlock: width * floatBytes, inputBlock: width * floatBytes,
			valueBy: size * floatBytes,
		}
	}
	return blockRun{
		count:        p.A,
		outputOffset: index * width, inputOffset: index * width,
		valueOffset: index * size,
		outputBlock: outputs * p.D * width * floatBytes, inputBlock: inputs * p.D * width * floatBytes,
		valueBy: p.D * size * floatBytes,
	}
}
