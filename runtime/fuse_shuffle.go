package runtime

import (
	"slices"

	"github.com/kcompress/kcompress/runtime/ops"
)

// fuseShuffles gives a Conv of several groups the channel shuffle after it
// (ShuffleNet: Reshape to [batch, blocks, channels, ...], Transpose of these two
// axes, Reshape back): it writes its channels where they belong.
func fuseShuffles(f *fuser) {
	for i := range f.steps {
		if !f.is(i, "Conv") || len(f.steps[i].out) != 1 {
			continue
		}
		split := f.onlyReader(i)
		if !f.isReshapeOf(split, f.steps[i].out[0]) {
			continue
		}
		swap := f.onlyReader(split)
		if !f.is(swap, "Transpose") {
			continue
		}
		join := f.onlyReader(swap)
		if !f.isReshapeOf(join, f.steps[swap].out[0]) {
			continue
		}
		blocks := f.shuffleBlocks(i, split, swap, join)
		if blocks == 0 || !ops.FusesShuffle(f.steps[i].source, blocks) {
			continue
		}
		conv := f.steps[i]
		source, shown := *conv.source, *conv.node
		source.After.Shuffle = blocks
		shown.Op = label(shown.Op, "Shuffle")
		conv.source, conv.node, conv.out = &source, &shown, f.steps[join].out[:1]
		f.replace(join, conv, i, split, swap)
	}
}

// isReshapeOf reports whether a step is a Reshape of a value to constant sizes.
func (f *fuser) isReshapeOf(i, slot int) bool {
	return f.is(i, "Reshape") && len(f.steps[i].in) == 2 && f.steps[i].in[0] == slot && f.constant(f.steps[i].in[1]) != nil
}

// shuffleBlocks returns the number of blocks of channels that three steps after a
// step shuffle, 0 if they do anything else. All sizes but the batch's are known.
func (f *fuser) shuffleBlocks(conv, split, swap, join int) int {
	shape := f.info(f.steps[conv].out[0]).Type.Shape
	if len(shape) < 3 {
		return 0
	}
	apart, together := f.sizesOf(split), f.sizesOf(join)
	if len(apart) != len(shape)+1 || len(together) != len(shape) || apart[0] != together[0] {
		return 0
	}
	if batch := shape[0]; apart[0] != -1 && !(batch.Known() && int64(batch.Size) == apart[0]) {
		return 0
	}
	for axis, d := range shape[1:] {
		size := apart[axis+2]
		if axis == 0 {
			size *= apart[1]
		}
		if !d.Known() || size != int64(d.Size) || together[axis+1] != size || size < 1 || apart[1] < 1 {
			return 0
		}
	}
	perm := identityAxes(len(apart))
	perm[1], perm[2] = 2, 1
	if !slices.Equal(f.perm(swap), perm) {
		return 0
	}
	return int(apart[1])
}

// sizesOf returns the constant sizes of a Reshape.
func (f *fuser) sizesOf(i int) []int64 {
	sizes, err := f.constant(f.steps[i].in[1]).Ints()
	if err != nil {
		return nil
	}
	return sizes
}
