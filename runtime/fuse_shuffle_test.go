package runtime_test

import (
	"fmt"
	"slices"
	"testing"
)

// shuffle adds a channel shuffle of a value [batch, channels, height, width].
func (b *graphBuilder) shuffle(x string, blocks, channels, height, width int) string {
	n := int64(channels / blocks)
	y := b.op("Reshape", x, b.ints(-1, int64(blocks), n, int64(height), int64(width)))
	y = b.node("Transpose", []string{y}, map[string]any{"perm": []int64{0, 2, 1, 3, 4}})
	return b.op("Reshape", y, b.ints(-1, int64(channels), int64(height), int64(width)))
}

// A block as in ShuffleNet: the shuffle between two grouped convolutions takes no
// node of its own.
func TestFuseShuffle(t *testing.T) {
	for _, c := range []struct{ group, blocks, channels, kernel, size int }{
		{3, 3, 12, 1, 5}, {2, 2, 8, 3, 6}, {4, 2, 16, 1, 7}, {8, 8, 64, 1, 14}, {3, 3, 48, 1, 2}, {12, 3, 12, 3, 5}, {6, 6, 6, 1, 4},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			b := newGraphBuilder(9)
			x := b.input(b.tensor(2, c.channels, c.size, c.size+1), "batch")
			weight := func(kernel, group int) string {
				return b.constant(b.tensor(c.channels, c.channels/group, kernel, kernel))
			}
			p := int64(c.kernel / 2)
			y := b.node("Conv", []string{x, weight(c.kernel, c.group), b.constant(b.tensor(c.channels))}, map[string]any{"group": c.group, "pads": []int64{p, p, p, p}})
			y = b.shuffle(b.op("Relu", y), c.blocks, c.channels, c.size, c.size+1)
			y = b.node("Conv", []string{y, weight(3, c.channels)}, map[string]any{"group": c.channels, "pads": []int64{1, 1, 1, 1}})
			b.output(b.node("Conv", []string{y, weight(1, c.group)}, map[string]any{"group": c.group}))
			wantOperators(t, b.compareFused(t, 20), "Conv+Relu+Shuffle", "Conv", "Conv")
		})
	}
}

// What only looks like a shuffle, and groups that lie in several blocks, stay.
func TestFuseShuffleOnlyIfEqual(t *testing.T) {
	for name, write := range map[string]func(b *graphBuilder, x string) string{
		"one group": func(b *graphBuilder, x string) string {
			return b.shuffle(b.node("Conv", []string{x, b.constant(b.tensor(12, 12, 1, 1))}, nil), 3, 12, 5, 4)
		},
		"more blocks than groups": func(b *graphBuilder, x string) string {
			return b.shuffle(b.node("Conv", []string{x, b.constant(b.tensor(12, 4, 1, 1))}, map[string]any{"group": 3}), 6, 12, 5, 4)
		},
		"other axes": func(b *graphBuilder, x string) string {
			y := b.node("Conv", []string{x, b.constant(b.tensor(12, 4, 1, 1))}, map[string]any{"group": 3})
			y = b.op("Reshape", y, b.ints(-1, 3, 4, 5, 4))
			y = b.node("Transpose", []string{y}, map[string]any{"perm": []int64{0, 2, 1, 4, 3}})
			return b.op("Reshape", y, b.ints(-1, 12, 5, 4))
		},
		"another shape": func(b *graphBuilder, x string) string {
			y := b.node("Conv", []string{x, b.constant(b.tensor(12, 4, 1, 1))}, map[string]any{"group": 3})
			y = b.op("Reshape", y, b.ints(-1, 3, 4, 4, 5))
			y = b.node("Transpose", []string{y}, map[string]any{"perm": []int64{0, 2, 1, 3, 4}})
			return b.op("Reshape", y, b.ints(-1, 12, 4, 5))
		},
		"read twice": func(b *graphBuilder, x string) string {
			y := b.node("Conv", []string{x, b.constant(b.tensor(12, 4, 1, 1))}, map[string]any{"group": 3})
			return b.op("Add", b.shuffle(y, 3, 12, 5, 4), y)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newGraphBuilder(9)
			b.output(write(b, b.input(b.tensor(2, 12, 5, 4), "batch")))
			if ops := b.compareFused(t, 20); !slices.Contains(ops, "Transpose") {
				t.Errorf("ran %v", ops)
			}
		})
	}
}
