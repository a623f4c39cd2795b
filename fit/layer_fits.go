package fit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/gob"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kcompress/kcompress/fit/factorise"
	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/kernels/cpu"
	"github.com/kcompress/kcompress/onnx"
)

// recipe is part of every key of a saved fit: raise it when factorise gives
// other results for the same input.
const recipe = 1

// layerFits fits chains to one layer. A fit is a pure function of the weight,
// the moment, the design, the steps and the seed; with a checkpoint folder each
// is kept there under a hash of these, so that a fit that was stopped, or one
// with another goal, does not do it again.
type layerFits struct {
	layer   factorise.Layer
	problem *factorise.Problem // nil until it is needed
	folder  string             // of the checkpoint; empty is none
	key     [sha256.Size]byte  // of the layer
}

func newLayerFits(l factorise.Layer, checkpoint string) (*layerFits, error) {
	f := &layerFits{layer: l}
	if checkpoint == "" {
		return f, nil
	}
	f.folder = filepath.Join(checkpoint, "layers")
	if err := os.MkdirAll(f.folder, 0o777); err != nil {
		return nil, err
	}
	h := sha256.New()
	fmt.Fprintln(h, "layer", recipe, cpu.Current(), l.In, l.Out, l.Moment != nil)
	for _, values := range []any{l.Weight, l.Moment} {
		if err := binary.Write(h, binary.LittleEndian, values); err != nil {
			return nil, err
		}
	}
	h.Sum(f.key[:0])
	return f, nil
}

// lowRank returns the optimal product of two matrices of that rank.
func (f *layerFits) lowRank(rank int) (factorise.Result, error) {
	return f.saved(fmt.Sprint("rank ", rank), func(p *factorise.Problem) (factorise.Result, error) {
		return p.LowRank(rank)
	})
}

// fit returns a fitted chain of the design.
func (f *layerFits) fit(ctx context.Context, d butterfly.Design, o factorise.Options) (factorise.Result, error) {
	return f.saved(fmt.Sprint("design ", d, " steps ", o.Steps, " seed ", o.Seed), func(p *factorise.Problem) (factorise.Result, error) {
		return p.Fit(ctx, d, o)
	})
}

// saved returns what the checkpoint holds for a task, else does it and saves
// the result.
func (f *layerFits) saved(task string, do func(*factorise.Problem) (factorise.Result, error)) (factorise.Result, error) {
	path := f.path(task)
	if r, ok, err := f.load(path); ok || err != nil {
		return r, err
	}
	if f.problem == nil {
		var err error
		if f.problem, err = factorise.NewProblem(f.layer); err != nil {
			return factorise.Result{}, err
		}
	}
	r, err := do(f.problem)
	if err != nil || path == "" {
		return r, err
	}
	return r, onnx.WriteFile(path, func(w io.Writer) error { return gob.NewEncoder(w).Encode(r) })
}

func (f *layerFits) path(task string) string {
	if f.folder == "" {
		return ""
	}
	h := sha256.New()
	h.Write(f.key[:])
	io.WriteString(h, task)
	return filepath.Join(f.folder, hex.EncodeToString(h.Sum(nil)[:16])+".fit")
}

// load reads a saved result; ok is false if there is none.
func (f *layerFits) load(path string) (r factorise.Result, ok bool, err error) {
	if path == "" {
		return r, false, nil
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, false, nil
	}
	if err != nil {
		return r, false, err
	}
	defer file.Close()
	if err = gob.NewDecoder(file).Decode(&r); err == nil {
		err = f.check(r.Chain)
	}
	if err != nil {
		return r, false, fmt.Errorf("%s: is no saved fit: %w; remove the file", path, err)
	}
	return r, true, nil
}

// check reports whether a chain that was read is sound and of the layer's size.
func (f *layerFits) check(c *butterfly.Chain) error {
	if c == nil {
		return errors.New("it holds no chain")
	}
	if err := c.Validate(); err != nil {
		return err
	}
	if c.In != f.layer.In || c.Out != f.layer.Out {
		return fmt.Errorf("it is for %d inputs and %d outputs, the layer has %d and %d", c.In, c.Out, f.layer.In, f.layer.Out)
	}
	return nil
}
