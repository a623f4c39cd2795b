package ops

import "github.com/kcompress/kcompress/kernels/cpu"

// Work is what a kernel says about one call, for profiles.
type Work struct {
	// Kernel names the way that was chosen, where an operator has several, and
	// the level of kernels: "packed avx2".
	Kernel string
	// Operations is the number of additions and multiplications, 0 where they
	// are not what the time goes into.
	Operations int
}

// Used notes which way a kernel chose and how many multiply-add pairs it took.
func (c *Call) Used(way string, products int) {
	if c.Work != nil {
		c.Work.Kernel = way + " " + cpu.Current().String()
		c.Work.Operations += 2 * products
	}
}
