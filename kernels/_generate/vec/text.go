package main

import "strings"

// replace puts the operands into a Go expression with $x and $y.
func replace(expression, x, y string) string {
	return strings.NewReplacer("$x", x, "$y", y).Replace(expression)
}

// title returns s with its first letter in upper case.
func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
