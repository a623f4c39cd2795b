package main

import (
	"runtime"
	"sync"
)

// parallel splits the range 0..n into one part per CPU and waits for all of them.
func parallel(n int, part func(from, to int)) {
	parts := min(runtime.GOMAXPROCS(0), n)
	var done sync.WaitGroup
	for i := range parts {
		done.Go(func() { part(i*n/parts, (i+1)*n/parts) })
	}
	done.Wait()
}
