package butterfly

import "fmt"

// LowRank returns the design of a product of [out, rank] and [rank, in].
func LowRank(in, out, rank int) (Design, error) {
	d := Design{In: in, Out: out, Patterns: []Pattern{{1, rank, in, 1}, {1, out, rank, 1}}}
	return d, d.Validate()
}

// Monarch returns the design of a block Monarch matrix (arXiv 2204.00595)
// with blocks x blocks blocks of the given rank: every block of inputs gives
// `rank` numbers to every block of outputs. Inputs are cut into contiguous
// blocks; the outputs of block j are those with index j modulo blocks. Sizes
// that the number of blocks does not divide are padded. It stores about
// rank*blocks*(in+out) values.
func Monarch(in, out, blocks, rank int) (Design, error) {
	if in < 1 || out < 1 || blocks < 1 || rank < 1 {
		return Design{}, fmt.Errorf("monarch: %d inputs, %d outputs, %d blocks and rank %d must be positive", in, out, blocks, rank)
	}
	if in > MaxSide || out > MaxSide || blocks > MaxSide || rank > MaxSide/blocks {
		return Design{}, fmt.Errorf("monarch: sizes over %d", MaxSide)
	}
	d := Design{In: in, Out: out, Patterns: []Pattern{
		{blocks, rank * blocks, (in + blocks - 1) / blocks, 1},
		{1, (out + blocks - 1) / blocks, blocks * rank, blocks},
	}}
	return d, d.Validate()
}
