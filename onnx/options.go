package onnx

// Option changes how Load and Decode read.
type Option func(*readOptions)

type readOptions struct {
	dir       string
	hasDir    bool
	inMemory  bool
	hardLinks bool
	structure int
	sparse    int
	depth     int
}

// The limits that hold unless an option says otherwise.
const (
	// maxDepth is the nesting of messages that protobuf libraries allow.
	maxDepth = 100
	// A file may take structureBase bytes of memory and structureFactor
	// bytes for each of its own, tensor data that is not copied apart.
	structureBase   = 16 << 20
	structureFactor = 64
	// The sparse tensors of a file may take sparseBase bytes once they are
	// expanded, and sparseFactor bytes for each byte of the file.
	sparseBase   = 64 << 20
	sparseFactor = 16
)

func newReadOptions(opts []Option) readOptions {
	o := readOptions{structure: -1, sparse: -1, depth: maxDepth}
	for _, f := range opts {
		f(&o)
	}
	return o
}

// structureLimit returns the memory in bytes that decoding a file of the given
// size may take.
func (o *readOptions) structureLimit(size int) int {
	if o.structure >= 0 {
		return o.structure
	}
	return structureBase + structureFactor*size
}

// sparseLimit returns the bytes that the expanded sparse tensors of a file of
// the given size may have.
func (o *readOptions) sparseLimit(size int) int {
	if o.sparse >= 0 {
		return o.sparse
	}
	return sparseBase + sparseFactor*size
}

// WithDir names the folder that external data lies in. Load takes the folder
// of the model unless told otherwise; Decode refuses external data without it.
func WithDir(dir string) Option {
	return func(o *readOptions) { o.dir, o.hasDir = dir, true }
}

// InMemory makes Load read files instead of mapping them, so that they may
// change or be replaced afterwards.
func InMemory() Option { return func(o *readOptions) { o.inMemory = true } }

// AllowHardLinks accepts files of external data that have more than one name.
// They are refused otherwise: the other name may be a file of someone else.
func AllowHardLinks() Option { return func(o *readOptions) { o.hardLinks = true } }

// WithStructureLimit sets the most memory in bytes that decoding may take,
// tensor data that is not copied apart: 16 MiB and 64 times the size of the
// file unless set.
func WithStructureLimit(bytes int) Option { return func(o *readOptions) { o.structure = bytes } }

// WithSparseLimit sets the most bytes that the sparse tensors of a file may
// have together once they are expanded: 64 MiB and 16 times the size of the
// file unless set.
func WithSparseLimit(bytes int) Option { return func(o *readOptions) { o.sparse = bytes } }
