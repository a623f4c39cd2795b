package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

func compileAll(patterns []string) ([]*regexp.Regexp, error) {
	var all []*regexp.Regexp
	for _, pattern := range patterns {
		re, err := regexp.Compile(pattern)
		if err != nil {
			return nil, err
		}
		all = append(all, re)
	}
	return all, nil
}

// parseSize reads a number of bytes with an optional unit.
func parseSize(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	units := []struct {
		suffix string
		factor float64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1}}
	for _, u := range units {
		if number, ok := strings.CutSuffix(text, u.suffix); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			if err != nil || !(n*u.factor >= 1) || n*u.factor > 1<<60 {
				return 0, fmt.Errorf("%q is no size: write 500000, 500kB or 2MB", text)
			}
			return int64(n * u.factor), nil
		}
	}
	return 0, fmt.Errorf("%q is no size", text)
}

// parseShare reads a share such as 0.005 or 0.5%.
func parseShare(text string) (float64, error) {
	if text == "" {
		return 0, nil
	}
	number, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v > 0) || v > 1e6 {
		return 0, fmt.Errorf("%q is no share: write 0.005 or 0.5%%", text)
	}
	return v, nil
}
