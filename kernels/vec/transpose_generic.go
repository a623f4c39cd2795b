package vec

// transposeGeneric walks over tiles that fit in the first cache.
func transposeGeneric(dst []uint32, dstStride int, src []uint32, srcStride, rows, columns int) {
	const tile = 32
	for i := 0; i < rows; i += tile {
		for j := 0; j < columns; j += tile {
			transposeTile(dst[j*dstStride+i:], dstStride, src[i*srcStride+j:], srcStride,
				min(tile, rows-i), min(tile, columns-j))
		}
	}
}

func transposeTile(dst []uint32, dstStride int, src []uint32, srcStride, rows, columns int) {
	for j := range columns {
		to := dst[j*dstStride:][:rows]
		for i := range to {
			to[i] = src[i*srcStride+j]
		}
	}
}
