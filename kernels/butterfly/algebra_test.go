package butterfly

import (
	"fmt"
	"math"
	"testing"
)

// algebraChains are chains of all kinds: padded, cut, with gathers and sums.
func algebraChains() []*Chain {
	var chains []*Chain
	for seed, d := range append(mixedDesigns()[:7], gatherDesigns()...) {
		chains = append(chains, randomGatherChain(uint64(seed), d))
	}
	return chains
}

// checkMatrix compares a chain with a matrix [out, in], relative to the largest
// entry.
func checkMatrix(t *testing.T, what string, c *Chain, err error, out, in int, at func(row, column int) float64) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if err := c.Validate(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if c.In != in || c.Out != out {
		t.Fatalf("%s: %d inputs and %d outputs, want %d and %d", what, c.In, c.Out, in, out)
	}
	largest := 1e-30
	for row := range out {
		for column := range in {
			largest = max(largest, math.Abs(at(row, column)))
		}
	}
	for i, v := range c.Dense() {
		if want := at(i/in, i%in); !(math.Abs(float64(v)-want) <= 1e-5*largest) {
			t.Fatalf("%s: entry %d,%d is %v, want %v (%v)", what, i/in, i%in, v, want, c.Design())
		}
	}
}

func entryOf(c *Chain) func(row, column int) float64 {
	dense := c.Dense()
	return func(row, column int) float64 { return float64(dense[row*c.In+column]) }
}

func TestProduct(t *testing.T) {
	chains := algebraChains()
	for i, a := range chains {
		for j, b := range chains {
			fit := randomGatherChain(99, Design{In: a.Out, Out: b.In, Patterns: []Pattern{{1, b.In, a.Out, 1}}})
			for k, parts := range [][]*Chain{{a}, {fit, b}, {a, fit}, {a, fit, b}} {
				c, err := Product(parts...)
				entry := productOf(parts)
				checkMatrix(t, fmt.Sprintf("product %d,%d,%d", i, j, k), c, err, parts[len(parts)-1].Out, parts[0].In, entry)
			}
		}
	}
}

// productOf multiplies the dense matrices in float64.
func productOf(parts []*Chain) func(row, column int) float64 {
	in := parts[0].In
	m := make([]float64, in*in)
	for i := range in {
		m[i*in+i] = 1
	}
	for _, c := range parts {
		next, entry := make([]float64, c.Out*in), entryOf(c)
		for row := range c.Out {
			for k := range c.In {
				for column := range in {
					next[row*in+column] += entry(row, k) * m[k*in+column]
				}
			}
		}
		m = next
	}
	return func(row, column int) float64 { return m[row*in+column] }
}

func TestDirectSumStackAndSum(t *testing.T) {
	chains := algebraChains()
	for i, a := range chains {
		for j, b := range chains {
			what, ea, eb := fmt.Sprint(i, " and ", j), entryOf(a), entryOf(b)
			c, err := DirectSum(a, b)
			checkMatrix(t, "direct sum of "+what, c, err, a.Out+b.Out, a.In+b.In, func(row, column int) float64 {
				switch {
				case row < a.Out && column < a.In:
					return ea(row, column)
				case row >= a.Out && column >= a.In:
					return eb(row-a.Out, column-a.In)
				}
				return 0
			})
		}
		b := randomGatherChain(77, Design{In: a.In, Out: a.Out, Patterns: []Pattern{{1, 3, a.In, 1}, {1, a.Out, 3, 1}}})
		ea, eb := entryOf(a), entryOf(b)
		c, err := Sum(a, b, a)
		checkMatrix(t, fmt.Sprint("sum ", i), c, err, a.Out, a.In, func(row, column int) float64 { return 2*ea(row, column) + eb(row, column) })
		c, err = Stack(b, a)
		checkMatrix(t, fmt.Sprint("stack ", i), c, err, 2*a.Out, a.In, func(row, column int) float64 {
			if row < a.Out {
				return eb(row, column)
			}
			return ea(row-a.Out, column)
		})
	}
}

func TestKronecker(t *testing.T) {
	chains := algebraChains()
	for i, a := range chains {
		for j, b := range chains {
			if a.In*b.In > 300 || a.Out*b.Out > 300 {
				continue
			}
			ea, eb := entryOf(a), entryOf(b)
			c, err := Kronecker(a, b)
			checkMatrix(t, fmt.Sprint("Kronecker product ", i, ", ", j), c, err, a.Out*b.Out, a.In*b.In, func(row, column int) float64 {
				return ea(row/b.Out, column/b.In) * eb(row%b.Out, column%b.In)
			})
		}
	}
}

func TestScaledAndSelected(t *testing.T) {
	r := newRand(5)
	for i, c := range algebraChains() {
		entry := entryOf(c)
		rows, columns := make([]float64, c.Out), make([]float64, c.In)
		rowOrder, columnOrder := make([]int, c.Out+3), make([]int, c.In)
		for i := range rows {
			rows[i] = r.NormFloat64()
		}
		for i := range columns {
			columns[i] = r.NormFloat64()
			columnOrder[i] = r.IntN(c.In+6) - 1
		}
		for i := range rowOrder {
			rowOrder[i] = r.IntN(c.Out+1) - 1
		}
		scaled, err := c.ScaledRows(rows)
		checkMatrix(t, fmt.Sprint("scaled rows ", i), scaled, err, c.Out, c.In, func(row, column int) float64 { return rows[row] * entry(row, column) })
		scaled, err = c.ScaledColumns(columns)
		checkMatrix(t, fmt.Sprint("scaled columns ", i), scaled, err, c.Out, c.In, func(row, column int) float64 { return columns[column] * entry(row, column) })
		selected, err := c.SelectedRows(rowOrder)
		checkMatrix(t, fmt.Sprint("selected rows ", i), selected, err, c.Out+3, c.In, func(row, column int) float64 {
			if rowOrder[row] < 0 {
				return 0
			}
			return entry(rowOrder[row], column)
		})
		selected, err = c.SelectedColumns(columnOrder, c.In+5)
		checkMatrix(t, fmt.Sprint("selected columns ", i), selected, err, c.Out, c.In+5, func(row, column int) float64 {
			sum := 0.0
			for k, from := range columnOrder {
				if from == column {
					sum += entry(row, k)
				}
			}
			return sum
		})
	}
}

func TestDiagonalsDisappearInNeighbours(t *testing.T) {
	c, err := Hadamard(16)
	if err != nil {
		t.Fatal(err)
	}
	scale := make([]float64, 16)
	for i := range scale {
		scale[i] = float64(i + 1)
	}
	permuted, err := c.SelectedRows(newRand(1).Perm(16))
	if err != nil {
		t.Fatal(err)
	}
	scaled, err := permuted.ScaledRows(scale)
	if err != nil {
		t.Fatal(err)
	}
	if scaled, err = scaled.ScaledColumns(scale); err != nil || len(scaled.Factors) != 5 {
		t.Errorf("%v, %v: want the four factors and a gather", scaled.Design(), err)
	}
}

func TestAlgebraRejects(t *testing.T) {
	good := randomGatherChain(1, designOf(Pattern{1, 2, 3, 1}))
	bad := good.Clone()
	bad.Factors[0].Values[0] = float32(math.NaN())
	for _, parts := range [][]*Chain{nil, {nil}, {good, good}, {bad}, {good, nil}} {
		if c, err := Product(parts...); err == nil {
			t.Errorf("product of %v is %v", parts, c)
		}
		if c, err := Sum(append(parts, bad)...); err == nil {
			t.Errorf("sum of %v is %v", parts, c)
		}
	}
	if _, err := Kronecker(bad, good); err == nil {
		t.Error("no error for a Kronecker product with NaN")
	}
	wide, _ := Gather(make([]int, 1<<13), 1<<13)
	if _, err := Kronecker(wide, wide); err == nil {
		t.Error("no error for a Kronecker product that is too large")
	}
	if _, err := Sum(good, randomGatherChain(1, designOf(Pattern{1, 3, 3, 1}))); err == nil {
		t.Error("no error for a sum of other sizes")
	}
	if _, err := Stack(good, randomGatherChain(1, designOf(Pattern{1, 3, 2, 1}))); err == nil {
		t.Error("no error for a stack of other inputs")
	}
	if _, err := good.ScaledRows([]float64{1, math.Inf(1)}); err == nil {
		t.Error("no error for an infinite scale")
	}
}
