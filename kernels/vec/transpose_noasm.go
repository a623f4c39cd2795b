//go:build !amd64 || noasm

package vec

func transpose(dst []uint32, dstStride int, src []uint32, srcStride, rows, columns int) {
	transposeGeneric(dst, dstStride, src, srcStride, rows, columns)
}
