package butterfly

import "fmt"

// Limits keep every size computed from a valid design within an int32, so
// that products neither overflow nor ask for absurd memory.
const (
	// MaxSide is the largest number of rows or columns of a factor.
	MaxSide = 1 << 24
	// MaxValues is the largest number of stored values of a design.
	MaxValues = 1 << 28
	// MaxFactors is the largest number of factors of a design.
	MaxFactors = 1024
)

// Pattern (a,b,c,d) is the Kronecker-sparse support I_a x 1_(b x c) x I_d
// (arXiv 2405.15013): a matrix of a*b*d rows and a*c*d columns made of a*d
// dense blocks of b rows and c columns. Block (i,l), with 0 <= i < a and
// 0 <= l < d, reads the inputs (i*c+q)*d+l and writes the outputs (i*b+p)*d+l.
//
// The paper's butterfly factor of size n and stride s is (n/(2s), 2, 2, s).
// With a = 0 it is a gather of b rows out of c columns; see gather.go.
type Pattern struct{ A, B, C, D int }

// Rows is the number of outputs, A*B*D.
func (p Pattern) Rows() int {
	if p.IsGather() {
		return p.B
	}
	return p.A * p.B * p.D
}

// Columns is the number of inputs, A*C*D.
func (p Pattern) Columns() int {
	if p.IsGather() {
		return p.C
	}
	return p.A * p.C * p.D
}

// Values is the number of stored values, A*B*C*D, and none for a gather.
func (p Pattern) Values() int { return p.A * p.B * p.C * p.D }

// Blocks is the number of dense blocks, A*D.
func (p Pattern) Blocks() int { return p.A * p.D }

// Transposed is the pattern of the transposed matrix.
func (p Pattern) Transposed() Pattern { return Pattern{p.A, p.C, p.B, p.D} }

// String writes the pattern as AxBxCxD.
func (p Pattern) String() string { return fmt.Sprintf("%dx%dx%dx%d", p.A, p.B, p.C, p.D) }

// Validate reports a size that is not positive, or a product that exceeds
// MaxSide or MaxValues.
func (p Pattern) Validate() error {
	if p.IsGather() {
		return p.validateGather()
	}
	if p.A < 1 || p.B < 1 || p.C < 1 || p.D < 1 {
		return fmt.Errorf("pattern %v: sizes must be positive", p)
	}
	if _, ok := product(MaxSide, p.A, p.B, p.D); !ok {
		return fmt.Errorf("pattern %v: more than %d rows", p, MaxSide)
	}
	if _, ok := product(MaxSide, p.A, p.C, p.D); !ok {
		return fmt.Errorf("pattern %v: more than %d columns", p, MaxSide)
	}
	if _, ok := product(MaxValues, p.A, p.B, p.C, p.D); !ok {
		return fmt.Errorf("pattern %v: more than %d values", p, MaxValues)
	}
	return nil
}

// product multiplies positive sizes; ok is false if the result exceeds limit.
func product(limit int, sizes ...int) (result int, ok bool) {
	result = 1
	for _, size := range sizes {
		if size > limit/result {
			return 0, false
		}
		result *= size
	}
	return result, true
}
