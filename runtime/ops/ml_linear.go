package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// mlLinearOps are linear models and support vector machines.
var mlLinearOps = []Operator{
	{Domain: mlDomain, Name: "LinearRegressor", MinInputs: 1, MaxInputs: 1, Build: buildLinearRegressor},
	{Domain: mlDomain, Name: "LinearClassifier", MinInputs: 1, MaxInputs: 1, Build: buildLinearClassifier},
	{Domain: mlDomain, Name: "SVMRegressor", MinInputs: 1, MaxInputs: 1, Build: buildSVMRegressor},
	{Domain: mlDomain, Name: "SVMClassifier", MinInputs: 1, MaxInputs: 1, Build: buildSVMClassifier},
}

// featureRows checks that input 0 is [N,C] or [C] with numbers and returns its
// sizes and how to read it.
func featureRows(c *Call) (rows, columns int, read func(i int) float64, err error) {
	x := c.Tensor(0)
	if x.Rank() < 1 || x.Rank() > 2 {
		return 0, 0, nil, c.ShapeError(0, "[N,C] or [C]")
	}
	rows, columns = 1, x.Shape[x.Rank()-1]
	if x.Rank() == 2 {
		rows = x.Shape[0]
	}
	if read, err = numberReader(x); err != nil {
		return 0, 0, nil, c.TypeError(0)
	}
	return rows, columns, read, nil
}

// linearModel computes scores = coefficients * row + intercepts.
type linearModel struct {
	coefficients, intercepts []float32
	targets                  int
}

func (l *linearModel) check(columns int) error {
	if len(l.coefficients) != l.targets*columns {
		return fmt.Errorf("%d coefficients for %d features and %d targets", len(l.coefficients), columns, l.targets)
	}
	return nil
}

// row sets the scores of the features that read gives from position at on.
func (l *linearModel) row(scores []float64, read func(i int) float64, at, columns int) {
	for t := range scores {
		sum := 0.0
		if len(l.intercepts) > 0 {
			sum = float64(l.intercepts[t])
		}
		for i, w := range l.coefficients[t*columns : (t+1)*columns] {
			sum += float64(w) * read(at+i)
		}
		scores[t] = sum
	}
}

func newLinear(n *Node, targets int) (*linearModel, error) {
	l := &linearModel{n.Floats("coefficients"), n.Floats("intercepts"), targets}
	if targets < 1 || targets > onnx.MaxElements {
		return nil, fmt.Errorf("%d targets", targets)
	}
	if len(l.intercepts) != 0 && len(l.intercepts) != targets {
		return nil, fmt.Errorf("%d intercepts for %d targets", len(l.intercepts), targets)
	}
	// The product in check must not wrap around.
	if targets > len(l.coefficients) {
		return nil, fmt.Errorf("%d coefficients for %d targets", len(l.coefficients), targets)
	}
	return l, n.Err()
}

func buildLinearRegressor(n *Node) (Kernel, error) {
	l, err := newLinear(n, n.Int("targets", 1))
	if err != nil {
		return nil, err
	}
	transform, err := transformAttr(n)
	return func(c *Call) error {
		rows, columns, read, err := featureRows(c)
		if err != nil {
			return err
		}
		if err := l.check(columns); err != nil {
			return err
		}
		y, err := c.Output(0, onnx.Float32, rows, l.targets)
		if err != nil {
			return err
		}
		scores := make([]float64, l.targets)
		for r := range rows {
			l.row(scores, read, r*columns, columns)
			postTransform(transform, scores)
			for i, v := range scores {
				y.Float32s()[r*l.targets+i] = float32(v)
			}
		}
		return nil
	}, err
}

// buildLinearClassifier has one set of coefficients for each class, or a single
// one for the second of two classes.
func buildLinearClassifier(n *Node) (Kernel, error) {
	labels, err := classLabels(n, "classlabels_ints")
	if err != nil {
		return nil, err
	}
	targets := len(n.Floats("intercepts"))
	if targets == 0 {
		targets = labels.Len()
	}
	l, err := newLinear(n, targets)
	if err != nil {
		return nil, err
	}
	binary := targets == 1 && labels.Len() == 2
	if !binary && targets != labels.Len() {
		return nil, fmt.Errorf("%d classlabels for %d scores", labels.Len(), targets)
	}
	transform, err := transformAttr(n)
	return func(c *Call) error {
		rows, columns, read, err := featureRows(c)
		if err != nil {
			return err
		}
		if err := l.check(columns); err != nil {
			return err
		}
		out, err := newClassifierOutputs(c, labels, rows, labels.Len())
		if err != nil {
			return err
		}
		scores := make([]float64, l.targets)
		for r := range rows {
			l.row(scores, read, r*columns, columns)
			if binary {
				label := 0
				if scores[0] > 0 {
					label = 1
				}
				pair := binaryScores(scores[0], true, transform)
				out.set(r, label, pair[:])
				continue
			}
			label := argmaxOf(scores)
			postTransform(transform, scores)
			out.set(r, label, scores)
		}
		return nil
	}, err
}
