// Command make draws the data of the digits model, trains the model and writes
// model.onnx, calibrate.npz and test.npz. Run it from the root of the repository:
//
//	go run ./models/digits/make
//
// One seed gives the same files on every machine whose processor rounds alike: a
// multiply-add rounds once on some and twice on others.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"

	"github.com/kcompress/kcompress/onnx"
)

func main() {
	dir := flag.String("output", "models/digits", "folder to write to")
	seed := flag.Uint64("seed", 1, "seed of the data and of the training")
	epochs := flag.Int("epochs", 20, "epochs to train")
	flag.Parse()
	s := schedule{epochs: *epochs, images: 60000, batch: 250, rate: 1e-3, decay: .05}
	if err := run(*dir, *seed, s); err != nil {
		fmt.Fprintln(os.Stderr, "make:", err)
		os.Exit(1)
	}
}

// run makes the files in dir.
func run(dir string, seed uint64, s schedule) error {
	n := newNetwork(rand.New(rand.NewPCG(seed, 0)), side*side, 512, 512, 10)
	n.train(seed, s, os.Stderr)
	test := generate(seed, testSet, 3000)
	fmt.Printf("test accuracy %.2f %%\n", 100*n.accuracy(test))

	m := n.model(
		onnx.Property{Key: "made_by", Value: "go run ./models/digits/make"},
		onnx.Property{Key: "seed", Value: strconv.FormatUint(seed, 10)})
	if err := m.Save(filepath.Join(dir, "model.onnx")); err != nil {
		return err
	}
	calibrate := generate(seed, calibrateSet, 6000)
	if err := saveArchive(filepath.Join(dir, "calibrate.npz"), calibrate.imageTensor()); err != nil {
		return err
	}
	return saveArchive(filepath.Join(dir, "test.npz"), test.imageTensor(), test.labelTensor())
}
