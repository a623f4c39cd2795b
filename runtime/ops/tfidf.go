package ops

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/kcompress/kcompress/onnx"
)

// tfIdf holds the attributes of TfIdfVectorizer.
type tfIdf struct {
	mode            string
	shortest        int
	longest         int
	skips           int
	strings         bool // words are strings, not numbers
	grams           map[string]int
	places, outputs int // number of n-grams and of output columns
	column          []int
	weights         []float32
}

// newTfIdf reads and checks the attributes.
func newTfIdf(n *Node) (*tfIdf, error) {
	v := &tfIdf{mode: n.Text("mode", ""), shortest: n.Int("min_gram_length", 0), longest: n.Int("max_gram_length", 0),
		skips: n.Int("max_skip_count", 0), column: n.Ints("ngram_indexes"), weights: n.Floats("weights"), grams: map[string]int{}}
	if v.mode != "TF" && v.mode != "IDF" && v.mode != "TFIDF" {
		return nil, fmt.Errorf("mode %q is not one of TF, IDF, TFIDF", v.mode)
	}
	if v.shortest < 1 || v.longest < v.shortest || v.skips < 0 {
		return nil, fmt.Errorf("n-grams of %d to %d words with up to %d skipped", v.shortest, v.longest, v.skips)
	}
	for _, c := range v.column {
		if c < 0 || c >= onnx.MaxElements {
			return nil, fmt.Errorf("ngram_indexes holds %d", c)
		}
		v.outputs = max(v.outputs, c+1)
	}
	words := n.Texts("pool_strings")
	var keys [][]byte
	v.strings = len(words) > 0
	for _, w := range words {
		keys = append(keys, appendWord(nil, w))
	}
	if !v.strings {
		for _, number := range n.Ints("pool_int64s") {
			keys = append(keys, appendNumber(nil, int64(number)))
		}
	}
	if err := v.readPool(keys, n.Ints("ngram_counts")); err != nil {
		return nil, err
	}
	if len(v.column) != v.places || v.weights != nil && len(v.weights) != v.places {
		return nil, fmt.Errorf("%d n-grams, but %d ngram_indexes and %d weights", v.places, len(v.column), len(v.weights))
	}
	return v, n.Err()
}

// readPool numbers the n-grams; starts holds where those of each length begin.
func (v *tfIdf) readPool(words [][]byte, starts []int) error {
	v.longest = min(v.longest, len(starts)) // the pool has no longer ones
	for i, start := range starts {
		end := len(words)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		length := i + 1
		if start < 0 || end < start || end > len(words) || (end-start)%length != 0 {
			return fmt.Errorf("ngram_counts %v do not cut a pool of %d", starts, len(words))
		}
		for at := start; at < end; at += length {
			var key []byte
			for _, w := range words[at : at+length] {
				key = append(key, w...)
			}
			v.grams[string(key)] = v.places
			v.places++
		}
	}
	return nil
}

// appendWord appends a word to the key of an n-gram so that no two n-grams
// have the same key.
func appendWord(key []byte, word string) []byte {
	key = strconv.AppendInt(key, int64(len(word)), 10)
	return append(append(key, ':'), word...)
}

func appendNumber(key []byte, v int64) []byte {
	return binary.LittleEndian.AppendUint64(key, uint64(v))
}

// count adds up how often each n-gram occurs in a row of words, given as keys.
func (v *tfIdf) count(row [][]byte, counts []int) {
	shortest := v.shortest
	for step := 1; step <= min(v.skips+1, max(len(row), 1)); step++ {
		for start := range row {
			var key []byte
			for length, at := 1, start; length <= v.longest && at < len(row); length, at = length+1, at+step {
				key = append(key, row[at]...)
				if length < shortest {
					continue
				}
				if gram, ok := v.grams[string(key)]; ok {
					counts[gram]++
				}
			}
		}
		shortest = max(shortest, 2) // single words have nothing to skip
	}
}

// write turns the counts of a row into its outputs.
func (v *tfIdf) write(out []float32, counts []int) {
	for gram, n := range counts {
		value := float32(n)
		if v.mode == "IDF" {
			value = min(value, 1)
		}
		if v.mode != "TF" && v.weights != nil {
			value *= v.weights[gram]
		}
		if n > 0 {
			out[v.column[gram]] += value
		}
	}
}

func buildTfIdf(n *Node) (Kernel, error) {
	v, err := newTfIdf(n)
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		x := c.Tensor(0)
		if x.Rank() != 1 && x.Rank() != 2 {
			return c.ShapeError(0, "[C] or [N,C]")
		}
		words, err := v.words(c)
		if err != nil {
			return err
		}
		rows, width := 1, x.Shape[x.Rank()-1]
		shape := []int{v.outputs}
		if x.Rank() == 2 {
			rows = x.Shape[0]
			shape = []int{rows, v.outputs}
		}
		y, err := c.Zeroed(0, onnx.Float32, shape...)
		if err != nil {
			return err
		}
		counts := make([]int, v.places)
		for r := range rows {
			clear(counts)
			v.count(words[r*width:(r+1)*width], counts)
			v.write(y.Float32s()[r*v.outputs:(r+1)*v.outputs], counts)
		}
		return nil
	}, n.Err()
}

// words returns the keys of all words of the input.
func (v *tfIdf) words(c *Call) ([][]byte, error) {
	x := c.Tensor(0)
	words := make([][]byte, x.Len())
	if v.strings {
		if x.Type != onnx.String {
			return nil, c.TypeError(0)
		}
		for i, s := range x.Strings {
			words[i] = appendWord(nil, s)
		}
		return words, nil
	}
	ints, err := IntsOf(x)
	if err != nil {
		return nil, c.TypeError(0)
	}
	for i, number := range ints {
		words[i] = appendNumber(nil, int64(number))
	}
	return words, nil
}

func inferTfIdf(n *Node, in []Info) ([]Info, error) {
	columns := 0
	for _, c := range n.Ints("ngram_indexes") {
		if c >= 0 && c < math.MaxInt {
			columns = max(columns, c+1)
		}
	}
	shape, ok := shapeOf(input(in, 0))
	switch {
	case ok && len(shape) == 1:
		return one(TensorInfo(onnx.Float32, numberDims([]int{columns})))
	case ok && len(shape) == 2:
		return one(TensorInfo(onnx.Float32, []onnx.Dim{shape[0], {Size: columns}}))
	}
	return one(UnknownShape(onnx.Float32))
}
