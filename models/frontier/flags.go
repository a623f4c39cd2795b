package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kcompress/kcompress/fit"
)

// config holds the flags.
type config struct {
	model, data, test, label string
	sizes                    []size
	distil                   string
	distilSteps              int // as fit.Options.Distil has it
	steps, threads           int
	seed                     uint64
	checkpoint               string
	peers                    []peer
	peerData                 string
	normalise                *normalisation // nil if peers take what the model takes
	title, out               string
	command                  string // that gives this figure again
}

// size is the bound on the bytes of a file: a number, or one part in so many of
// the original.
type size struct {
	bytes int64
	parts float64
}

// of returns the bound in bytes, for an original of that many.
func (s size) of(original int64) int64 {
	if s.parts > 0 {
		return int64(float64(original) / s.parts)
	}
	return s.bytes
}

// parseFlags reads the arguments; help goes to w.
func parseFlags(args []string, w io.Writer) (*config, error) {
	c := &config{}
	flags := flag.NewFlagSet("frontier", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error is printed once, by main
	flags.StringVar(&c.model, "model", "", "the `model.onnx` to compress")
	flags.StringVar(&c.data, "data", "", "calibration inputs: `file.npz`, or a folder with one .npz for each batch")
	flags.StringVar(&c.test, "test", "", "test inputs, never fitted on; with labels, the accuracy is top-1 on them")
	flags.StringVar(&c.label, "label", "label", "`array` of class numbers in --test")
	flags.Func("sizes", "most bytes of the files: a `list` such as 1/8,1/14,500000; 1/8 is an eighth of the model", c.parseSizes)
	flags.StringVar(&c.distil, "distil", "auto", "distillation of every method: auto, off or a number of steps")
	flags.IntVar(&c.steps, "steps", 0, "steps of gradient descent for each chain; 0 is the fitter's default")
	flags.Uint64Var(&c.seed, "seed", 1, "seed of the fits; equal seeds give equal figures")
	flags.IntVar(&c.threads, "threads", 0, "threads to use; 0 is one per CPU")
	flags.StringVar(&c.checkpoint, "checkpoint", "", "`folder` that all fits save their work to, and take it from")
	flags.Func("peer", "another compressed file of the model: `NAME=FILE.onnx`, run on --test, or NAME=BYTES:PERCENT (repeatable)", c.parsePeer)
	flags.StringVar(&c.peerData, "peer-data", "", "the samples and labels of --test as peers take them, if not as the model does: `file.npz`")
	flags.Func("peer-normalise", "peers take (x-mean)/deviation in float32: `MEANS/DEVIATIONS`, one for each channel, as in 125.3,123,113.9/63,62.1,66.7", c.parseNormalise)
	flags.StringVar(&c.title, "title", "", "title of the plot (default: the model's folder)")
	flags.StringVar(&c.out, "out", "", "`path` without extension: .svg, .md and .csv are written")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(w)
		flags.PrintDefaults()
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("%q: there are no arguments, give everything by flags", flags.Arg(0))
	}
	if err == nil {
		err = c.check()
	}
	c.command = shell(append([]string{"go", "run", "./models/frontier"}, args...))
	return c, err
}

// check finds what is missing or contradicts before hours of work begin.
func (c *config) check() error {
	for _, f := range []struct{ name, value string }{{"model", c.model}, {"data", c.data}, {"out", c.out}} {
		if f.value == "" {
			return fmt.Errorf("--%s is needed", f.name)
		}
	}
	if len(c.sizes) == 0 {
		return errors.New("--sizes is needed, such as 1/8,1/14,1/28")
	}
	if c.threads < 0 || c.steps < 0 {
		return errors.New("--threads and --steps are numbers from 0 up")
	}
	if c.peerData != "" && c.normalise != nil {
		return errors.New("--peer-data and --peer-normalise: give one of them")
	}
	for _, p := range c.peers {
		if p.file != "" && c.test == "" {
			return fmt.Errorf("--peer %s: running a file needs labelled data in --test; or give its figure, %s=BYTES:PERCENT", p.name, p.name)
		}
	}
	folder, err := os.Stat(filepath.Dir(c.out))
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	if !folder.IsDir() {
		return fmt.Errorf("--out: %s is no folder", filepath.Dir(c.out))
	}
	if c.title == "" {
		path, err := filepath.Abs(c.model)
		if err != nil {
			return err
		}
		c.title = filepath.Base(filepath.Dir(path))
	}
	c.distilSteps, err = parseDistil(c.distil)
	return err
}

func parseDistil(text string) (int, error) {
	switch text {
	case "off":
		return 0, nil
	case "auto":
		return fit.DistilAuto, nil
	}
	steps, err := strconv.Atoi(text)
	if err != nil || steps < 1 || steps > 1e9 {
		return 0, fmt.Errorf("--distil: %q is neither auto, off nor a number of steps", text)
	}
	return steps, nil
}

// parseSizes reads a list of 1/PARTS and numbers of bytes.
func (c *config) parseSizes(text string) error {
	for _, item := range strings.Split(text, ",") {
		var s size
		var err error
		item = strings.TrimSpace(item)
		if parts, ok := strings.CutPrefix(item, "1/"); ok {
			s.parts, err = strconv.ParseFloat(parts, 64)
			if err == nil && !(s.parts > 1 && s.parts <= 1e9) {
				err = strconv.ErrRange
			}
		} else if s.bytes, err = strconv.ParseInt(item, 10, 64); err == nil && s.bytes < 1 {
			err = strconv.ErrRange
		}
		if err != nil {
			return fmt.Errorf("%q is no size: write 1/8 or a number of bytes", item)
		}
		c.sizes = append(c.sizes, s)
	}
	return nil
}

// shell writes a command so that a shell reads the same arguments.
func shell(args []string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=/.,:+@%"
	quoted := make([]string, len(args))
	for i, a := range args {
		if quoted[i] = a; a == "" || strings.Trim(a, plain) != "" {
			quoted[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
