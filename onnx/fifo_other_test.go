//go:build !unix

package onnx

import "errors"

func makeFIFO(string) error { return errors.ErrUnsupported }
