// Package factorise fits one chain of butterfly factors to one dense layer.
//
// Given the weight W [Out, In] of a layer and the second moment S = E[x x'] of
// its inputs, it looks for the chain K of a given design with the least
//
//	||(W - K) R||_F,  R R' = S + ridge,
//
// which is the mean squared error of the layer's output on the calibration
// data. Without data S is the identity and the error is the Frobenius norm.
//
// A [Problem] is prepared once for a layer (root.go) and is then asked for
// as many designs as wanted:
//
//   - [Problem.LowRank] is the activation-weighted singular value
//     decomposition of SVD-LLM (arXiv 2403.07378), optimal for its rank
//     (lowrank.go);
//   - [Problem.Fit] starts from a hierarchical factorisation (arXiv 2110.01230
//     and 2411.04506; hierarchy.go, start.go) and improves it by Adam (adam.go,
//     descent.go).
//
// Adam sees a few columns of R at a time. They are mixed by a random
// orthogonal matrix first, which changes no error but makes every column a
// fair sample of all inputs, so a step costs a fraction of a full one and the
// gradient stays unbiased.
//
// Everything is a pure function of the layer, the design, the options and the
// level of the CPU: there is no global state, and work is split in the same
// way for any number of threads, so the result has the same bits.
package factorise
