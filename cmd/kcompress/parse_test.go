package main

import "testing"

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "1": 1, "500000": 500000, "500kB": 500000, "500KB": 500000, "2MB": 2000000, "1.5 MB": 1500000, "3KiB": 3072, "1GiB": 1 << 30, "7B": 7} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("parseSize(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"0", "-1", "0.5", "x", "kB", "1TB2", "NaN", "Inf", "1e30", "1e300GB", " "} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("parseSize(%q) = %d, want an error", text, got)
		}
	}
}

func TestParseShare(t *testing.T) {
	for text, want := range map[string]float64{"": 0, "0.5%": 0.005, "0.02": 0.02, "100%": 1, "2": 2} {
		if got, err := parseShare(text); err != nil || got < want-1e-12 || got > want+1e-12 {
			t.Errorf("parseShare(%q) = %g, %v, want %g", text, got, err, want)
		}
	}
	for _, text := range []string{"0", "-1%", "x", "%", "NaN", "Inf", "1e9"} {
		if got, err := parseShare(text); err == nil {
			t.Errorf("parseShare(%q) = %g, want an error", text, got)
		}
	}
}

// Outputs of a model go into the folder that the user named, whatever the model
// calls them.
func TestSafeNameStaysInTheFolder(t *testing.T) {
	for in, want := range map[string]string{"logits": "logits", "../../etc/passwd": ".._.._etc_passwd", "..": "output__", ".": "output_", "": "output", `a\b:c`: "a_b_c", "x/y.1": "x_y.1"} {
		if got := safeName(in); got != want {
			t.Errorf("safeName(%q) = %q, want %q", in, got, want)
		}
	}
}
