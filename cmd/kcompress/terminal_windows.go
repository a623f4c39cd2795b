package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// terminalColumns returns the width of a console window.
func terminalColumns(f *os.File) (columns int, isTerminal bool) {
	var info windows.ConsoleScreenBufferInfo
	if windows.GetConsoleScreenBufferInfo(windows.Handle(f.Fd()), &info) != nil {
		return 0, false
	}
	return int(info.Window.Right-info.Window.Left) + 1, true
}
