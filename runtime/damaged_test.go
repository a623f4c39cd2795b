package runtime_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/conformance"
)

// TestDamagedSuiteModels flips bytes of models of the ONNX suite, or cuts them
// short, and reads, opens and runs what is left: it may fail or work, but not
// panic or hang.
func TestDamagedSuiteModels(t *testing.T) {
	cases, err := conformance.Find(filepath.Join(suiteDir, "node"))
	if err != nil {
		t.Skipf("the ONNX test suite is not at %s: damaged models are NOT tried", suiteDir)
	}
	const stride, variants = 3, 12
	r := rand.New(rand.NewPCG(5, 3))
	opened, ran := 0, 0
	for i := r.IntN(stride); i < len(cases); i += stride {
		data, err := os.ReadFile(filepath.Join(cases[i].Dir, "model.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		for range variants {
			d := damage(r, data)
			done := make(chan error, 1)
			go func() {
				wasOpened, wasRun, err := tryModel(d, cases[i].Dir)
				if wasOpened {
					opened++
				}
				if wasRun {
					ran++
				}
				done <- err
			}()
			select {
			case err := <-done:
				var p *runtime.PanicError
				if errors.As(err, &p) {
					t.Errorf("%s: %v\n%s", cases[i].Name, err, p.Stack)
				}
			case <-time.After(60 * time.Second):
				t.Fatalf("%s: a damaged model hangs", cases[i].Name)
			}
		}
	}
	t.Logf("%d opened, %d ran", opened, ran)
	if opened == 0 || ran == 0 {
		t.Errorf("%d damaged models were opened and %d run: the test does not test", opened, ran)
	}
}

// damage returns a copy of data with a few bytes changed or the end cut off.
func damage(r *rand.Rand, data []byte) []byte {
	d := append([]byte(nil), data...)
	if r.IntN(8) == 0 {
		return d[:r.IntN(len(d))]
	}
	for range 1 + r.IntN(3) {
		at := r.IntN(len(d))
		switch r.IntN(3) {
		case 0:
			d[at] ^= 1 << r.IntN(8)
		case 1:
			d[at] = byte(r.IntN(256))
		default:
			d[at] = []byte{0, 1, 0x7f, 0x80, 0xff}[r.IntN(5)]
		}
	}
	return d
}

// tryModel does with a model what can be done with it, in little memory and
// time.
func tryModel(data []byte, dir string) (opened, ran bool, err error) {
	m, err := onnx.Decode(data)
	if err != nil {
		return false, false, err
	}
	s, err := runtime.New(m, runtime.WithThreads(1), runtime.WithMaxTensorBytes(16<<20))
	if err != nil {
		return false, false, err
	}
	defer s.Close()
	inputs := map[string]onnx.Value{}
	for i, info := range s.Inputs() {
		v, err := conformance.ReadValue(filepath.Join(dir, "test_data_set_0"), "input", i, info)
		if err != nil {
			return true, false, err
		}
		inputs[info.Name] = v
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err = s.RunValues(ctx, inputs)
	return true, err == nil, err
}
