package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// melWeights holds MelWeightMatrix of opset 17.
var melWeights = []Operator{
	{Name: "MelWeightMatrix", Since: 17, MinInputs: 5, MaxInputs: 5, Build: buildMelWeights, Infer: inferMelWeights},
}

func inferMelWeights(n *Node, in []Info) ([]Info, error) {
	bands, bins := onnx.Dim{Size: -1}, onnx.Dim{Size: -1}
	if len(in[0].Dims) == 1 {
		bands = in[0].Dims[0]
	}
	if len(in[1].Dims) == 1 && in[1].Dims[0].Known() {
		bins.Size = in[1].Dims[0].Size/2 + 1
	}
	return []Info{TensorInfo(outputDatatype(n), []onnx.Dim{bins, bands})}, n.Err()
}

// melBand gives the frequency bins of the left end, the peak and the right end
// of a triangular band.
type melBand struct{ left, peak, right int }

func buildMelWeights(n *Node) (Kernel, error) {
	t := outputDatatype(n)
	return func(c *Call) error {
		var sizes [3]int
		for i := range sizes {
			var err error
			if sizes[i], err = scalarInt(c, i); err != nil {
				return err
			}
		}
		lower, err := scalarFloat(c, 3)
		if err != nil {
			return err
		}
		upper, err := scalarFloat(c, 4)
		if err != nil {
			return err
		}
		bands, length, rate := sizes[0], sizes[1], sizes[2]
		if rate == 0 || !(lower >= 0 && upper >= lower && upper <= float64(rate)) {
			return fmt.Errorf("the band from %v to %v Hz does not fit a sample rate of %d", lower, upper, rate)
		}
		bins := length/2 + 1
		y, err := c.Output(0, t, bins, bands)
		if err != nil {
			return err
		}
		weights := make([]float64, y.Len())
		edges := melEdges(bands, length, rate, lower, upper)
		for i := range bands {
			band := melBand{edges(i), edges(i + 1), edges(i + 2)}
			if band.peak >= bins || band.right > bins {
				return fmt.Errorf("the upper edge of %v Hz lies above the highest bin of a DFT of %d points at sample rate %d", upper, length, rate)
			}
			band.store(weights[i:], bands)
		}
		return storeNumbers(y, weights)
	}, n.Err()
}

// melEdges returns the function that gives the frequency bin of edge i of
// bands that are equally spaced on the mel scale, 2595 log10(1 + f/700).
func melEdges(bands, length, rate int, lower, upper float64) func(i int) int {
	mel := func(f float64) float64 { return 2595 * math.Log10(1+f/700) }
	low := mel(lower)
	step := (mel(upper) - low) / float64(bands+2)
	return func(i int) int {
		f := 700 * (math.Pow(10, (float64(i)*step+low)/2595) - 1)
		return int(math.Floor(float64(length+1) * f / float64(rate)))
	}
}

// store writes the weights of the band to a column of a matrix.
func (b melBand) store(column []float64, stride int) {
	if b.left == b.peak {
		column[b.peak*stride] = 1
	}
	for j := b.left; j <= b.peak && b.left < b.peak; j++ {
		column[j*stride] = float64(j-b.left) / float64(b.peak-b.left)
	}
	for j := b.peak; j < b.right; j++ {
		column[j*stride] = float64(b.right-j) / float64(b.right-b.peak)
	}
}
