package vec

import (
	"fmt"
	"unsafe"
)

// Word is any type of 4 bytes that is only moved.
type Word interface{ ~float32 | ~int32 | ~uint32 }

// Transpose sets dst, [columns, rows], to the transpose of src, [rows,
// columns], both row-major without gaps. dst must not overlap src.
func Transpose[T Word](dst, src []T, rows, columns int) {
	TransposeStrided(dst, rows, src, columns, rows, columns)
}

// TransposeStrided is Transpose with distances between the rows of dst
// (dstStride >= rows) and of src (srcStride >= columns), in elements. It leaves
// what lies between the rows of dst alone.
func TransposeStrided[T Word](dst []T, dstStride int, src []T, srcStride, rows, columns int) {
	if rows <= 0 || columns <= 0 {
		return
	}
	checkMatrix("dst", len(dst), dstStride, columns, rows)
	checkMatrix("src", len(src), srcStride, rows, columns)
	transpose(words(dst), dstStride, words(src), srcStride, rows, columns)
}

// words returns the same memory as unsigned integers, whose bits nothing
// changes on the way (a float register may quieten a NaN).
func words[T Word](x []T) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// checkMatrix panics unless rows x columns values with the given stride fit
// into a slice of the given length.
func checkMatrix(name string, length, stride, rows, columns int) {
	if stride < columns || (length-columns)/stride < rows-1 || length < columns {
		panic(fmt.Sprintf("vec.Transpose: %s: %d elements cannot hold %d x %d with stride %d", name, length, rows, columns, stride))
	}
}
