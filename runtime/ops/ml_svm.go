package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// svm holds what the two support vector machines have in common.
type svm struct {
	kernel              string
	gamma, coef0, power float64
	vectors             []float32
	count               int // number of support vectors
	coefficients, rho   []float32
}

func newSVM(n *Node, count int) (*svm, error) {
	s := &svm{kernel: n.Text("kernel_type", "LINEAR"), vectors: n.Floats("support_vectors"), count: count,
		coefficients: n.Floats("coefficients"), rho: n.Floats("rho")}
	switch s.kernel {
	case "LINEAR", "POLY", "RBF", "SIGMOID":
	default:
		return nil, fmt.Errorf("kernel_type %q is not one of LINEAR, POLY, RBF, SIGMOID", s.kernel)
	}
	if p := n.Floats("kernel_params"); len(p) >= 3 {
		s.gamma, s.coef0, s.power = float64(p[0]), float64(p[1]), float64(p[2])
	} else if len(p) != 0 {
		return nil, fmt.Errorf("kernel_params has %d entries, expected 3", len(p))
	}
	if count < 0 || count > len(s.vectors) && count > 0 {
		return nil, fmt.Errorf("%d support vectors of %d numbers", count, len(s.vectors))
	}
	return s, n.Err()
}

// similarity is the kernel function of a row and a vector.
func (s *svm) similarity(read func(i int) float64, at int, vector []float32) float64 {
	sum := 0.0
	for i, v := range vector {
		x := read(at + i)
		if s.kernel == "RBF" {
			sum += (x - float64(v)) * (x - float64(v))
		} else {
			sum += x * float64(v)
		}
	}
	switch s.kernel {
	case "POLY":
		return math.Pow(s.gamma*sum+s.coef0, s.power)
	case "SIGMOID":
		return math.Tanh(s.gamma*sum + s.coef0)
	case "RBF":
		return math.Exp(-s.gamma * sum)
	}
	return sum
}

// similarities sets the kernel function of a row and each support vector.
func (s *svm) similarities(to []float64, read func(i int) float64, at, columns int) {
	for v := range to {
		to[v] = s.similarity(read, at, s.vectors[v*columns:(v+1)*columns])
	}
}

func (s *svm) checkColumns(columns int) error {
	if s.count > 0 && len(s.vectors) != s.count*columns {
		return fmt.Errorf("%d support vectors of %d numbers for %d features", s.count, len(s.vectors), columns)
	}
	return nil
}

// buildSVMRegressor computes the sum of coefficients times similarities plus
// rho; without support vectors the coefficients are those of a linear model.
func buildSVMRegressor(n *Node) (Kernel, error) {
	s, err := newSVM(n, n.Int("n_supports", 0))
	if err != nil {
		return nil, err
	}
	if len(s.rho) < 1 || s.count > 0 && len(s.coefficients) != s.count {
		return nil, fmt.Errorf("%d rho and %d coefficients for %d support vectors", len(s.rho), len(s.coefficients), s.count)
	}
	oneClass := n.Bool("one_class", false)
	transform, err := transformAttr(n)
	return func(c *Call) error {
		rows, columns, read, err := featureRows(c)
		if err != nil {
			return err
		}
		if err := s.checkColumns(columns); err != nil {
			return err
		}
		if s.count == 0 && len(s.coefficients) != columns {
			return fmt.Errorf("%d coefficients for %d features", len(s.coefficients), columns)
		}
		y, err := c.Output(0, onnx.Float32, rows, 1)
		if err != nil {
			return err
		}
		near := make([]float64, s.count)
		for r := range rows {
			score := []float64{float64(s.rho[0])}
			if s.count == 0 {
				score[0] += s.similarity(read, r*columns, s.coefficients)
			}
			s.similarities(near, read, r*columns, columns)
			for i, k := range near {
				score[0] += k * float64(s.coefficients[i])
			}
			if oneClass {
				score[0] = math.Copysign(1, score[0])
			}
			postTransform(transform, score)
			y.Float32s()[r] = float32(score[0])
		}
		return nil
	}, err
}

// svmClassifier decides between every pair of classes (libsvm's C-SVC), or has
// one linear function for each class if there are no support vectors.
type svmClassifier struct {
	svm
	labels       *onnx.Tensor
	classes      int
	perClass     []int
	first        []int // the first support vector of each class
	probA, probB []float32
	transform    string
}

func buildSVMClassifier(n *Node) (Kernel, error) {
	labels, err := classLabels(n, "classlabels_ints")
	if err != nil {
		return nil, err
	}
	s := &svmClassifier{labels: labels, classes: labels.Len(), perClass: n.Ints("vectors_per_class"), probA: n.Floats("prob_a"), probB: n.Floats("prob_b")}
	count := 0
	for _, v := range s.perClass {
		if v < 0 || v > onnx.MaxElements {
			return nil, fmt.Errorf("vectors_per_class holds %d", v)
		}
		s.first = append(s.first, count)
		count += v
	}
	base, err := newSVM(n, count)
	if err != nil {
		return nil, err
	}
	s.svm = *base
	if s.transform, err = transformAttr(n); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return s.run, n.Err()
}

// check compares the lengths of the attributes.
func (s *svmClassifier) check() error {
	if s.classes < 2 {
		return fmt.Errorf("%d classes", s.classes)
	}
	pairs := s.classes * (s.classes - 1) / 2
	if s.count == 0 {
		if len(s.rho) < 1 || len(s.coefficients)%s.classes != 0 {
			return fmt.Errorf("%d rho and %d coefficients for %d classes", len(s.rho), len(s.coefficients), s.classes)
		}
		return nil
	}
	if len(s.perClass) != s.classes || len(s.coefficients) != (s.classes-1)*s.count || len(s.rho) != pairs {
		return fmt.Errorf("%d vectors_per_class, %d coefficients and %d rho for %d classes", len(s.perClass), len(s.coefficients), len(s.rho), s.classes)
	}
	if len(s.probA) != 0 && (len(s.probA) != pairs || len(s.probB) != pairs) {
		return fmt.Errorf("%d prob_a and %d prob_b for %d pairs of classes", len(s.probA), len(s.probB), pairs)
	}
	return nil
}

// width returns the number of scores of a row.
func (s *svmClassifier) width() int {
	pairs := s.classes * (s.classes - 1) / 2
	if s.count == 0 || len(s.probA) > 0 || pairs == 1 {
		return s.classes
	}
	return pairs
}

func (s *svmClassifier) run(c *Call) error {
	rows, columns, read, err := featureRows(c)
	if err != nil {
		return err
	}
	if err := s.checkColumns(columns); err != nil {
		return err
	}
	if s.count == 0 && len(s.coefficients) != s.classes*columns {
		return fmt.Errorf("%d coefficients for %d features and %d classes", len(s.coefficients), columns, s.classes)
	}
	out, err := newClassifierOutputs(c, s.labels, rows, s.width())
	if err != nil {
		return err
	}
	near := make([]float64, s.count)
	for r := range rows {
		if s.count == 0 {
			scores := make([]float64, s.classes)
			for k := range scores {
				scores[k] = s.similarity(read, r*columns, s.coefficients[k*columns:(k+1)*columns]) + float64(s.rho[0])
			}
			label := argmaxOf(scores)
			postTransform(s.transform, scores)
			out.set(r, label, scores)
			continue
		}
		s.similarities(near, read, r*columns, columns)
		label, scores := s.classify(near)
		out.set(r, label, scores)
	}
	return nil
}

// classify decides between all pairs of classes: the label is the class with
// the most votes, also where the scores are probabilities.
func (s *svmClassifier) classify(near []float64) (label int, scores []float64) {
	votes := make([]float64, s.classes)
	for i := range s.classes {
		for j := i + 1; j < s.classes; j++ {
			sum := float64(s.rho[len(scores)])
			for k := range s.perClass[i] {
				sum += float64(s.coefficients[(j-1)*s.count+s.first[i]+k]) * near[s.first[i]+k]
			}
			for k := range s.perClass[j] {
				sum += float64(s.coefficients[i*s.count+s.first[j]+k]) * near[s.first[j]+k]
			}
			scores = append(scores, sum)
			if sum > 0 {
				votes[i]++
			} else {
				votes[j]++
			}
		}
	}
	label = argmaxOf(votes)
	if len(s.probA) > 0 {
		scores = s.probabilities(scores)
	} else if len(scores) == 1 {
		pair := binaryScores(scores[0], false, s.transform)
		return label, pair[:]
	}
	postTransform(s.transform, scores)
	return label, scores
}
