package emulate

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// repeats is how many numbers a broadcast repeats.
var repeats = map[string]int{
	"VBROADCASTSS": 1, "VMOVDDUP": 2, "VBROADCASTSD": 2, "VBROADCASTF128": 4, "VBROADCASTF32X4": 4, "VBROADCASTF32X8": 8,
}

// stepVector executes a vector instruction.
func (f *Function) stepVector(i instruction) error {
	last := i.operands[len(i.operands)-1]
	lanes := vectorLanes(i.operands)
	if n, ok := repeats[i.name]; ok {
		x := slices.Clone(f.lanes(i.operands[0], n))
		for j, to := 0, f.lanes(last, lanes); j < lanes; j++ {
			to[j] = x[j%n]
		}
		return nil
	}
	switch i.name {
	case "VXORPS":
		if i.operands[0] != last || i.operands[1] != last {
			return fmt.Errorf("only known for clearing a register")
		}
		clear(f.lanes(last, lanes))
	case "VMOVUPS", "VMOVAPS":
		copy(f.lanes(last, lanes), f.lanes(i.operands[0], lanes))
	case "VPERMILPS":
		return f.shuffle(i, lanes, func(j int, pick func(int) int) int { return j&^3 + pick(j%4) })
	case "VSHUFF32X4":
		if i.operands[1] != i.operands[2] {
			return fmt.Errorf("only known for one register")
		}
		return f.shuffle(i, lanes, func(j int, pick func(int) int) int { return 4*pick(j/4) + j%4 })
	case "VMULPS":
		x, y, product := f.lanes(i.operands[0], lanes), f.lanes(i.operands[1], lanes), f.lanes(last, lanes)
		for j := range product {
			product[j] = x[j] * y[j]
		}
	case "VFMADD231PS", "VFMADD132PS", "VFMADD231PS.BCST":
		return f.multiplyAdd(i, lanes)
	default:
		return fmt.Errorf("unknown instruction")
	}
	return nil
}

// shuffle moves number from(j) of the second operand to j; pick reads two bits
// of the immediate operand.
func (f *Function) shuffle(i instruction, lanes int, from func(j int, pick func(int) int) int) error {
	bits := f.integer(i.operands[0])
	x := slices.Clone(f.lanes(i.operands[1], lanes))
	for j, to := 0, f.lanes(i.operands[len(i.operands)-1], lanes); j < lanes; j++ {
		to[j] = x[from(j, func(k int) int { return int(bits >> (2 * k) & 3) })]
	}
	return nil
}

// multiplyAdd executes the forms of the fused multiply-add.
func (f *Function) multiplyAdd(i instruction, lanes int) error {
	name, broadcast := strings.CutSuffix(i.name, ".BCST")
	x, y, z := f.lanes(i.operands[0], map[bool]int{false: lanes, true: 1}[broadcast]), f.lanes(i.operands[1], lanes), f.lanes(i.operands[2], lanes)
	for j := range z {
		factor := x[j%len(x)]
		if name == "VFMADD132PS" {
			z[j] = MultiplyAdd(z[j], factor, y[j])
		} else {
			z[j] = MultiplyAdd(y[j], factor, z[j])
		}
	}
	return nil
}

// MultiplyAdd returns x*y+z rounded once to float32. The float64 sum is
// rounded to odd, so that the second rounding cannot go wrong (Boldo and
// Melquiond, "Emulation of FMA and correctly rounded sums", 2008).
func MultiplyAdd(x, y, z float32) float32 {
	product := float64(x) * float64(y) // exact
	sum := product + float64(z)
	// The error of the sum, exact (Knuth's TwoSum).
	t := sum - product
	rest := (product - (sum - t)) + (float64(z) - t)
	if rest != 0 && math.Float64bits(sum)&1 == 0 {
		up := math.Inf(1)
		if rest < 0 {
			up = math.Inf(-1)
		}
		sum = math.Nextafter(sum, up)
	}
	return float32(sum)
}

// lanes returns a register or n values in memory.
func (f *Function) lanes(operand string, n int) []float32 {
	if registerForm.MatchString(operand) {
		number := vectorNumber(operand)
		if len(f.vector[number]) < n {
			f.vector[number] = make([]float32, n)
		}
		return f.vector[number][:n]
	}
	at := f.address(operand)
	base := at / region * region
	first := (at - base) / 4
	if x, ok := f.memory[base]; !ok || at%4 != 0 || first+int64(n) > int64(len(x)) {
		panic(fmt.Sprintf("%s reads or writes %d values at %d of %d", operand, n, first, len(x)))
	}
	return f.memory[base][first:][:n]
}

// vectorNumber returns n of Xn, Yn or Zn.
func vectorNumber(register string) int {
	n, err := strconv.Atoi(register[1:])
	if err != nil {
		panic(err)
	}
	return n
}

// vectorLanes returns the width of the registers of an instruction.
func vectorLanes(operands []string) int {
	for _, o := range operands {
		if m := registerForm.FindStringSubmatch(o); m != nil {
			return map[string]int{"X": 4, "Y": 8, "Z": 16}[m[1]]
		}
	}
	panic("no vector register")
}
