package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// magic starts every .npy file. Two bytes with the version follow, then the
// length of the header and the header, a Python dictionary such as
//
//	{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
const magic = "\x93NUMPY"

// maxHeader bounds the length of the header, in bytes; NumPy itself refuses
// more than 10000.
const maxHeader = 1 << 16

// header says what the data of a .npy file are.
type header struct {
	descr   string
	fortran bool
	shape   []int
}

var errHeader = errors.New("not a .npy header")

// readHeader reads up to the start of the data.
func readHeader(r io.Reader) (header, error) {
	var start [len(magic) + 2]byte
	if _, err := io.ReadFull(r, start[:]); err != nil || string(start[:len(magic)]) != magic {
		return header{}, fmt.Errorf("npy: not a .npy file: it does not start with \\x93NUMPY")
	}
	length := 0
	switch version := start[len(magic)]; version {
	case 1:
		var b [2]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return header{}, fmt.Errorf("npy: %w: %w", errHeader, err)
		}
		length = int(binary.LittleEndian.Uint16(b[:]))
	case 2, 3:
		var b [4]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return header{}, fmt.Errorf("npy: %w: %w", errHeader, err)
		}
		length = int(min(binary.LittleEndian.Uint32(b[:]), maxHeader+1))
	default:
		return header{}, fmt.Errorf("npy: format version %d is not known", version)
	}
	if length > maxHeader {
		return header{}, fmt.Errorf("npy: %w: longer than %d bytes", errHeader, maxHeader)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return header{}, fmt.Errorf("npy: %w: %w", errHeader, err)
	}
	h, err := parseHeader(string(text))
	if err != nil {
		return header{}, fmt.Errorf("npy: %w", err)
	}
	return h, nil
}

// parseHeader parses the dictionary, which must have exactly the three keys
// that the format defines.
func parseHeader(text string) (header, error) {
	var h header
	seen := map[string]bool{}
	p := parser{text}
	p.expect("{")
	for !p.accept("}") {
		key := p.quoted()
		p.expect(":")
		switch key {
		case "descr":
			if p.next("[") {
				return h, errors.New("arrays of records are not supported; save each field as an array of its own")
			}
			h.descr = p.quoted()
		case "fortran_order":
			h.fortran = p.boolean()
		case "shape":
			h.shape = p.tuple()
		default:
			return h, fmt.Errorf("%w: key %q", errHeader, key)
		}
		if seen[key] {
			return h, fmt.Errorf("%w: key %q is given twice", errHeader, key)
		}
		seen[key] = true
		if p.failed() || !p.accept(",") && !p.next("}") {
			return h, errHeader
		}
	}
	if p.failed() || strings.TrimSpace(p.rest) != "" || len(seen) != 3 {
		return h, errHeader
	}
	return h, nil
}

// parser reads the few forms of Python literals that headers have. After an
// error nothing matches any more.
type parser struct{ rest string }

// broken is a rest that nothing matches.
const broken = "\x00"

func (p *parser) failed() bool { return p.rest == broken }

func (p *parser) fail() { p.rest = broken }

func (p *parser) next(token string) bool {
	p.rest = strings.TrimLeft(p.rest, " \n")
	return strings.HasPrefix(p.rest, token)
}

func (p *parser) accept(token string) bool {
	if !p.next(token) {
		return false
	}
	p.rest = p.rest[len(token):]
	return true
}

func (p *parser) expect(token string) {
	if !p.accept(token) {
		p.fail()
	}
}

// quoted reads a string without escapes.
func (p *parser) quoted() string {
	for _, quote := range []string{"'", `"`} {
		if p.accept(quote) {
			s, rest, ok := strings.Cut(p.rest, quote)
			if !ok || strings.Contains(s, `\`) {
				break
			}
			p.rest = rest
			return s
		}
	}
	p.fail()
	return ""
}

func (p *parser) boolean() bool {
	if p.accept("True") {
		return true
	}
	p.expect("False")
	return false
}

// tuple reads a tuple of sizes. Python 2 wrote long integers with an L.
func (p *parser) tuple() []int {
	p.expect("(")
	sizes := []int{}
	for !p.accept(")") {
		p.next("")
		digits := 0
		for digits < len(p.rest) && p.rest[digits] >= '0' && p.rest[digits] <= '9' {
			digits++
		}
		n, err := strconv.Atoi(p.rest[:digits])
		if err != nil {
			p.fail()
			return nil
		}
		p.rest = p.rest[digits:]
		p.accept("L")
		sizes = append(sizes, n)
		if !p.accept(",") && !p.next(")") {
			p.fail()
			return nil
		}
	}
	return sizes
}

// formatHeader returns the start of a .npy file up to its data, which begins at
// a multiple of 64 bytes.
func formatHeader(descr string, shape []int) []byte {
	sizes := make([]string, len(shape))
	for i, n := range shape {
		sizes[i] = strconv.Itoa(n)
	}
	tuple := strings.Join(sizes, ", ")
	if len(shape) == 1 {
		tuple += ","
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, tuple)
	version, lengthSize := byte(1), 2
	if len(text)+64 > 1<<16-1 {
		version, lengthSize = 2, 4
	}
	before := len(magic) + 2 + lengthSize
	padding := 63 - (before+len(text))%64
	text += strings.Repeat(" ", padding) + "\n"
	b := append([]byte(magic), version, 0)
	if version == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
	}
	return append(b, text...)
}
