package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// readLines returns the lines of a file without the last line's end.
func readLines(path string) ([]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n"), nil
}

// readIDs returns the first limit sentences of a file, all if limit is 0. Token
// ids are separated by spaces and less than vocabulary.
func readIDs(path string, vocabulary, limit int) ([][]int64, error) {
	lines, err := readLines(path)
	if err != nil {
		return nil, err
	}
	if limit > 0 && limit < len(lines) {
		lines = lines[:limit]
	}
	sentences := make([][]int64, len(lines))
	for i, line := range lines {
		for _, field := range strings.Fields(line) {
			id, err := strconv.ParseInt(field, 10, 64)
			if err != nil || id < 0 || id >= int64(vocabulary) {
				return nil, fmt.Errorf("%s: line %d: %q is not a token id from 0 to %d", path, i+1, field, vocabulary-1)
			}
			sentences[i] = append(sentences[i], id)
		}
	}
	return sentences, nil
}

// join returns the text of tokens, given the text of every piece: U+2581 stands for
// a space.
func join(tokens []int64, pieces []string) (string, error) {
	var text strings.Builder
	for _, id := range tokens {
		if id >= int64(len(pieces)) {
			return "", fmt.Errorf("there is no line for token %d", id)
		}
		text.WriteString(pieces[id])
	}
	return strings.TrimSpace(strings.ReplaceAll(text.String(), "\u2581", " ")), nil
}
