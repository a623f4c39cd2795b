package gemm

// tileGeneric computes rows x strips rows of count panels of dst. It defines
// what tile does at every level, up to the rounding of a step.
func tileGeneric(dst []float32, dstStride int, a []float32, aStride int, b panels, rows, count, k, strips int, accumulate bool) {
	for i := range rows * strips {
		for j := 0; j < count*panelWidth; j += 4 {
			four := b.data[j/panelWidth*b.panelStride+j%panelWidth:]
			fourSums(dst[i*dstStride+j:][:4], a[i*aStride:][:k], four, b.rowStride, accumulate)
		}
	}
}

// fourSums computes four neighbours of one row of dst. Each product is rounded
// before it is added, also where the compiler could fuse the two.
func fourSums(dst, a, b []float32, bStride int, accumulate bool) {
	var s0, s1, s2, s3 float32
	if accumulate {
		s0, s1, s2, s3 = dst[0], dst[1], dst[2], dst[3]
	}
	for p, x := range a {
		row := b[p*bStride:][:4]
		s0 += float32(x * row[0])
		s1 += float32(x * row[1])
		s2 += float32(x * row[2])
		s3 += float32(x * row[3])
	}
	dst[0], dst[1], dst[2], dst[3] = s0, s1, s2, s3
}
