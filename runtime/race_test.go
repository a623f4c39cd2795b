//go:build race

package runtime_test

// raceDetector tells that the tests run under it: sync.Pool then forgets at
// random what it is given, so that allocations can not be counted.
const raceDetector = true
