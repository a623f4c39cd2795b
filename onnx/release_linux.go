package onnx

import "syscall"

// releasePages gives the pages of a read-only mapping of a file back. An error
// leaves them where they are.
func releasePages(pages []byte) { _ = syscall.Madvise(pages, syscall.MADV_DONTNEED) }
