// Package butterfly holds K-matrices: chains of sparse factors whose supports
// are Kronecker products, their designs (which factors a chain has), the
// product of a chain with activations and the gradients of that product.
//
// The butterfly factors of the Kaleidoscope paper (arXiv 2012.14966,
// Definitions 2.1 to 2.4), Monarch matrices, low-rank products and rectangular
// or mixed-radix variants of them are all chains of one factor type; see
// [Pattern]. A newcomer should read pattern.go, design.go and chain.go, in
// this order; everything else works on these three types.
//
// Files ending in _generic.go are plain Go: they define what the assembly
// beside them computes and are the oracle of its tests. Levels of package cpu
// differ in rounding alone: a sum of n products is within n+1 rounding units
// of float32, relative to the sum of the magnitudes, twice that at the generic
// level. Within a level a result does not depend on how the work is split.
package butterfly
