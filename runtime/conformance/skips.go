package conformance

import (
	_ "embed"
	"strings"
)

//go:embed skips.txt
var skipList string

// KnownSkips returns the cases of the ONNX suite that are not run, with the
// reason: skips.txt, a line "name: reason" for each.
func KnownSkips() map[string]string {
	skips := map[string]string{}
	for line := range strings.Lines(skipList) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if name, reason, ok := strings.Cut(line, ":"); ok {
			skips[strings.TrimSpace(name)] = strings.TrimSpace(reason)
		}
	}
	return skips
}
