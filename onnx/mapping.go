package onnx

import (
	"fmt"
	"io"
	"os"
	"sync"
	"unsafe"

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
		mappings.add(m)
		return m, nil
	}
	data := AlignedBytes(size)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("reading %d bytes: %w", size, err)
	}
	return data, nil
}

// mappings are the mappings of this process, which are never undone.
var mappings mappingList

type mappingList struct {
	mutex sync.Mutex
	list  [][]byte
}

func (l *mappingList) add(m []byte) {
	l.mutex.Lock()
	l.list = append(l.list, m)
	l.mutex.Unlock()
}

// around returns the mapping that a slice lies in, nil if it lies in none.
func (l *mappingList) around(part []byte) []byte {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	at := uintptr(unsafe.Pointer(unsafe.SliceData(part)))
	for _, m := range l.list {
		if start := uintptr(unsafe.Pointer(unsafe.SliceData(m))); at >= start && at+uintptr(len(part)) <= start+uintptr(len(m)) {
			return m
		}
	}
	return nil
}

// ReleasePages tells the operating system that the elements of t are not needed
// for now, where they lie in a mapped file: they are read again when they are.
// It does nothing for tensors in other memory and on systems that know no such
// advice.
func (t *Tensor) ReleasePages() {
	if len(t.raw) < mapFrom {
		return
	}
	m := mappings.around(t.raw)
	if m == nil {
		return
	}
	// Whole pages only: the rest belongs to others. Mappings begin at a page.
	page := os.Getpagesize()
	from := int(uintptr(unsafe.Pointer(unsafe.SliceData(t.raw))) - uintptr(unsafe.Pointer(unsafe.SliceData(m))))
	to := (from + len(t.raw)) / page * page
	if from = (from + page - 1) / page * page; from < to {
		releasePages(m[from:to])
	}
}
