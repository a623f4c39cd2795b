package onnx

import (
	"fmt"
	"io"
	"os"

	mmap "github.com/edsrzf/mmap-go"
)

// mapFrom is the size in bytes from which files are mapped: reading a small
// file is as fast and leaves nothing behind.
const mapFrom = 256 << 10

// readModelFile returns the contents of a regular file, mapped or read.
func readModelFile(path string, inMemory bool) ([]byte, error) {
	// Opening a FIFO would wait for a writer.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fail(ErrUnsupported, "not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return contents(f, inMemory)
}

// contents returns the contents of an open regular file, mapped if it is big.
// A mapping is never undone: nobody knows how long tensors refer to it.
func contents(f *os.File, inMemory bool) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fail(ErrUnsupported, "not a regular file")
	}
	size := int(info.Size())
	if !inMemory && size >= mapFrom {
		m, err := mmap.Map(f, mmap.RDONLY, 0)
		if err != nil {
			return nil, fmt.Errorf("mapping %d bytes: %w", size, err)
		}
		return m, nil
	}
	data := AlignedBytes(size)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("reading %d bytes: %w", size, err)
	}
	return data, nil
}
