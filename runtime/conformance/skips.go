package conformance

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed skips.txt
var skipList string

//go:embed tolerances.txt
var toleranceList string

// KnownSkips returns the cases of the ONNX suite that are not run, with the
// reason: skips.txt, a line "name: reason" for each.
func KnownSkips() map[string]string { return listed(skipList) }

// KnownTolerances returns the cases of the ONNX suite that need another
// tolerance: tolerances.txt, which gives the reason for each.
func KnownTolerances() map[string]Tolerance {
	tolerances := map[string]Tolerance{}
	for name, text := range listed(toleranceList) {
		var t Tolerance
		if _, err := fmt.Sscan(text, &t.Relative, &t.Absolute); err != nil {
			panic("tolerances.txt: " + name + ": " + err.Error()) // a mistake of ours, which any test finds
		}
		t.integers = true
		tolerances[name] = t
	}
	return tolerances
}

// listed reads lines "name: text"; lines that start with # are comments.
func listed(list string) map[string]string {
	entries := map[string]string{}
	for line := range strings.Lines(list) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if name, text, ok := strings.Cut(line, ":"); ok {
			entries[strings.TrimSpace(name)] = strings.TrimSpace(text)
		}
	}
	return entries
}
