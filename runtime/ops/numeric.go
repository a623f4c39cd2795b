package ops

// signed are the Go types of the signed integer element types.
type signed interface {
	int8 | int16 | int32 | int64
}

// unsigned are the Go types of the unsigned integer element types.
type unsigned interface {
	uint8 | uint16 | uint32 | uint64
}

// integer are the Go types of the integer element types.
type integer interface{ signed | unsigned }

// float are the Go types of the float element types that Go computes with.
type float interface{ float32 | float64 }

// number are the Go types of the numeric element types.
type number interface{ integer | float }

// truth returns 1 for true and 0 for false.
func truth[T number](b bool) T {
	if b {
		return 1
	}
	return 0
}
