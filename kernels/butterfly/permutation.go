package butterfly

import (
	"fmt"
	"math/bits"
)

// Permutation returns the chain of y[i] = x[order[i]] in BB*, with the factors
// of Kaleidoscope(n, n, 1, 1, 2) (arXiv 2012.14966, Theorem 2). B* and B are
// the two halves of a Benes network; the switches are found by the looping
// algorithm. The number n of features must be a power of two of at least 2.
func Permutation(order []int) (*Chain, error) {
	if err := checkPermutation(order); err != nil {
		return nil, err
	}
	n := len(order)
	d, err := Kaleidoscope(n, n, 1, 1, 2)
	if err != nil {
		return nil, err
	}
	c := NewChain(d)
	routeBenes(c, order, 0)
	return c, nil
}

func checkPermutation(order []int) error {
	n := len(order)
	if err := checkPowerOfTwo("permutation", n); err != nil {
		return err
	}
	seen := make([]bool, n)
	for i, from := range order {
		if from < 0 || from >= n || seen[from] {
			return fmt.Errorf("permutation: entry %d is %d, which is out of range or there before", i, from)
		}
		seen[from] = true
	}
	return nil
}

func checkPowerOfTwo(what string, n int) error {
	if n < 2 || n > MaxSide || bits.OnesCount(uint(n)) != 1 {
		return fmt.Errorf("%s: size %d is not a power of two between 2 and %d", what, n, MaxSide)
	}
	return nil
}

// routeBenes sets the switches of one subnetwork, which carries the features
// from `first` on: the outermost factors pair features half its size apart,
// and two subnetworks of half the size lie between them.
func routeBenes(c *Chain, order []int, first int) {
	n := len(order)
	depth := len(c.Factors)/2 - bits.Len(uint(n)) + 1
	in, out := c.Factors[depth], c.Factors[len(c.Factors)-1-depth]
	block := first / n
	if n == 2 {
		in.setSwitch(block, 0, false)
		out.setSwitch(block, 0, order[0] == 1)
		return
	}
	half := n / 2
	lower := chooseSubnetworks(order)
	var inner [2][]int
	inner[0], inner[1] = make([]int, half), make([]int, half)
	for i, from := range order {
		inner[lower[i]][i%half] = from % half
		if from < half {
			in.setSwitch(block, from, lower[i] == 1)
		}
	}
	for i := range half {
		out.setSwitch(block, i, lower[i] == 1)
	}
	routeBenes(c, inner[0], first)
	routeBenes(c, inner[1], first+half)
}

// chooseSubnetworks gives each output subnetwork 0 or 1 so that the outputs
// of a pair, and the outputs whose inputs are a pair, go different ways. The
// pairs form loops: each is walked once from output to input to output.
func chooseSubnetworks(order []int) []int {
	n := len(order)
	half := n / 2
	position := make([]int, n) // the output that takes an input
	chosen := make([]int, n)
	for i, from := range order {
		position[from] = i
		chosen[i] = -1
	}
	for start := range n {
		for i := start; chosen[i] < 0; {
			chosen[i] = 0
			partner := (i + half) % n
			chosen[partner] = 1
			i = position[(order[partner]+half)%n]
		}
	}
	return chosen
}

// setSwitch makes block (i,l) of a 2x2 factor pass its inputs on or cross them.
func (f Factor) setSwitch(i, l int, cross bool) {
	block := f.Values[(i*f.D+l)*4:][:4]
	if cross {
		copy(block, []float32{0, 1, 1, 0})
	} else {
		copy(block, []float32{1, 0, 0, 1})
	}
}
