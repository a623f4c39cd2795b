//go:build (!amd64 && !arm64) || noasm

package cpu

const hasVNNI = false

// detect returns the only level without assembly.
func detect() []Level { return []Level{Generic} }
