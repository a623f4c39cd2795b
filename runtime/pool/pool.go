// Package pool is the thread pool of the runtime and the fitter.
package pool

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Pool runs loops on a fixed number of threads. The zero value and nil run
// everything on the caller's. A Pool may be used by many goroutines at once
// and from inside its own loops.
type Pool struct {
	threads int
	jobs    chan *job
	close   sync.Once
}

// New returns a pool of the given number of threads, the caller's included;
// 0 or less means one per CPU that Go may use. Close releases its workers.
func New(threads int) *Pool {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	p := &Pool{threads: threads}
	if threads == 1 {
		return p
	}
	p.jobs = make(chan *job, threads-1)
	for range threads - 1 {
		go work(p.jobs)
	}
	return p
}

// Threads returns the number of threads, at least 1.
func (p *Pool) Threads() int {
	if p == nil || p.threads == 0 {
		return 1
	}
	return p.threads
}

// Close ends the workers. Loops must not be running.
func (p *Pool) Close() {
	if p != nil && p.jobs != nil {
		p.close.Do(func() { close(p.jobs) })
	}
}

// For calls body(from, to) for consecutive ranges that cover 0 to n-1, each of
// at most grain indices. The ranges depend on n and grain only, never on the
// number of threads: a body that reduces within a range gives the same bits on
// any machine. It returns when all ranges are done; a panic in body is raised
// again in the caller, as a *Panic if it happened in the loop of several threads.
func (p *Pool) For(n, grain int, body func(from, to int)) {
	if n <= 0 {
		return
	}
	grain = max(grain, 1)
	ranges := (n + grain - 1) / grain
	if ranges == 1 || p.Threads() == 1 {
		for from := 0; from < n; from += grain {
			body(from, min(from+grain, n))
		}
		return
	}
	j := &job{n: n, grain: grain, ranges: ranges, body: body}
	j.done.Add(ranges)
	for range min(ranges, p.threads) - 1 {
		select {
		case p.jobs <- j:
			continue
		default: // every worker is busy: the caller does the rest
		}
		break
	}
	j.run()
	j.done.Wait()
	if r := j.panicked.Load(); r != nil {
		panic(*r)
	}
}

// Panic is what For raises in the caller if a body panicked on another thread.
type Panic struct {
	Value any
	// Stack is where it happened.
	Stack []byte
}

// Error makes a Panic readable where it is printed.
func (p *Panic) Error() string { return fmt.Sprintf("%v\n%s", p.Value, p.Stack) }

// job is one loop that several threads work on.
type job struct {
	n, grain, ranges int
	body             func(from, to int)
	next             atomic.Int64
	done             sync.WaitGroup
	panicked         atomic.Pointer[any]
}

func work(jobs <-chan *job) {
	for j := range jobs {
		j.run()
	}
}

func (j *job) run() {
	for {
		i := int(j.next.Add(1)) - 1
		if i >= j.ranges {
			return
		}
		j.one(i)
	}
}

func (j *job) one(i int) {
	defer j.done.Done()
	defer func() {
		if r := recover(); r != nil {
			var what any = &Panic{Value: r, Stack: debug.Stack()}
			j.panicked.CompareAndSwap(nil, &what)
		}
	}()
	j.body(i*j.grain, min((i+1)*j.grain, j.n))
}
