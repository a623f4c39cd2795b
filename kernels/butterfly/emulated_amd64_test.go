package butterfly

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/kcompress/kcompress/kernels/internal/emulate"
)

// emulatedKernels are the AVX-512 kernels, run in an emulator. They get slices
// that end where their operands end.
func emulatedKernels(t *testing.T) rowKernels {
	block := func(lanes int, name string, step func(args map[string]int) int) func(dst, src, values *float32, args map[string]int) {
		f := load(t, name)
		return func(dst, src, values *float32, args map[string]int) {
			vectorsOf := func(n int) int { return vectors(n, lanes) * lanes }
			stride, outputs, inputs := step(args), args["outputs"], args["inputs"]
			size := vectorsOf(stride) * outputs * inputs
			if args["stride"] == 0 { // dense: outputs counts those of all blocks
				size, outputs = vectorsOf(outputs)*inputs, outputs/stride
			}
			runEmulated(t, f, name, args, dst, src, values, nil, args["count"]*outputs*stride, args["count"]*inputs*stride, args["count"]*size)
		}
	}
	lanes := func(name string) func(dst, src, values *float32, rows, dstRow, srcRow, count, outputs, inputs, stride int) {
		run := block(16, name, func(args map[string]int) int { return args["stride"] / floatBytes })
		return func(dst, src, values *float32, rows, dstRow, srcRow, count, outputs, inputs, stride int) {
			run(dst, src, values, map[string]int{"rows": rows, "dstRow": dstRow, "srcRow": srcRow, "count": count, "outputs": outputs, "inputs": inputs, "stride": stride})
		}
	}
	dense := func(stride int, name string) denseKernel {
		run := block(16, name, func(map[string]int) int { return stride })
		return denseKernel{16, stride, func(dst, src, values *float32, rows, dstRow, srcRow, count, outputs, inputs int) {
			run(dst, src, values, map[string]int{"rows": rows, "dstRow": dstRow, "srcRow": srcRow, "count": count, "outputs": outputs, "inputs": inputs})
		}}
	}
	f := load(t, "fusedAVX512")
	fused := func(dst, src, values *float32, stages *uint8, rows, dstRow, srcRow, count, stride int) {
		list := unsafe.Slice(stages, 1)
		for list[len(list)-1] != endOfStages {
			list = unsafe.Slice(stages, len(list)+1)
		}
		features := count * fusedVectors * stride / floatBytes
		args := map[string]int{"rows": rows, "dstRow": dstRow, "srcRow": srcRow, "count": count, "stride": stride}
		runEmulated(t, f, "fusedAVX512", args, dst, src, values, list, features, features, 2*features*(len(list)-1))
	}
	return rowKernels{
		lanes: []lanesKernel{{16, lanes("lanes16AVX512"), lanes("radix4x16AVX512")}},
		dense: []denseKernel{dense(1, "dense16x1AVX512"), dense(2, "dense16x2AVX512"), dense(4, "dense16x4AVX512"), dense(8, "dense16x8AVX512")},
		fused: []fusedKernel{{16, fused}},
	}
}

func load(t *testing.T, name string) *emulate.Function {
	t.Helper()
	f, err := emulate.Load("butterfly_amd64.s", name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// runEmulated runs a kernel on rows of outputs and inputs numbers.
func runEmulated(t *testing.T, f *emulate.Function, name string, args map[string]int, dst, src, values *float32, stages []uint8, outputs, inputs, size int) {
	t.Helper()
	last := args["rows"] - 1
	memory := map[string][]float32{
		"dst":    unsafe.Slice(dst, last*args["dstRow"]/floatBytes+outputs),
		"src":    unsafe.Slice(src, last*args["srcRow"]/floatBytes+inputs),
		"values": unsafe.Slice(values, size),
	}
	var bytes map[string][]uint8
	if stages != nil {
		bytes = map[string][]uint8{"stages": stages}
	}
	if err := f.Run(args, memory, bytes); err != nil {
		t.Fatalf("%s %v: %v", name, args, err)
	}
}

// TestAVX512Emulated multiplies patterns of every kind that has an AVX-512
// kernel, by numbers of rows that take strips of every height.
func TestAVX512Emulated(t *testing.T) {
	kernels := emulatedKernels(t)
	r := newRand(512)
	var chains [][]Pattern
	for _, d := range []int{16, 17, 32, 40} {
		for _, b := range []int{1, 3, 4, 7, 9} {
			chains = append(chains, []Pattern{{2, b, 1 + r.IntN(5), d}})
		}
		chains = append(chains, []Pattern{{2, 4, 4, d}})
	}
	for _, d := range []int{1, 2, 4, 8} {
		for _, outputs := range []int{16, 24, 32, 40, 64, 72, 136} {
			chains = append(chains, []Pattern{{2, outputs / d, 1 + r.IntN(4), d}})
		}
	}
	for range 12 {
		chains = append(chains, radixTwo(r, 256))
	}
	for _, patterns := range chains {
		for _, rows := range []int{1, 2, 3, 4, 5, 7, 9, 12, 16, 24} {
			testEmulated(t, r, kernels, patterns, rows)
		}
	}
}

// radixTwo is a run of factors of radix 2 in any order.
func radixTwo(r *rand.Rand, n int) []Pattern {
	var patterns []Pattern
	for range 1 + r.IntN(6) {
		stride := 1 << r.IntN(8)
		patterns = append(patterns, Pattern{n / 2 / stride, 2, 2, stride})
	}
	return patterns
}

func testEmulated(t *testing.T, r *rand.Rand, kernels rowKernels, patterns []Pattern, rows int) {
	t.Helper()
	c := randomChain(r, designOf(patterns...))
	src := normal(r, rows*c.In)
	x := activations{slices.Clone(src), c.In}
	for _, p := range plan(c.Factors, kernels) {
		if _, tile := p.(*tilePass); tile {
			t.Fatalf("%v: no AVX-512 kernel", patterns)
		}
		y := activations{make([]float32, rows*c.Factors[0].Rows()), c.Factors[0].Rows()}
		p.multiply(y, x, rows, nil)
		x = y
	}
	for i := range rows {
		checkRounding(t, c, x.data[i*c.Out:][:c.Out], src[i*c.In:][:c.In])
	}
}
