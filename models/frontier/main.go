// Command frontier plots the bytes of a compressed model against its accuracy:
// K-matrices, low rank and dense int8 fitted with the same options, beside other
// compressed files of the same model. README.md has the commands.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/kcompress/kcompress/onnx"
)

func main() {
	c, err := parseFlags(os.Args[1:], os.Stdout)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "frontier:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, c, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "frontier:", err)
		os.Exit(1)
	}
}

// run measures everything and writes the plot and the tables; progress goes to
// log.
func run(ctx context.Context, c *config, log io.Writer) error {
	f, err := measureAll(ctx, c, log)
	if err != nil {
		return err
	}
	for _, file := range []struct {
		extension string
		write     func(io.Writer) error
	}{{".svg", f.writeSVG}, {".md", f.writeMarkdown}, {".csv", f.writeCSV}} {
		if err := onnx.WriteFile(c.out+file.extension, file.write); err != nil {
			return err
		}
		fmt.Fprintln(log, "wrote", c.out+file.extension)
	}
	return nil
}
