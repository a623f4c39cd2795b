//go:build !unix && !windows

package main

import "os"

// terminalColumns knows no terminals on this system.
func terminalColumns(*os.File) (columns int, isTerminal bool) { return 0, false }
