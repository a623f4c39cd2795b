// Package emulate runs functions of amd64 assembly files in Go, instruction by
// instruction: so tests cover AVX-512 kernels on processors that lack it, and
// find accesses outside of the operands. It knows the instructions that the
// kernels on float32 consist of, and is slow.
package emulate

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// Function is one function of an assembly file. It must not be run by two
// goroutines at once.
type Function struct {
	code    []instruction
	labels  map[string]int
	general map[string]int64
	vector  map[int][]float32
	frame   map[string]int64 // arguments by name, local variables by offset
	memory  map[int64][]float32
	bytes   []uint8 // what the argument that names it points to
	flags   int64   // the sign of the last result or comparison
}

type instruction struct {
	name     string
	operands []string
	text     string
}

// region is the distance between the addresses of two pieces of memory.
const region = 1 << 32

var (
	addressForm  = regexp.MustCompile(`^(-?\d*)\((\w+)\)(?:\((\w+)\*(\d)\))?$`)
	argumentForm = regexp.MustCompile(`^(\w+)\+\d+\(FP\)$`)
	localForm    = regexp.MustCompile(`^\d*\(SP\)$`)
	registerForm = regexp.MustCompile(`^([XYZ])(\d+)$`)
)

// Load reads the code of one function from an assembly file.
func Load(file, name string) (*Function, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	_, body, found := strings.Cut(string(text), "TEXT ·"+name+"(SB)")
	if !found {
		return nil, fmt.Errorf("%s has no function %s", file, name)
	}
	body, _, _ = strings.Cut(body, "\nTEXT ")
	f := &Function{labels: map[string]int{}}
	for _, line := range strings.Split(body, "\n")[1:] {
		line, _, _ = strings.Cut(line, "//")
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if label, ok := strings.CutSuffix(line, ":"); ok {
			f.labels[label] = len(f.code)
			continue
		}
		op, rest, _ := strings.Cut(line, " ")
		i := instruction{name: op, text: line}
		if rest = strings.TrimSpace(rest); rest != "" {
			i.operands = strings.Split(rest, ", ")
		}
		f.code = append(f.code, i)
	}
	return f, nil
}

// maxSteps bounds a run.
const maxSteps = 1e7

// Run executes the function with integer arguments and memory by name. bytes is
// the memory of the only argument that points to bytes, if any.
func (f *Function) Run(numbers map[string]int, memory map[string][]float32, bytes map[string][]uint8) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	f.general, f.vector = map[string]int64{}, map[int][]float32{}
	f.frame, f.memory = map[string]int64{}, map[int64][]float32{}
	for name, x := range numbers {
		f.frame[name] = int64(x)
	}
	for name, x := range memory {
		base := int64(len(f.memory)+1) * region
		f.frame[name], f.memory[base] = base, x
	}
	for name, x := range bytes {
		f.frame[name], f.bytes = 0, x
	}
	for at, steps := 0, 0; f.code[at].name != "RET"; steps++ {
		if steps > maxSteps {
			return fmt.Errorf("does not end")
		}
		next, err := f.step(f.code[at])
		if err != nil {
			return fmt.Errorf("%s: %w", f.code[at].text, err)
		}
		if at++; next != "" {
			at = f.labels[next]
		}
	}
	return nil
}

// holds tells for each condition if it holds, given the flags.
var holds = map[string]func(flags int64) bool{
	"MP": func(int64) bool { return true },
	"Z":  func(f int64) bool { return f == 0 }, "E": func(f int64) bool { return f == 0 },
	"NZ": func(f int64) bool { return f != 0 }, "NE": func(f int64) bool { return f != 0 },
	"L": func(f int64) bool { return f < 0 }, "LE": func(f int64) bool { return f <= 0 },
	"G": func(f int64) bool { return f > 0 }, "GE": func(f int64) bool { return f >= 0 },
}

// step executes one instruction and returns the label to jump to, if any.
func (f *Function) step(i instruction) (string, error) {
	if i.name == "VZEROUPPER" {
		return "", nil
	}
	if condition, ok := holds[strings.TrimPrefix(i.name, "J")]; ok && i.name[0] == 'J' {
		if condition(f.flags) {
			return i.operands[0], nil
		}
		return "", nil
	}
	if i.name[0] == 'V' {
		return "", f.stepVector(i)
	}
	return "", f.stepGeneral(i)
}

// stepGeneral executes an integer instruction. The destination comes last.
func (f *Function) stepGeneral(i instruction) error {
	last := i.operands[len(i.operands)-1]
	switch i.name { // those that leave the flags or the destination alone
	case "LEAQ":
		f.set(last, f.address(i.operands[0]))
		return nil
	case "MOVQ":
		f.set(last, f.integer(i.operands[0]))
		return nil
	case "MOVBQZX":
		f.set(last, int64(f.bytes[f.address(i.operands[0])]))
		return nil
	case "CMOVQGT":
		if holds["G"](f.flags) {
			f.set(last, f.integer(i.operands[0]))
		}
		return nil
	case "CMPQ":
		f.flags = f.integer(i.operands[0]) - f.integer(last)
		return nil
	}
	x, y := f.integer(i.operands[0]), f.integer(last)
	switch i.name {
	case "TESTQ":
		f.flags = x & y
		return nil
	case "ADDQ":
		y += x
	case "SUBQ":
		y -= x
	case "IMULQ":
		y *= x
	case "ANDQ":
		y &= x
	case "XORQ":
		y ^= x
	case "INCQ":
		y++
	case "DECQ":
		y--
	case "SHLQ":
		y <<= x
	case "SHRQ":
		y = int64(uint64(y) >> x)
	default:
		return fmt.Errorf("unknown instruction")
	}
	f.set(last, y)
	f.flags = y
	return nil
}

// set gives a register, argument or local variable a value.
func (f *Function) set(operand string, x int64) {
	if m := argumentForm.FindStringSubmatch(operand); m != nil {
		f.frame[m[1]] = x
	} else if localForm.MatchString(operand) {
		f.frame[operand] = x
	} else {
		f.general[operand] = x
	}
}

// integer returns the value of an immediate, argument or register.
func (f *Function) integer(operand string) int64 {
	if text, ok := strings.CutPrefix(operand, "$"); ok {
		x, err := strconv.ParseInt(text, 0, 64)
		if err != nil {
			panic(err)
		}
		return x
	}
	if m := argumentForm.FindStringSubmatch(operand); m != nil {
		x, ok := f.frame[m[1]]
		if !ok {
			panic("unknown argument " + m[1])
		}
		return x
	}
	if localForm.MatchString(operand) {
		return f.frame[operand]
	}
	return f.general[operand]
}

// address returns the address that a memory operand stands for.
func (f *Function) address(operand string) int64 {
	m := addressForm.FindStringSubmatch(operand)
	if m == nil {
		panic("no address: " + operand)
	}
	at := f.general[m[2]]
	if m[1] != "" {
		offset, _ := strconv.ParseInt(m[1], 10, 64)
		at += offset
	}
	if m[3] != "" {
		scale, _ := strconv.ParseInt(m[4], 10, 64)
		at += scale * f.general[m[3]]
	}
	return at
}
