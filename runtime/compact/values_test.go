package compact_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// Rounding moves a value by at most half a step of its group, and the largest
// value of a group stays.
func TestRound8(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, shape := range [][]int{{6}, {4, 8}, {2, 3, 4}, {2, 3, 4, 5}} {
		for mask := range 1 << len(shape) { // which axes have scales of their own
			groups := make([]int, len(shape))
			n := 1
			for axis, size := range shape {
				n *= size
				groups[axis] = 1
				if mask>>axis&1 == 1 {
					groups[axis] = size
				}
			}
			values := make([]float32, n)
			for i := range values {
				values[i] = float32(r.NormFloat64()) * float32(math.Exp(4*r.NormFloat64()))
			}
			values[0] = 0
			rounded, scales := compact.Round8(values, shape, groups)
			largest := make([]float64, len(scales))
			group := make([]int, n)
			for i, v := range values { // the index of the group, from coordinates
				rest, stride := i, 1
				for axis := len(shape) - 1; axis >= 0; axis-- {
					at := rest % shape[axis]
					rest /= shape[axis]
					if groups[axis] > 1 {
						group[i] += at * stride
						stride *= groups[axis]
					}
				}
				largest[group[i]] = max(largest[group[i]], math.Abs(float64(v)))
			}
			for i, v := range values {
				scale := float64(scales[group[i]])
				if want := largest[group[i]] / 127; want > 0 && math.Abs(scale-want) > 1e-6*want {
					t.Fatalf("%v by %v: scale %v, want %v", shape, groups, scale, want)
				}
				if e := math.Abs(float64(rounded[i])*scale - float64(v)); e > scale*(0.5+1e-4) {
					t.Fatalf("%v by %v: %v becomes %v", shape, groups, v, float64(rounded[i])*scale)
				}
			}
		}
	}
	for range 20_000 { // rounding twice is rounding once
		v := []float32{float32(math.Exp(10 * r.NormFloat64())), 0}
		v[1] = v[0] * r.Float32()
		q, s := compact.Round8(v, []int{2}, []int{1})
		q2, s2 := compact.Round8([]float32{float32(q[0]) * s[0], float32(q[1]) * s[0]}, []int{2}, []int{1})
		if q[0] != q2[0] || q[1] != q2[1] || s[0] != s2[0] {
			t.Fatalf("%v: %v by %v, then %v by %v", v, q, s, q2, s2)
		}
	}
	if _, scales := compact.Round8(make([]float32, 4), []int{4}, []int{1}); scales[0] != 1 {
		t.Errorf("the scale of zeros is %v", scales[0])
	}
}

func TestFingerprint(t *testing.T) {
	w := []float32{1, -2, 3.5, 0, 5, 6}
	data := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, 2), 3)
	for _, v := range w {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	sum := sha256.Sum256(data)
	if got := compact.Fingerprint(w, 2, 3); got != hex.EncodeToString(sum[:]) {
		t.Errorf("fingerprint is %s", got)
	}
	if compact.Fingerprint(w, 2, 3) == compact.Fingerprint(w, 3, 2) {
		t.Error("the shape does not count")
	}
}

// What is stored takes as many bytes as StoredBytes says, and comes back.
func TestStoredValues(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 4))
	for _, d := range designs(t) {
		for _, w := range allWeights {
			c := randomChain(r, d)
			m := chainModel(t, c, w, 17, compact.Domain)
			bytes := 0
			for _, stored := range m.Graph.Initializers {
				bytes += stored.Bytes()
			}
			if want := compact.StoredBytes(d, w); bytes != want {
				t.Errorf("%v as %s takes %d bytes, StoredBytes says %d", d, w, bytes, want)
			}
			back, err := compact.ReadChain(m.Graph.Nodes[0], constants(m))
			if err != nil {
				t.Fatal(err)
			}
			tolerance := map[compact.Weights]float64{compact.FP32: 0, compact.FP16: 1. / 2048, compact.INT8: 0.5 / 127 * 1.001}[w]
			for i, f := range c.Factors {
				scale := 0.0
				for _, v := range f.Values {
					scale = max(scale, math.Abs(float64(v)))
				}
				for j, v := range f.Values {
					if math.Abs(float64(back.Factors[i].Values[j])-float64(v)) > tolerance*scale {
						t.Fatalf("%v as %s: value %v comes back as %v", d, w, v, back.Factors[i].Values[j])
					}
				}
			}
			// A second round changes nothing: fitted files can be written again.
			again := chainModel(t, back, w, 17, compact.Domain)
			for i, stored := range again.Graph.Initializers {
				if string(stored.Raw()) != string(m.Graph.Initializers[i].Raw()) {
					t.Errorf("%v as %s: stored twice, %s differs", d, w, stored.Name)
				}
			}
		}
	}
}

func TestValuesThatCanNotBeStored(t *testing.T) {
	p := butterfly.Pattern{A: 1, B: 2, C: 2, D: 1}
	for _, w := range allWeights {
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			f := butterfly.Factor{Pattern: p, Values: []float32{1, float32(bad), 2, 3}}
			if _, err := compact.FactorTensors(f, w); err == nil {
				t.Errorf("%v is stored as %s", bad, w)
			}
		}
	}
	f := butterfly.Factor{Pattern: p, Values: []float32{1, 1e6, 2, 3}}
	if _, err := compact.FactorTensors(f, compact.FP16); err == nil {
		t.Error("a million is stored as fp16")
	}
	if _, err := compact.ParseWeights("int4"); err == nil {
		t.Error("an unknown form is taken")
	}
}

func TestReadChainRefuses(t *testing.T) {
	d := mustParse(t, "1x4x4x4·4x4x4x1")
	r := rand.New(rand.NewPCG(7, 4))
	for _, w := range allWeights {
		m := chainModel(t, randomChain(r, d), w, 17, compact.Domain)
		good := constants(m)
		refuse := func(what string, stored []*onnx.Tensor) {
			t.Helper()
			if _, err := compact.ReadChain(m.Graph.Nodes[0], stored); err == nil {
				t.Errorf("%s: %s is taken", w, what)
			}
		}
		with := func(i int, replaced *onnx.Tensor) []*onnx.Tensor {
			list := append([]*onnx.Tensor(nil), good...)
			list[i] = replaced
			return list
		}
		refuse("no tensor", nil)
		refuse("a tensor less", good[:len(good)-1])
		refuse("a tensor more", append(with(0, good[0]), good[0]))
		refuse("nil", with(len(good)-1, nil))
		refuse("another type", with(0, onnx.NewTensor(onnx.Float64, 1, 4, 4, 4)))
		refuse("another shape", with(0, onnx.NewTensor(w.DType(), 4, 4, 4, 1)))
		refuse("another rank", with(0, onnx.NewTensor(w.DType(), 64)))
		if w == compact.INT8 {
			refuse("scales of another type", with(1, onnx.NewTensor(onnx.Int32, 1, 1, 1, 1)))
			refuse("scales of another rank", with(1, onnx.NewTensor(onnx.Float32, 1)))
			refuse("scales that do not fit", with(1, onnx.NewTensor(onnx.Float32, 1, 3, 1, 1)))
			refuse("no scales", with(1, onnx.NewTensor(onnx.Float32, 1, 0, 1, 1)))
		}
	}
}
