package onnxgo

import (
	"fmt"

	"gonum.org/v1/gonum/graph"
)

// firstID is the ID of the first node. It is larger than the number of inputs
// of any model: see Node.
const firstID = 1 << 32

// Node returns the node with the given ID, nil if there is none.
//
// Numbers below the number of inputs are no IDs: they give the inputs that need
// a value, in the order of the file. The method SetInput of onnx-go's Model
// calls Node(i) where it means the i-th input, which are the same in other
// backends only if the inputs with an initializer come last.
func (b *Backend) Node(id int64) graph.Node {
	if id >= 0 && id < firstID {
		inputs := b.roles().inputs
		if id >= int64(len(inputs)) {
			return nil
		}
		return b.nodes[inputs[id].first]
	}
	return b.graph.Node(id)
}

// NewNode returns a new node with an ID of its own. It is part of the graph
// once it is given to AddNode.
func (b *Backend) NewNode() graph.Node {
	position := len(b.nodes)
	n := &Node{backend: b, id: firstID + int64(position)}
	n.value = &value{name: fmt.Sprintf("#%d", position), first: position, last: position}
	b.nodes = append(b.nodes, n)
	return n
}

// AddNode adds a node made by NewNode of this backend. Others, and a second
// call for one node, make Run fail.
func (b *Backend) AddNode(n graph.Node) {
	own := b.own(n)
	if own == nil {
		return
	}
	if own.added {
		b.fail(fmt.Errorf("node %q was added twice", own.value.name))
		return
	}
	b.changed()
	own.added = true
	b.values[own.value.name] = own.value
	b.graph.AddNode(own)
}

// NewWeightedEdge returns an edge that says that the value of from is computed
// from that of to, which is input number weight of the operator, from 0.
func (b *Backend) NewWeightedEdge(from, to graph.Node, weight float64) graph.WeightedEdge {
	return b.graph.NewWeightedEdge(from, to, weight)
}

// SetWeightedEdge adds e to the graph and, if they are new, its nodes. Between
// two nodes the graph keeps the last edge only; ApplyOperation takes all of
// them into account.
func (b *Backend) SetWeightedEdge(e graph.WeightedEdge) {
	b.decoding = false
	from, to := b.own(e.From()), b.own(e.To())
	if from == nil || to == nil {
		return
	}
	for _, n := range []*Node{from, to} {
		if !n.added {
			b.AddNode(n)
		}
	}
	if from != to { // a graph of gonum has no such edges
		b.graph.SetWeightedEdge(e)
	}
	b.edges = append(b.edges, edge{from.value, to.value, e.Weight()})
}

// own returns n as a node of this backend, or nil after noting the mistake.
func (b *Backend) own(n graph.Node) *Node {
	own, ok := n.(*Node)
	if !ok || own == nil || own.backend != b {
		b.fail(fmt.Errorf("the graph was given a node of another graph (%T)", n))
		return nil
	}
	return own
}

// fail notes the first mistake in building the graph, which Run reports.
func (b *Backend) fail(err error) {
	if b.failure == nil {
		b.failure = err
	}
}

// Nodes returns all nodes of the graph.
func (b *Backend) Nodes() graph.Nodes { return b.graph.Nodes() }

// From returns the nodes that the node with the given ID is computed from.
func (b *Backend) From(id int64) graph.Nodes { return b.graph.From(id) }

// To returns the nodes that are computed from the node with the given ID.
func (b *Backend) To(id int64) graph.Nodes { return b.graph.To(id) }

// HasEdgeBetween reports whether there is an edge between two nodes in either
// direction.
func (b *Backend) HasEdgeBetween(xid, yid int64) bool { return b.graph.HasEdgeBetween(xid, yid) }

// HasEdgeFromTo reports whether u is computed from v.
func (b *Backend) HasEdgeFromTo(uid, vid int64) bool { return b.graph.HasEdgeFromTo(uid, vid) }

// Edge returns the edge from u to v, nil if there is none.
func (b *Backend) Edge(uid, vid int64) graph.Edge { return b.graph.Edge(uid, vid) }
