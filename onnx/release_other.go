//go:build !linux

package onnx

func releasePages([]byte) {}
