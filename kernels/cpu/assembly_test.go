package cpu

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// Registers 16 to 31 exist with AVX-512 only. A generator that runs out of
	// registers takes them without a word, and the tests pass where AVX-512 is.
	highRegister = regexp.MustCompile(`\b([XYZ](1[6-9]|2[0-9]|3[01])|Z[0-9]+|K[0-7])\b`)
	function     = regexp.MustCompile(`^TEXT ·(\w+)`)
)

// TestAssembly goes through the amd64 assembly of all kernel packages.
func TestAssembly(t *testing.T) {
	files, err := filepath.Glob("../*/*_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no assembly found beside this package")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		checkAssembly(t, file, strings.Split(string(text), "\n"))
	}
}

func checkAssembly(t *testing.T, file string, lines []string) {
	name, previous := "", ""
	for number, line := range lines {
		code, _, _ := strings.Cut(line, "//")
		if m := function.FindStringSubmatch(code); m != nil {
			name = m[1]
		}
		code = strings.TrimSpace(code)
		if !strings.HasSuffix(name, "AVX512") {
			if register := highRegister.FindString(code); register != "" {
				t.Errorf("%s:%d: %s uses %s, which needs AVX-512", file, number+1, name, register)
			}
		}
		if code == "RET" && previous != "VZEROUPPER" {
			t.Errorf("%s:%d: %s returns without VZEROUPPER", file, number+1, name)
		}
		if code != "" {
			previous = code
		}
	}
}
