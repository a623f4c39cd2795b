package onnx

import (
	"container/heap"
	"strings"
)

// Sort puts the nodes of g into topological order, by their inputs and by the
// outer values that their subgraphs read. Nodes that may come next keep their
// order, and a sorted graph stays as it is. It fails on a cycle, naming its
// nodes. Subgraphs are not sorted.
func (g *Graph) Sort() error {
	sorted, err := sortNodes(g.Nodes)
	if err != nil {
		return err
	}
	g.Nodes = sorted
	return nil
}

// Captured returns the names of the values that g reads and does not define:
// those that a subgraph takes from the graphs around it. Each is named once, in
// the order of first use.
func (g *Graph) Captured() []string {
	defined := map[string]bool{"": true}
	for _, v := range g.Inputs {
		defined[v.Name] = true
	}
	for _, t := range g.Initializers {
		defined[t.Name] = true
	}
	for _, n := range g.Nodes {
		for _, out := range n.Outputs {
			defined[out] = true
		}
	}
	var captured []string
	read := func(name string) {
		if !defined[name] {
			defined[name] = true
			captured = append(captured, name)
		}
	}
	for _, n := range g.Nodes {
		n.reads(read)
	}
	for _, v := range g.Outputs {
		read(v.Name)
	}
	return captured
}

// Subgraphs returns the graphs in the attributes of n.
func (n *Node) Subgraphs() []*Graph {
	var graphs []*Graph
	for i := range n.Attrs {
		if g := n.Attrs[i].Graph; g != nil {
			graphs = append(graphs, g)
		}
		graphs = append(graphs, n.Attrs[i].Graphs...)
	}
	return graphs
}

// reads calls read with the name of every value that n reads, those that its
// subgraphs capture included.
func (n *Node) reads(read func(name string)) {
	for _, in := range n.Inputs {
		if in != "" {
			read(in)
		}
	}
	for _, g := range n.Subgraphs() {
		for _, name := range g.Captured() {
			read(name)
		}
	}
}

// sortNodes returns nodes in topological order, the slice itself if it is so.
func sortNodes(nodes []*Node) ([]*Node, error) {
	producer := make(map[string]int, len(nodes))
	for i, n := range nodes {
		for _, out := range n.Outputs {
			if out != "" {
				producer[out] = i
			}
		}
	}
	sorted := true
	users := make([][]int, len(nodes)) // the nodes that read what a node makes
	missing := make([]int, len(nodes)) // how many inputs of a node are not made yet
	for i, n := range nodes {
		n.reads(func(name string) {
			if p, ok := producer[name]; ok {
				users[p] = append(users[p], i)
				missing[i]++
				sorted = sorted && p < i
			}
		})
	}
	if sorted {
		return nodes, nil
	}
	var ready indexHeap
	for i, m := range missing {
		if m == 0 {
			ready = append(ready, i)
		}
	}
	order := make([]*Node, 0, len(nodes))
	for len(ready) > 0 {
		i := heap.Pop(&ready).(int)
		order = append(order, nodes[i])
		for _, u := range users[i] {
			if missing[u]--; missing[u] == 0 {
				heap.Push(&ready, u)
			}
		}
	}
	if len(order) < len(nodes) {
		return nil, cycleError(nodes, users, missing)
	}
	return order, nil
}

// cycleError names the nodes of one cycle among those that still miss inputs.
func cycleError(nodes []*Node, users [][]int, missing []int) error {
	// Every node left has a producer that is left: walking back along
	// producers must come to a node for the second time.
	back := make([]int, len(nodes))
	at := -1
	for i, list := range users {
		if missing[i] == 0 {
			continue
		}
		for _, u := range list {
			back[u] = i
			at = u
		}
	}
	seen := make([]bool, len(nodes))
	for !seen[at] {
		seen[at] = true
		at = back[at]
	}
	const most = 8 // enough to find the place
	labels := []string{nodes[at].label()}
	for i := back[at]; i != at; i = back[i] {
		if len(labels) == most {
			labels = append(labels, "...")
			break
		}
		labels = append(labels, nodes[i].label())
	}
	return &Error{Node: nodes[at].label(), Op: nodes[at].Op, Err: ErrInvalid,
		Reason: "the nodes need each other's outputs, in a cycle: " + strings.Join(labels, ", ")}
}

// indexHeap is a heap of node indices, the smallest first.
type indexHeap []int

func (h indexHeap) Len() int           { return len(h) }
func (h indexHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h indexHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *indexHeap) Push(x any)        { *h = append(*h, x.(int)) }
func (h *indexHeap) Pop() any {
	old := *h
	i := old[len(old)-1]
	*h = old[:len(old)-1]
	return i
}
