// Package choose picks, for every layer, one of its candidates, so that a goal
// is met with the least predicted loss.
package choose

import (
	"math"
	"sort"

	"github.com/kcompress/kcompress/kernels/butterfly"
)

// Method names the kind of a candidate.
type Method string

// The kinds of candidates.
const (
	Dense        Method = "dense" // kept, in the form of --weights
	Chain        Method = "chain"
	LowRank      Method = "low-rank"
	Kaleidoscope Method = "kaleidoscope"
)

// Candidate is one way to store a layer.
type Candidate struct {
	Method Method
	// Chain is nil for a layer that stays dense.
	Chain *butterfly.Chain
	// Parameters and Bytes are what it takes in the file.
	Parameters, Bytes int
	// Error is the relative error of the layer's output on calibration data
	// (of the weight itself without data).
	Error float64
	// BlindError is the relative error of the weight itself.
	BlindError float64
	// Work is the predicted time in dense multiply-adds, see Work.
	Work int
	// Nanoseconds is the measured time for the rows of one sample; 0 if it was
	// not measured.
	Nanoseconds int
}

// Ladder is the candidates of one layer. The first stays dense.
type Ladder struct {
	Name       string
	Candidates []Candidate
	// Sensitivity is the loss of the whole model for each squared relative
	// error of this layer.
	Sensitivity float64
}

// Cost says what a budget counts.
type Cost int

// What a budget counts.
const (
	ByParameters Cost = iota
	ByBytes
	ByTime
)

func (c Candidate) cost(by Cost) int {
	switch by {
	case ByParameters:
		return c.Parameters
	case ByTime:
		return c.Nanoseconds
	}
	return c.Bytes
}

// factorOverhead is what each factor of a chain costs beside its multiply-adds,
// in multiply-adds for one input: reading and writing the state between
// factors. It is a model and no measurement, so that the choice is the same on
// every machine and at every moment; the report has the measured times.
const factorOverhead = 512

// Work predicts the time of a chain of this design in multiply-adds.
func Work(d butterfly.Design) int {
	n := 0
	for _, p := range d.Patterns {
		n += p.Values() + factorOverhead + 2*(p.Rows()+p.Columns())
	}
	return n
}

// Path returns selections, from everything dense to everything smallest, that
// each have the least predicted loss for their cost: the steps on the lower
// convex hulls of all layers, the cheapest loss for each cost saved first. A
// selection holds the index of a candidate for each ladder.
func Path(ladders []Ladder, by Cost) [][]int {
	type move struct {
		layer, to int
		slope     float64
	}
	var moves []move
	for i, l := range ladders {
		hull := lowerHull(l, by)
		for j := 1; j < len(hull); j++ {
			a, b := l.Candidates[hull[j-1]], l.Candidates[hull[j]]
			slope := l.Sensitivity * (b.Error*b.Error - a.Error*a.Error) / float64(a.cost(by)-b.cost(by))
			moves = append(moves, move{i, hull[j], slope})
		}
	}
	sort.SliceStable(moves, func(i, j int) bool { return moves[i].slope < moves[j].slope })
	current := make([]int, len(ladders))
	path := [][]int{append([]int(nil), current...)}
	for _, m := range moves {
		current[m.layer] = m.to
		path = append(path, append([]int(nil), current...))
	}
	return path
}

// lowerHull returns the candidates of a layer on the lower convex hull of
// squared error over cost, from the first (dense) to the cheapest.
func lowerHull(l Ladder, by Cost) []int {
	order := make([]int, 0, len(l.Candidates))
	for i := 1; i < len(l.Candidates); i++ {
		if l.Candidates[i].cost(by) < l.Candidates[0].cost(by) {
			order = append(order, i)
		}
	}
	sort.SliceStable(order, func(i, j int) bool {
		a, b := l.Candidates[order[i]], l.Candidates[order[j]]
		if a.cost(by) != b.cost(by) {
			return a.cost(by) > b.cost(by)
		}
		return a.Error < b.Error
	})
	hull := []int{0}
	loss := func(i int) float64 { return l.Candidates[i].Error * l.Candidates[i].Error }
	slope := func(i, j int) float64 {
		saved := l.Candidates[i].cost(by) - l.Candidates[j].cost(by)
		if saved <= 0 {
			return math.Inf(1)
		}
		return (loss(j) - loss(i)) / float64(saved)
	}
	for _, c := range order {
		for len(hull) > 1 && slope(hull[len(hull)-1], c) <= slope(hull[len(hull)-2], hull[len(hull)-1]) {
			hull = hull[:len(hull)-1]
		}
		if !math.IsInf(slope(hull[len(hull)-1], c), 1) {
			hull = append(hull, c)
		}
	}
	return hull
}

// Total returns the cost of a selection.
func Total(ladders []Ladder, selection []int, by Cost) int {
	n := 0
	for i, l := range ladders {
		n += l.Candidates[selection[i]].cost(by)
	}
	return n
}

// Loss returns the predicted loss of a selection: layers are taken to add up.
func Loss(ladders []Ladder, selection []int) float64 {
	sum := 0.0
	for i, l := range ladders {
		e := l.Candidates[selection[i]].Error
		sum += l.Sensitivity * e * e
	}
	return sum
}

// UnderBudget returns the first selection of the path whose cost is at most
// the budget, improved by moving single layers back up where the budget still
// allows it; ok is false if even the last one costs more, which is then what
// it returns.
func UnderBudget(ladders []Ladder, path [][]int, by Cost, budget int) (selection []int, ok bool) {
	for _, s := range path {
		if Total(ladders, s, by) <= budget {
			return refill(ladders, append([]int(nil), s...), by, budget), true
		}
	}
	return path[len(path)-1], false
}

// refill spends what is left of a budget on the moves that lower the predicted
// loss most.
func refill(ladders []Ladder, selection []int, by Cost, budget int) []int {
	left := budget - Total(ladders, selection, by)
	for {
		layer, to, best := -1, 0, 0.0
		for i, l := range ladders {
			now := l.Candidates[selection[i]]
			for j, c := range l.Candidates {
				if c.cost(by)-now.cost(by) > left {
					continue
				}
				gain := l.Sensitivity * (now.Error*now.Error - c.Error*c.Error)
				if gain > best {
					layer, to, best = i, j, gain
				}
			}
		}
		if layer < 0 {
			return selection
		}
		left -= ladders[layer].Candidates[to].cost(by) - ladders[layer].Candidates[selection[layer]].cost(by)
		selection[layer] = to
	}
}
