package butterfly

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Design says which factors a chain has, without their values. Patterns are
// in the order in which they are applied to an input. An input of In features
// is padded with zeros up to the columns of the first pattern, and the result
// is cut to its first Out features.
type Design struct {
	In, Out  int
	Patterns []Pattern
}

// Validate reports sizes that are not positive, neighbouring patterns that do
// not fit each other, and sizes over the limits of this package.
func (d Design) Validate() error {
	if d.In < 1 || d.Out < 1 {
		return fmt.Errorf("design: %d inputs and %d outputs must be positive", d.In, d.Out)
	}
	if len(d.Patterns) == 0 {
		return errors.New("design: no patterns")
	}
	if len(d.Patterns) > MaxFactors {
		return fmt.Errorf("design: %d patterns, at most %d are allowed", len(d.Patterns), MaxFactors)
	}
	values := 0
	for i, p := range d.Patterns {
		if err := p.Validate(); err != nil {
			return fmt.Errorf("design, factor %d: %w", i, err)
		}
		if i > 0 && !follows(p, d.Patterns[i-1]) {
			return fmt.Errorf("design: factor %d (%v) has %d columns but factor %d (%v) has %d rows",
				i, p, p.Columns(), i-1, d.Patterns[i-1], d.Patterns[i-1].Rows())
		}
		values += p.Values()
		if values > MaxValues {
			return fmt.Errorf("design: more than %d values", MaxValues)
		}
	}
	if columns := d.Patterns[0].Columns(); d.In > columns {
		return fmt.Errorf("design: %d inputs but the first factor has %d columns", d.In, columns)
	}
	if rows := d.Patterns[len(d.Patterns)-1].Rows(); d.Out > rows {
		return fmt.Errorf("design: %d outputs but the last factor has %d rows", d.Out, rows)
	}
	return nil
}

// follows reports whether p may come after another pattern: a gather takes
// zeros for the columns that are missing.
func follows(p, previous Pattern) bool {
	missing := p.Columns() - previous.Rows()
	return missing == 0 || missing > 0 && p.IsGather()
}

// Values is the number of values stored by a chain of this design.
func (d Design) Values() int {
	values := 0
	for _, p := range d.Patterns {
		values += p.Values()
	}
	return values
}

// Flops is the number of floating-point operations for one input vector: a
// multiplication and an addition for each value.
func (d Design) Flops() int { return 2 * d.Values() }

// LargestState is the largest number of features before, between and after
// the factors.
func (d Design) LargestState() int {
	largest := 0
	for _, p := range d.Patterns {
		largest = max(largest, p.Columns(), p.Rows())
	}
	return largest
}

// separator stands between the patterns of a printed design.
const separator = "·"

// String writes the design as its patterns, first applied first, such as
// "1x32x32x32·32x32x32x1". In and Out stand before them, as "500>10:", where
// they differ from the columns of the first and the rows of the last pattern.
// ParseDesign reads it back.
func (d Design) String() string {
	var b strings.Builder
	if n := len(d.Patterns); n == 0 || d.In != d.Patterns[0].Columns() || d.Out != d.Patterns[n-1].Rows() {
		fmt.Fprintf(&b, "%d>%d:", d.In, d.Out)
	}
	for i, p := range d.Patterns {
		if i > 0 {
			b.WriteString(separator)
		}
		b.WriteString(p.String())
	}
	return b.String()
}

// ParseDesign reads what Design.String writes and validates it. A '.' or ','
// is taken in place of the '·' between patterns.
func ParseDesign(text string) (Design, error) {
	if len(text) > 64*MaxFactors {
		return Design{}, fmt.Errorf("design: text of %d bytes is too long", len(text))
	}
	sizes, list, hasSizes := strings.Cut(text, ":")
	if !hasSizes {
		list = text
	}
	fields := strings.FieldsFunc(list, func(r rune) bool { return r == '·' || r == '.' || r == ',' })
	var d Design
	for _, field := range fields {
		p, err := parsePattern(field)
		if err != nil {
			return Design{}, err
		}
		d.Patterns = append(d.Patterns, p)
	}
	if err := d.setSides(sizes, hasSizes); err != nil {
		return Design{}, err
	}
	if err := d.Validate(); err != nil {
		return Design{}, err
	}
	return d, nil
}

// setSides reads "in>out", or takes both from the patterns if sizes are absent.
func (d *Design) setSides(sizes string, present bool) error {
	if len(d.Patterns) == 0 {
		return errors.New("design: no patterns")
	}
	if !present {
		d.In, d.Out = d.Patterns[0].Columns(), d.Patterns[len(d.Patterns)-1].Rows()
		return nil
	}
	in, out, ok := strings.Cut(sizes, ">")
	if !ok {
		return fmt.Errorf("design: %q before ':' is not of the form in>out", sizes)
	}
	var err error
	if d.In, err = parseSize(in); err != nil {
		return err
	}
	d.Out, err = parseSize(out)
	return err
}

func parsePattern(text string) (Pattern, error) {
	parts := strings.Split(text, "x")
	if len(parts) != 4 {
		return Pattern{}, fmt.Errorf("design: %q is not of the form AxBxCxD", text)
	}
	var sizes [4]int
	for i, part := range parts {
		size, err := parseSize(part)
		if err != nil && part != "0" {
			return Pattern{}, err
		}
		sizes[i] = size
	}
	p := Pattern{sizes[0], sizes[1], sizes[2], sizes[3]}
	return p, p.Validate()
}

func parseSize(text string) (int, error) {
	size, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || size < 1 || size > MaxValues {
		return 0, fmt.Errorf("design: %q is not a size between 1 and %d", text, MaxValues)
	}
	return size, nil
}
