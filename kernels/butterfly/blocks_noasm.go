//go:build (!amd64 && !arm64) || noasm

package butterfly

func multiply(dst, src, values []float32, p Pattern, width int, transposed bool) {
	multiplyGeneric(dst, src, values, p, width, transposed)
}

func narrowTiles() bool { return true }
