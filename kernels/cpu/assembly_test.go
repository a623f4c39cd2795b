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
	highRegister   = regexp.MustCompile(`\b([XYZ](1[6-9]|2[0-9]|3[01])|Z[0-9]+|K[0-7])\b`)
	wideRegister   = regexp.MustCompile(`\b[YZ][0-9]+\b`)
	narrowRegister = regexp.MustCompile(`\bX[0-9]+\b`)
	function       = regexp.MustCompile(`^TEXT ·(\w+)`)
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
	name := ""
	dirty := false // the upper halves of registers may hold values
	for number, line := range lines {
		code, _, _ := strings.Cut(line, "//")
		if m := function.FindStringSubmatch(code); m != nil {
			name, dirty = m[1], false
		}
		complain := func(what string) { t.Errorf("%s:%d: %s: %s", file, number+1, name, what) }
		code = strings.TrimSpace(code)
		if register := highRegister.FindString(code); register != "" && !strings.HasSuffix(name, "AVX512") {
			complain(register + " needs AVX-512")
		}
		switch {
		case wideRegister.MatchString(code):
			dirty = true
		case code == "VZEROUPPER":
			dirty = false
		case code == "RET" && dirty:
			complain("returns without VZEROUPPER")
		case narrowRegister.MatchString(code) && !strings.HasPrefix(code, "V") && dirty:
			complain("SSE instruction before VZEROUPPER, which is slow: " + code)
		}
	}
}
