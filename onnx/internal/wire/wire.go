// Package wire checks encoded ONNX messages before they are decoded.
//
// The protobuf decoder takes memory as it goes: two bytes of file can become
// a node of some hundred bytes, and nesting costs stack. Scan walks the same
// bytes first without allocating anything.
package wire

import (
	"errors"
	"fmt"
)

// The reasons for which Scan refuses a message.
var (
	// ErrTruncated: a length or number runs past the end of its message.
	ErrTruncated = errors.New("truncated or not a protobuf message")
	// ErrDepth: messages are nested deeper than the limit.
	ErrDepth = errors.New("messages are nested too deeply")
	// ErrCost: decoding would take more memory than the limit.
	ErrCost = errors.New("decoding would take too much memory for a file of this size")
	// ErrWireType: a group, or a wire type that protobuf does not have.
	ErrWireType = errors.New("unknown wire type or group")
)

// Costs in bytes of memory, rounded up, slices that grow by doubling and the
// types of package onnx included.
const (
	messageFactor = 2  // decoded message and its counterpart in package onnx
	messageCost   = 64 // pointers to it, allocation overhead
	plainCost     = 40 // string header twice, allocation overhead
	plainFactor   = 3  // copies of the bytes of a string or unknown field
	scalarCost    = 16 // an allocated scalar, or an element of a growing slice
)

// Limits bounds what Scan accepts.
type Limits struct {
	// Depth is the deepest nesting of messages, 1 for a message without any
	// inside.
	Depth int
	// Cost is the most memory that decoding may take, in bytes.
	Cost int
}

// Scan checks that data is a well-formed message of type m within the limits
// and returns an upper estimate of the memory that decoding takes, aliased
// tensor data apart.
func Scan(data []byte, m Message, limits Limits) (cost int, err error) {
	s := scanner{limits: limits}
	err = s.message(data, m, 1)
	return s.cost, err
}

type scanner struct {
	limits Limits
	cost   int
}

// spend adds n bytes to the cost.
func (s *scanner) spend(n int) error {
	if s.cost += n; s.cost > s.limits.Cost || s.cost < 0 {
		return fmt.Errorf("%w: more than %d bytes", ErrCost, s.limits.Cost)
	}
	return nil
}

func (s *scanner) message(data []byte, m Message, depth int) error {
	if depth > s.limits.Depth {
		return fmt.Errorf("%w: more than %d levels", ErrDepth, s.limits.Depth)
	}
	if err := s.spend(messageFactor*int(schema[m].size) + messageCost); err != nil {
		return err
	}
	for len(data) > 0 {
		tag, n := varint(data)
		if n == 0 || tag>>3 == 0 || tag>>3 > 1<<29-1 {
			return ErrTruncated
		}
		data = data[n:]
		var f field
		if number := tag >> 3; number <= maxField {
			f = schema[m].fields[number]
		}
		size, err := s.field(data, f, byte(tag&7), depth)
		if err != nil {
			return err
		}
		data = data[size:]
	}
	return nil
}

// field checks the field at the start of data, which follows its tag, and
// returns its size.
func (s *scanner) field(data []byte, f field, wireType byte, depth int) (int, error) {
	size := 0
	switch wireType {
	case 0:
		if _, size = varint(data); size == 0 {
			return 0, ErrTruncated
		}
	case 1:
		size = 8
	case 5:
		size = 4
	case 2:
		length, n := varint(data)
		if n == 0 || length > uint64(len(data)-n) {
			return 0, ErrTruncated
		}
		size = n + int(length)
		return size, s.content(data[n:size], f, depth)
	default:
		return 0, fmt.Errorf("%w %d", ErrWireType, wireType)
	}
	if size > len(data) {
		return 0, ErrTruncated
	}
	return size, s.spend(scalarCost)
}

// content checks the content of a length-delimited field.
func (s *scanner) content(data []byte, f field, depth int) error {
	switch f.kind {
	case nested:
		return s.message(data, f.msg, depth+1)
	case aliased:
		return s.spend(plainCost)
	case packedVarint:
		return s.spend(plainCost + scalarCost*countVarints(data))
	case packedFixed:
		return s.spend(plainCost + 2*len(data))
	}
	return s.spend(plainCost + plainFactor*len(data))
}

// countVarints returns the number of varints in data: one ends at every byte
// below 0x80.
func countVarints(data []byte) int {
	n := 0
	for _, b := range data {
		if b < 0x80 {
			n++
		}
	}
	return n
}

// varint decodes the number at the start of data and returns its size, 0 where
// there is none.
func varint(data []byte) (v uint64, size int) {
	for i, b := range data {
		if i == 10 || i == 9 && b > 1 {
			return 0, 0
		}
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}
