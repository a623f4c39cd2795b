package factorise

import (
	"fmt"
	"math"
	"slices"

	"github.com/kcompress/kcompress/kernels/butterfly"
)

// Blast returns the design of a BLAST matrix (arXiv 2410.21262): a grid of
// blocks x blocks blocks U_i diag(s_ij) V_j with `rank` columns in every U_i.
// As a chain it is a BB* of the two digits (blocks, side/blocks) whose second
// digit has the size `rank` in between. It holds every matrix of that rank.
// Sides that the number of blocks does not divide are padded. It stores about
// rank*(in + out + blocks*blocks) values.
func Blast(in, out, blocks, rank int) (butterfly.Design, error) {
	if in < 1 || out < 1 || blocks < 1 || rank < 1 {
		return butterfly.Design{}, fmt.Errorf("blast: %d inputs, %d outputs, %d blocks and rank %d must be positive", in, out, blocks, rank)
	}
	inDigits, outDigits := []int{blocks, (in-1)/blocks + 1}, []int{blocks, (out-1)/blocks + 1}
	return butterfly.Visits(in, out, inDigits, []int{blocks, rank}, outDigits, butterfly.TwoSided(2))
}

// The share of the middle factor in the values of a Blast design below which
// it changes too little and above which it costs too much; usualShare did best
// on most trained layers.
const (
	leastShare = 0.025
	usualShare = 0.125
	mostShare  = 0.5
)

// Designs returns a few BLAST designs with at most the given number of
// values, the most promising first. On trained layers (MNIST MLP, CIFAR ViT)
// they had less weighted error than low rank and than BB* of balanced digits,
// at every size from 1/20 to 1/5 of the layer. There are none if the number is
// too small.
func Designs(in, out, values int) []butterfly.Design {
	if in < 1 || out < 1 {
		return nil
	}
	var designs []butterfly.Design
	var distances []float64 // from the usual share, ascending
	for blocks := 2; blocks <= min(in, out); blocks *= 2 {
		share := float64(blocks) * float64(blocks) / float64(in+out)
		if share < leastShare || share > mostShare {
			continue
		}
		d, err := Blast(in, out, blocks, evenRank(values/blastValues(in, out, blocks)))
		if err != nil {
			continue
		}
		distance := math.Abs(math.Log(share / usualShare))
		at, _ := slices.BinarySearch(distances, distance)
		distances = slices.Insert(distances, at, distance)
		designs = slices.Insert(designs, at, d)
	}
	return designs
}

// blastValues is the number of values of a Blast design for each rank.
func blastValues(in, out, blocks int) int {
	return blocks*((in-1)/blocks+1) + blocks*((out-1)/blocks+1) + blocks*blocks
}

// evenRank rounds down to a size that vectors of 8 or 4 divide, if it is not
// small.
func evenRank(rank int) int {
	switch {
	case rank >= 32:
		return rank &^ 7
	case rank >= 8:
		return rank &^ 3
	}
	return rank
}
