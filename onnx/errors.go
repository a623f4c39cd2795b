package onnx

import (
	"errors"
	"fmt"
	"strings"
)

// The kinds of errors that reading and checking give; see Error.
var (
	// ErrMalformed: the bytes are not what the format says.
	ErrMalformed = errors.New("malformed")
	// ErrInvalid: a well-formed model that breaks a rule of the standard.
	ErrInvalid = errors.New("invalid model")
	// ErrLimit: more nesting or memory than the limits allow.
	ErrLimit = errors.New("limit exceeded")
	// ErrExternalData: a tensor stored outside the file can not be read.
	ErrExternalData = errors.New("external data")
	// ErrUnsupported: valid, but not handled here.
	ErrUnsupported = errors.New("not supported")
)

// Error is an error about a model. It says where it is: File, Node with its
// operator Op, and Value, a value, tensor, attribute or function; each may be
// empty. Remedy says what to do about it, where that is known. Err is one of
// the kinds above or wraps one.
type Error struct {
	File   string
	Node   string
	Op     string
	Value  string
	Reason string
	Remedy string
	Err    error
}

// Error returns one line with all that is known.
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File + ": ")
	}
	if e.Node != "" || e.Op != "" {
		b.WriteString("node " + e.Node)
		if e.Op != "" {
			b.WriteString(" (" + e.Op + ")")
		}
		b.WriteString(": ")
	}
	if e.Value != "" {
		fmt.Fprintf(&b, "%q: ", e.Value)
	}
	switch {
	case e.Err != nil && e.Reason != "":
		b.WriteString(e.Err.Error() + ": " + e.Reason)
	case e.Err != nil:
		b.WriteString(e.Err.Error())
	default:
		b.WriteString(e.Reason)
	}
	if e.Remedy != "" {
		b.WriteString("; " + e.Remedy)
	}
	return b.String()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// fail returns an Error of a kind with a formatted reason.
func fail(kind error, format string, args ...any) *Error {
	return &Error{Err: kind, Reason: fmt.Sprintf(format, args...)}
}

// inValue adds to err the value that it is about, unless it names one.
func inValue(err error, name string) error {
	var e *Error
	if errors.As(err, &e) && e.Value == "" {
		e.Value = name
	}
	return err
}

// inNode adds to err the node that it is about, unless it names one.
func inNode(err error, n *Node) error {
	var e *Error
	if errors.As(err, &e) && e.Node == "" {
		e.Node, e.Op = n.label(), n.Op
	}
	return err
}

// inFile adds the file to err, which becomes an Error if it is none.
func inFile(err error, path string) error {
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		return &Error{File: path, Err: err}
	}
	if e.File == "" {
		e.File = path
	}
	return err
}

// label names the node in messages: its name, or what it computes.
func (n *Node) label() string {
	if n.Name != "" {
		return fmt.Sprintf("%q", n.Name)
	}
	for _, out := range n.Outputs {
		if out != "" {
			return fmt.Sprintf("without a name, output %q", out)
		}
	}
	return "without a name or output"
}
