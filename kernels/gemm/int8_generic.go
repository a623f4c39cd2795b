package gemm

// int8Height is the largest height of an integer tile without VNNI.
const int8Height = 6

// int8TileGeneric computes some panels of strips of some rows: an exact product
// of integers, wrapped to 32 bits.
func int8TileGeneric(dst []int32, dstStride int, a []int16, aStride int, b []int8, panelStride, rows, panels, steps, strips int) {
	for i := range rows * strips {
		x := a[i*aStride:][:steps*int8Steps]
		for panel := range panels {
			y := dst[i*dstStride+panel*panelWidth:][:panelWidth]
			clear(y)
			for step := range steps {
				x := x[step*int8Steps:][:int8Steps]
				values := b[panel*panelStride+step*panelWidth*int8Steps:][:panelWidth*int8Steps]
				for j := range y {
					w := values[j*int8Steps:][:int8Steps]
					y[j] += int32(x[0])*int32(w[0]) + int32(x[1])*int32(w[1]) + int32(x[2])*int32(w[2]) + int32(x[3])*int32(w[3])
				}
			}
		}
	}
}
