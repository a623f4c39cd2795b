package gemm

// int8Height is the largest height of an integer tile.
const int8Height = 6

// int8TileGeneric computes some panels of strips of some rows: an exact product
// of integers, wrapped to 32 bits.
func int8TileGeneric(dst []int32, dstStride int, a []int16, aStride int, b []int8, panelStride, rows, panels, steps, strips int) {
	for i := range rows * strips {
		x := a[i*aStride:][:steps*int8Steps]
		for panel := range panels {
			values, y := b[panel*panelStride:][:len(x)*panelWidth], dst[i*dstStride+panel*panelWidth:][:panelWidth]
			for j := range y {
				sum := int32(0)
				for p, v := range x {
					sum += int32(v) * int32(values[(p/int8Steps*panelWidth+j)*int8Steps+p%int8Steps])
				}
				y[j] = sum
			}
		}
	}
}
