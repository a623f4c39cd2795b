package main

import (
	"fmt"
	"strconv"

	"github.com/kcompress/kcompress/fit"
)

// parseDistil reads a number of steps, auto or off.
func parseDistil(text string) (int, error) {
	switch text {
	case "off":
		return 0, nil
	case "auto":
		return fit.DistilAuto, nil
	}
	steps, err := strconv.Atoi(text)
	if err != nil || steps < 1 || steps > 1e9 {
		return 0, fmt.Errorf("%q is neither auto, off nor a number of steps", text)
	}
	return steps, nil
}
