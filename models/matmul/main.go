// Command matmul compares the kernels with ONNX Runtime's MatMul, case by case
// and in turn, on one thread, and prints a table in Markdown:
//
//	go run ./models/matmul -onnxruntime DIR
//
// DIR is a folder in which `npm install onnxruntime-node` was run; Node is
// needed. Without -onnxruntime only our own times are printed.
//
// A time is the median over a number of milliseconds; each case is measured in
// some rounds, ours and theirs alternating, and the median of the rounds is
// printed. Theirs is less the time of a model that only does Relu on the same
// input, so that the cost of calling from JavaScript does not count.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/kcompress/kcompress/kernels/cpu"
)

func main() {
	folder := flag.String("onnxruntime", "", "folder with node_modules/onnxruntime-node")
	rounds := flag.Int("rounds", 5, "rounds of each case")
	length := flag.Duration("length", 40*time.Millisecond, "length of a measurement")
	flag.Parse()
	if err := run(os.Stdout, *folder, *rounds, *length); err != nil {
		fmt.Fprintln(os.Stderr, "matmul:", err)
		os.Exit(1)
	}
}

// run measures all cases and prints the table.
func run(w io.Writer, folder string, rounds int, length time.Duration) error {
	var peer *runtimePeer
	if folder != "" {
		var err error
		if peer, err = startPeer(folder); err != nil {
			return err
		}
		defer peer.close()
	}
	level := cpu.Current()
	fmt.Fprintf(w, "kernels: %v, measured peak %.0f GFLOP/s on one thread; %d rounds of %v\n\n", level, cpu.Peak(level)/1e9, rounds, length)
	fmt.Fprintf(w, "| product | batch | here, us | GFLOP/s | of the peak | ONNX Runtime, us | times faster | bar |\n|---|---|---|---|---|---|---|---|\n")
	for _, c := range cases() {
		if err := c.measure(w, peer, rounds, length); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

// measure prints the row of one case.
func (c testCase) measure(w io.Writer, peer *runtimePeer, rounds int, length time.Duration) error {
	work := c.prepare(c.rows)
	var here, there []float64
	for range rounds {
		here = append(here, medianTime(work, length))
		if peer != nil {
			t, err := peer.time(c, length)
			if err != nil {
				return err
			}
			there = append(there, t)
		}
	}
	us := median(here)
	rate := float64(c.flops*c.rows) / us / 1e3
	fmt.Fprintf(w, "| %s | %d | %.2f | %.1f | %.0f %% |", c.name, c.rows, us, rate, 100*rate*1e9/cpu.Peak(cpu.Current()))
	if peer == nil {
		fmt.Fprintf(w, " | | %gx |\n", c.bar)
		return nil
	}
	fmt.Fprintf(w, " %.2f | %.1fx | %gx |\n", median(there), median(there)/us, c.bar)
	return nil
}

// medianTime is the median time of a run in microseconds. Short work is timed
// several runs at a time.
func medianTime(work func(), length time.Duration) float64 {
	work()
	start := time.Now()
	work()
	runs := 1 + int(20*time.Microsecond/max(time.Since(start), 1))
	var times []float64
	for end := time.Now().Add(length); len(times) < 5 || time.Now().Before(end); {
		start := time.Now()
		for range runs {
			work()
		}
		times = append(times, float64(time.Since(start).Nanoseconds())/1e3/float64(runs))
	}
	return median(times)
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}
