//go:build unix

package onnx

import (
	"io/fs"
	"syscall"
)

// openWithoutWaiting makes opening a FIFO return at once.
const openWithoutWaiting = syscall.O_NONBLOCK

// linkCount returns the number of names of a file.
func linkCount(info fs.FileInfo) int {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Nlink)
	}
	return 1
}
