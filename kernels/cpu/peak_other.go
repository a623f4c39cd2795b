//go:build !amd64 || noasm

package cpu

func multiplyAdds(Level) (run func(turns int), numbers int) { return multiplyAddsGeneric, peakSums }
