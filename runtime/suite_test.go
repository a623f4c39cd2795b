package runtime_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/kcompress/kcompress/runtime/conformance"
)

// suiteDir is where the ONNX backend test suite lies on the machines of the
// project. It is not part of the repository.
const suiteDir = "../../shared/onnx-suite"

// TestSuite runs the official ONNX test suite, a subtest for each case:
// go test ./runtime -run 'TestSuite/node/test_add$'
func TestSuite(t *testing.T) {
	if _, err := os.Stat(suiteDir); err != nil {
		t.Skipf("the ONNX test suite is not at %s: its cases are NOT run", suiteDir)
	}
	for _, folder := range []string{"node", "simple", "pytorch-operator", "pytorch-converted", "light"} {
		t.Run(folder, func(t *testing.T) {
			cases, err := conformance.Find(filepath.Join(suiteDir, folder))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range cases {
				t.Run(c.Name, func(t *testing.T) {
					r := c.Run(context.Background(), conformance.Options{Threads: 2, Tolerance: conformance.SuiteTolerance, Skips: conformance.KnownSkips(), Tolerances: conformance.KnownTolerances()})
					switch r.Status {
					case conformance.Failed:
						t.Error(r.Reason)
					case conformance.Skipped:
						t.Skip(r.Reason)
					}
				})
			}
		})
	}
}
