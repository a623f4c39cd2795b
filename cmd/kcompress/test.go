package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kcompress/kcompress/runtime/conformance"
)

// testResult is the JSON form of a test run.
type testResult struct {
	Passed  int        `json:"passed"`
	Failed  int        `json:"failed"`
	Skipped int        `json:"skipped"`
	Cases   []testCase `json:"cases"`
}

type testCase struct {
	Name   string             `json:"name"`
	Status conformance.Status `json:"status"`
	// Reason is empty for a case that passed.
	Reason string `json:"reason"`
}

func newTest(c console) *cobra.Command {
	var asJSON bool
	var threads int
	tolerance := conformance.SuiteTolerance
	cmd := &cobra.Command{
		Use:   "test DIR...",
		Short: "Run test cases in the layout of the ONNX suite",
		Long: `test runs every case below the folders: model.onnx with test_data_set_*/
input_*.pb and output_*.pb. A case passes if every output has the type and shape
of the expected one and |got - want| <= atol + rtol*|want|; it is skipped only
if the model has operators that the runtime lacks, or for a reason that the
program states.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, dirs []string) error {
			if threads < 0 || !(tolerance.Relative >= 0) || !(tolerance.Absolute >= 0) {
				return usage(fmt.Errorf("--threads, --rtol and --atol can not be negative"))
			}
			result := testResult{Cases: []testCase{}}
			for _, dir := range dirs {
				cases, err := conformance.Find(dir)
				if err != nil {
					return err
				}
				if len(cases) == 0 {
					return fmt.Errorf("%s holds no test cases (model.onnx)", dir)
				}
				for _, tc := range cases {
					if err := cmd.Context().Err(); err != nil {
						return err
					}
					r := tc.Run(cmd.Context(), conformance.Options{Threads: threads, Tolerance: tolerance, Skips: conformance.KnownSkips(), Tolerances: conformance.KnownTolerances()})
					result.add(r)
					if !asJSON && r.Status != conformance.Passed {
						fmt.Fprintf(c.out, "%s %s: %s\n", r.Status, r.Name, r.Reason)
					}
				}
			}
			if asJSON {
				if err := printJSON(c.out, result); err != nil {
					return err
				}
			} else {
				fmt.Fprintf(c.out, "passed %d, failed %d, skipped %d of %d cases\n", result.Passed, result.Failed, result.Skipped, len(result.Cases))
			}
			if result.Failed > 0 {
				return coded(exitUnverified, fmt.Errorf("%d of %d cases failed", result.Failed, len(result.Cases)))
			}
			return nil
		},
	}
	completeFolders(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	cmd.Flags().IntVar(&threads, "threads", 0, "number of threads (default: all CPUs)")
	cmd.Flags().Float64Var(&tolerance.Relative, "rtol", tolerance.Relative, "relative tolerance of floating-point outputs")
	cmd.Flags().Float64Var(&tolerance.Absolute, "atol", tolerance.Absolute, "absolute tolerance of floating-point outputs")
	return cmd
}

func (r *testResult) add(c conformance.Result) {
	r.Cases = append(r.Cases, testCase(c))
	switch c.Status {
	case conformance.Passed:
		r.Passed++
	case conformance.Failed:
		r.Failed++
	case conformance.Skipped:
		r.Skipped++
	}
}
