//go:build !unix

package onnx

import "io/fs"

// openWithoutWaiting is not needed here: opening a file never waits.
const openWithoutWaiting = 0

// linkCount can not be told here.
func linkCount(fs.FileInfo) int { return 1 }
