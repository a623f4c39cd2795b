package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcompress/kcompress/kernels/cpu"
	"github.com/kcompress/kcompress/kernels/measure"
)

// kernelsResult is the JSON form of the times of all kernels.
type kernelsResult struct {
	CPU     string         `json:"cpu"`
	Levels  []levelResult  `json:"levels"`
	Kernels []kernelResult `json:"kernels"`
}

// levelResult is the JSON form of the peak of a level.
type levelResult struct {
	Level      string  `json:"level"`
	PeakGFLOPs float64 `json:"peak_gflop_per_s"`
}

// kernelResult is the JSON form of the times of one kernel.
type kernelResult struct {
	Kernel  string       `json:"kernel"`
	Size    string       `json:"size"`
	Times   []kernelTime `json:"times"`
	Fastest string       `json:"fastest"`
	// Slowdown is the time at the level used over that at the fastest.
	Slowdown float64 `json:"slowdown"`
}

// kernelTime is the JSON form of the time of a kernel at a level.
type kernelTime struct {
	Level     string  `json:"level"`
	Us        float64 `json:"us"`
	GFLOPs    float64 `json:"gflop_per_s"`
	GBs       float64 `json:"gb_per_s"`
	PeakShare float64 `json:"share_of_peak"`
}

const (
	// mostSlowdown is how much slower than another level the one used may be.
	mostSlowdown = 1.1
	// assertTries is how often a kernel over mostSlowdown is measured again
	// before it counts: the machine may have been busy.
	assertTries = 5
)

func newKernels(c console) *cobra.Command {
	var assert, asJSON bool
	var milliseconds int
	cmd := &cobra.Command{
		Use:   "kernels",
		Short: "Measure every kernel on this CPU",
		Long: `kernels times every kernel at every level of instructions that this CPU has, on
one thread, and prints which level is in use (KCOMPRESS_CPU forces one). Products
are compared with the peak: the rate at which the level can multiply and add
float32 numbers in registers, measured first. Sizes are rows x inputs x outputs of
a product, or how many numbers. Times are of the fastest run, with all operands in
the caches.

With --assert the command fails (exit code 1) if the level in use is more than
10 % slower than another one for any kernel; what seems to be is measured again
first.`,
		Example: `  kcompress kernels
  kcompress kernels --assert`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if milliseconds < 1 {
				return usage(fmt.Errorf("--milliseconds %d: give at least 1", milliseconds))
			}
			r := measureKernels(time.Duration(milliseconds)*time.Millisecond, assert)
			if asJSON {
				if err := printJSON(c.out, r); err != nil {
					return err
				}
			} else {
				r.print(c)
			}
			if assert {
				return r.check()
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&assert, "assert", false, "fail if another level is more than 10 % faster")
	cmd.Flags().IntVar(&milliseconds, "milliseconds", 20, "length of the measurement of a kernel at a level")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// measureKernels measures all kernels. With retry, what seems slow at the level
// in use is measured again.
func measureKernels(length time.Duration, retry bool) kernelsResult {
	r := kernelsResult{CPU: cpu.Current().String()}
	levels, peaks := cpu.Available(), map[cpu.Level]float64{}
	for _, l := range levels {
		peaks[l] = cpu.Peak(l)
		r.Levels = append(r.Levels, levelResult{l.String(), peaks[l] / 1e9})
	}
	for _, k := range measure.Kernels() {
		result := describeKernel(k, k.Times(levels, length), peaks)
		for try := 0; retry && result.Slowdown > mostSlowdown && try < assertTries; try++ {
			result = describeKernel(k, k.Times(levels, 5*length), peaks)
		}
		r.Kernels = append(r.Kernels, result)
	}
	return r
}

func describeKernel(k measure.Kernel, times []measure.Time, peaks map[cpu.Level]float64) kernelResult {
	result := kernelResult{Kernel: k.Package + " " + k.Name, Size: k.Size}
	best, used := times[0], times[0]
	for _, t := range times {
		rate := float64(k.Operations) / t.Seconds
		result.Times = append(result.Times, kernelTime{
			Level: t.Level.String(), Us: t.Seconds * 1e6,
			GFLOPs: rate / 1e9, GBs: float64(k.Bytes) / t.Seconds / 1e9, PeakShare: rate / peaks[t.Level],
		})
		if t.Seconds < best.Seconds {
			best = t
		}
		if t.Level == cpu.Current() {
			used = t
		}
	}
	result.Fastest, result.Slowdown = best.Level.String(), used.Seconds/best.Seconds
	return result
}

// print writes the results as a table, a column for each level.
func (r kernelsResult) print(c console) {
	headers := []any{"kernel", "size"}
	for _, l := range r.Levels {
		headers = append(headers, l.Level+", us")
	}
	headers = append(headers, "GFLOP/s", "GB/s", "of peak", "fastest")
	var rows [][]any
	for _, k := range r.Kernels {
		row := []any{k.Kernel, k.Size}
		var used kernelTime
		for _, t := range k.Times {
			row = append(row, fmt.Sprintf("%.2f", t.Us))
			if t.Level == r.CPU {
				used = t
			}
		}
		flops, share := "", ""
		if used.GFLOPs > 0 {
			flops, share = fmt.Sprintf("%.1f", used.GFLOPs), fmt.Sprintf("%.0f %%", 100*used.PeakShare)
		}
		rows = append(rows, append(row, flops, fmt.Sprintf("%.1f", used.GBs), share, k.Fastest))
	}
	printTable(c.out, headers, rows)
	var peaks []string
	for _, l := range r.Levels {
		peaks = append(peaks, fmt.Sprintf("%s %.0f", l.Level, l.PeakGFLOPs))
	}
	fmt.Fprintf(c.out, "level in use: %s; peak in GFLOP/s: %s\n", r.CPU, strings.Join(peaks, ", "))
}

// check reports the kernels for which another level is faster.
func (r kernelsResult) check() error {
	var slow []string
	for _, k := range r.Kernels {
		if k.Slowdown > mostSlowdown {
			slow = append(slow, fmt.Sprintf("%s %s: %.2f times slower than %s", k.Kernel, k.Size, k.Slowdown, k.Fastest))
		}
	}
	if len(slow) == 0 {
		return nil
	}
	return fmt.Errorf("another level than %s is more than %.0f %% faster:\n%s", r.CPU, 100*(mostSlowdown-1), strings.Join(slow, "\n"))
}
