package choose

import (
	"testing"

	"pgregory.net/rapid"
)

// drawLadders makes a few layers with random candidates.
func drawLadders(t *rapid.T) []Ladder {
	n := rapid.IntRange(1, 4).Draw(t, "layers")
	ladders := make([]Ladder, n)
	for i := range ladders {
		ladders[i].Sensitivity = rapid.Float64Range(0.1, 10).Draw(t, "sensitivity")
		ladders[i].Candidates = []Candidate{{Method: Dense, Parameters: 1000, Bytes: 1000}}
		for range rapid.IntRange(0, 4).Draw(t, "candidates") {
			size := rapid.IntRange(1, 1200).Draw(t, "size")
			ladders[i].Candidates = append(ladders[i].Candidates, Candidate{
				Method: Chain, Parameters: size, Bytes: size,
				Error: rapid.Float64Range(0.01, 1).Draw(t, "error"),
			})
		}
	}
	return ladders
}

// every calls f with all selections.
func every(ladders []Ladder, f func([]int)) {
	selection := make([]int, len(ladders))
	var visit func(int)
	visit = func(i int) {
		if i == len(ladders) {
			f(selection)
			return
		}
		for j := range ladders[i].Candidates {
			selection[i] = j
			visit(i + 1)
		}
	}
	visit(0)
}

// TestPathIsOptimal compares each selection of the path with all others that
// cost no more.
func TestPathIsOptimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ladders := drawLadders(t)
		for _, by := range []Cost{ByParameters, ByBytes} {
			for _, s := range Path(ladders, by) {
				cost, loss := Total(ladders, s, by), Loss(ladders, s)
				every(ladders, func(other []int) {
					if Total(ladders, other, by) <= cost && Loss(ladders, other) < loss-1e-9 {
						t.Fatalf("selection %v has loss %g at cost %d, but %v has %g at %d", s, loss, cost, other, Loss(ladders, other), Total(ladders, other, by))
					}
				})
			}
		}
	})
}

func TestUnderBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ladders := drawLadders(t)
		budget := rapid.IntRange(0, 4000).Draw(t, "budget")
		s, ok := UnderBudget(ladders, Path(ladders, ByBytes), ByBytes, budget)
		cheapest := -1
		every(ladders, func(other []int) {
			if c := Total(ladders, other, ByBytes); cheapest < 0 || c < cheapest {
				cheapest = c
			}
		})
		if ok != (cheapest <= budget) {
			t.Fatalf("budget %d met: %v, but the cheapest selection costs %d", budget, ok, cheapest)
		}
		if ok && Total(ladders, s, ByBytes) > budget {
			t.Fatalf("selection %v costs %d, over the budget of %d", s, Total(ladders, s, ByBytes), budget)
		}
	})
}
