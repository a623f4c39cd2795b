//go:build (!amd64 && !arm64) || noasm

package butterfly

import "github.com/kcompress/kcompress/kernels/cpu"

func rowKernelsFor(cpu.Level) rowKernels { return rowKernels{} }
