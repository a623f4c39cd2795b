package gemm

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// emulator runs the few instructions that the tile kernels consist of, so that
// the AVX-512 ones are tested on processors that lack it. Any access outside
// of the memory given is an error.
type emulator struct {
	code    []instruction
	labels  map[string]int
	general map[string]int64
	vector  map[int][]float32
	frame   map[string]int64 // arguments by name
	memory  map[int64][]float32
	zero    bool // the zero flag
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
	registerForm = regexp.MustCompile(`^([YZ])(\d+)$`)
)

// loadFunction reads the code of one function from an assembly file.
func loadFunction(t *testing.T, file, name string) *emulator {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, body, found := strings.Cut(string(text), "TEXT ·"+name+"(SB)")
	if !found {
		t.Fatalf("%s has no function %s", file, name)
	}
	body, _, _ = strings.Cut(body, "\nTEXT ")
	e := &emulator{labels: map[string]int{}}
	for _, line := range strings.Split(body, "\n")[1:] {
		line, _, _ = strings.Cut(line, "//")
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if label, ok := strings.CutSuffix(line, ":"); ok {
			e.labels[label] = len(e.code)
			continue
		}
		op, rest, _ := strings.Cut(line, " ")
		i := instruction{name: op, text: line}
		if rest = strings.TrimSpace(rest); rest != "" {
			i.operands = strings.Split(rest, ", ")
		}
		e.code = append(e.code, i)
	}
	return e
}

// run executes the function with integer arguments and memory by name.
func (e *emulator) run(numbers map[string]int, memory map[string][]float32) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	e.general, e.vector = map[string]int64{}, map[int][]float32{}
	e.frame, e.memory = map[string]int64{}, map[int64][]float32{}
	for name, x := range numbers {
		e.frame[name] = int64(x)
	}
	for name, x := range memory {
		base := int64(len(e.memory)+1) * region
		e.frame[name], e.memory[base] = base, x
	}
	for at, steps := 0, 0; e.code[at].name != "RET"; steps++ {
		if steps > 1e6 {
			return fmt.Errorf("does not end")
		}
		next, err := e.step(e.code[at])
		if err != nil {
			return fmt.Errorf("%s: %w", e.code[at].text, err)
		}
		if at++; next != "" {
			at = e.labels[next]
		}
	}
	return nil
}

// step executes one instruction and returns the label to jump to, if any.
func (e *emulator) step(i instruction) (string, error) {
	switch i.name {
	case "JMP", "JZ", "JNZ":
		if i.name == "JMP" || e.zero == (i.name == "JZ") {
			return i.operands[0], nil
		}
		return "", nil
	case "VZEROUPPER":
		return "", nil
	}
	if i.name[0] == 'V' {
		return "", e.stepVector(i)
	}
	return "", e.stepGeneral(i)
}

// stepGeneral executes an integer instruction. The destination comes last.
func (e *emulator) stepGeneral(i instruction) error {
	last := i.operands[len(i.operands)-1]
	x, y := e.integer(i.operands[0]), e.general[last]
	switch i.name {
	case "MOVQ":
		e.general[last] = x
		return nil // flags stay
	case "LEAQ":
		e.general[last] = e.address(i.operands[0])
		return nil
	case "TESTQ":
		e.zero = x&y == 0
		return nil
	case "ADDQ":
		y += x
	case "ANDQ":
		y &= x
	case "DECQ":
		y--
	case "SHLQ":
		y <<= x
	case "SHRQ":
		y = int64(uint64(y) >> x)
	default:
		return fmt.Errorf("unknown instruction")
	}
	e.general[last] = y
	e.zero = y == 0
	return nil
}

// stepVector executes a vector instruction.
func (e *emulator) stepVector(i instruction) error {
	last := i.operands[len(i.operands)-1]
	lanes := vectorLanes(i.operands)
	switch i.name {
	case "VXORPS":
		if i.operands[0] != last || i.operands[1] != last {
			return fmt.Errorf("only known for clearing a register")
		}
		e.vector[vectorNumber(last)] = make([]float32, lanes)
	case "VMOVUPS":
		copy(e.lanes(last, lanes), e.lanes(i.operands[0], lanes))
	case "VBROADCASTSS":
		x := e.lanes(i.operands[0], 1)[0]
		for j, to := 0, e.lanes(last, lanes); j < lanes; j++ {
			to[j] = x
		}
	case "VFMADD231PS":
		x, y, sum := e.lanes(i.operands[0], lanes), e.lanes(i.operands[1], lanes), e.lanes(last, lanes)
		for j := range sum {
			sum[j] = fusedMultiplyAdd(x[j], y[j], sum[j])
		}
	default:
		return fmt.Errorf("unknown instruction")
	}
	return nil
}

// integer returns the value of an immediate, argument or register.
func (e *emulator) integer(operand string) int64 {
	if text, ok := strings.CutPrefix(operand, "$"); ok {
		x, err := strconv.ParseInt(text, 0, 64)
		if err != nil {
			panic(err)
		}
		return x
	}
	if m := argumentForm.FindStringSubmatch(operand); m != nil {
		x, ok := e.frame[m[1]]
		if !ok {
			panic("unknown argument " + m[1])
		}
		return x
	}
	return e.general[operand]
}

// address returns the address that a memory operand stands for.
func (e *emulator) address(operand string) int64 {
	m := addressForm.FindStringSubmatch(operand)
	if m == nil {
		panic("no address: " + operand)
	}
	at := e.general[m[2]]
	if m[1] != "" {
		offset, _ := strconv.ParseInt(m[1], 10, 64)
		at += offset
	}
	if m[3] != "" {
		scale, _ := strconv.ParseInt(m[4], 10, 64)
		at += scale * e.general[m[3]]
	}
	return at
}

// lanes returns a register or n values in memory.
func (e *emulator) lanes(operand string, n int) []float32 {
	if registerForm.MatchString(operand) {
		number := vectorNumber(operand)
		if len(e.vector[number]) < n {
			e.vector[number] = make([]float32, n)
		}
		return e.vector[number][:n]
	}
	at := e.address(operand)
	base := at / region * region
	first := (at - base) / 4
	if x, ok := e.memory[base]; !ok || at%4 != 0 || first+int64(n) > int64(len(x)) {
		panic(fmt.Sprintf("%s reads or writes %d values at %d of %d", operand, n, first, len(x)))
	}
	return e.memory[base][first:][:n]
}

// vectorNumber returns n of Yn or Zn.
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
			return map[string]int{"Y": 8, "Z": 16}[m[1]]
		}
	}
	panic("no vector register")
}
