package ops

import (
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"pgregory.net/rapid"
)

// drawnConv is a random convolution with its defining loops.
type drawnConv struct {
	group                            int
	kernel, strides, dilations, pads []int
	in, out                          []int
	images, channels, filters        int
}

func drawConv(t *rapid.T) drawnConv {
	axes := rapid.IntRange(1, 3).Draw(t, "axes")
	v := drawnConv{group: rapid.IntRange(1, 3).Draw(t, "group"), images: rapid.IntRange(1, 2).Draw(t, "images")}
	v.channels = v.group * rapid.IntRange(1, 3).Draw(t, "channels")
	v.filters = v.group * rapid.SampledFrom([]int{1, 2, 5, 16, 19}).Draw(t, "filters")
	v.pads = make([]int, 2*axes)
	for a := range axes {
		v.kernel = append(v.kernel, rapid.IntRange(1, 3).Draw(t, "kernel"))
		v.strides = append(v.strides, rapid.IntRange(1, 3).Draw(t, "stride"))
		v.dilations = append(v.dilations, rapid.IntRange(1, 2).Draw(t, "dilation"))
		v.pads[a], v.pads[axes+a] = rapid.IntRange(0, 3).Draw(t, "begin"), rapid.IntRange(0, 3).Draw(t, "end")
		extent := (v.kernel[a]-1)*v.dilations[a] + 1
		v.in = append(v.in, rapid.IntRange(max(1, extent-v.pads[a]-v.pads[axes+a]), 7).Draw(t, "size"))
		v.out = append(v.out, (v.in[a]+v.pads[a]+v.pads[axes+a]-extent)/v.strides[a]+1)
	}
	return v
}

func (v drawnConv) attributes() []onnx.Attribute {
	return []onnx.Attribute{intsAttr("kernel_shape", v.kernel...), intsAttr("strides", v.strides...), intsAttr("dilations", v.dilations...),
		intsAttr("pads", v.pads...), intAttr("group", v.group)}
}

// each calls f for every multiplication of the convolution: y[out] += x[in] w[weight].
func (v drawnConv) each(f func(out, in, weight int)) {
	channels, filters := v.channels/v.group, v.filters/v.group
	outShape := append([]int{v.images, v.filters}, v.out...)
	inShape := append([]int{v.images, v.channels}, v.in...)
	weightShape := append([]int{v.filters, channels}, v.kernel...)
	eachIndex(outShape, func(o []int) {
		eachIndex(append([]int{channels}, v.kernel...), func(k []int) {
			in := []int{o[0], o[1]/filters*channels + k[0]}
			for a := range v.in {
				x := o[2+a]*v.strides[a] - v.pads[a] + k[1+a]*v.dilations[a]
				if x < 0 || x >= v.in[a] {
					return
				}
				in = append(in, x)
			}
			f(at(outShape, o), at(inShape, in), at(weightShape, append([]int{o[1]}, k...)))
		})
	})
}

func (v drawnConv) tensors() (x, w, bias *onnx.Tensor) {
	return waves(1, append([]int{v.images, v.channels}, v.in...)...),
		waves(2, append([]int{v.filters, v.channels / v.group}, v.kernel...)...), waves(3, v.filters)
}

func TestConvIsItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawConv(t)
		x, w, bias := v.tensors()
		plane := sizeOf(v.out)
		want := make([]float64, v.images*v.filters*plane)
		for i := range want {
			want[i] = float64(bias.Float32s()[i/plane%v.filters])
		}
		v.each(func(out, in, weight int) {
			want[out] += float64(x.Float32s()[in]) * float64(w.Float32s()[weight])
		})
		y := checkFloatNode(t, node("Conv", 11, v.attributes()...), want, x, w, bias)
		wantShape(t, y, append([]int{v.images, v.filters}, v.out...)...)
	})
}

// TestConvOfLargeImages covers several blocks of columns and ranges of work.
func TestConvOfLargeImages(t *testing.T) {
	for _, v := range []drawnConv{
		{group: 1, images: 1, channels: 20, filters: 12, kernel: []int{3, 3}, in: []int{70, 90}},
		{group: 1, images: 2, channels: 24, filters: 40, kernel: []int{1, 1}, in: []int{50, 41}},
		{group: 16, images: 1, channels: 16, filters: 16, kernel: []int{3, 3}, in: []int{64, 80}},
		{group: 1, images: 1, channels: 64, filters: 96, kernel: []int{5}, in: []int{9}},
	} {
		axes := len(v.in)
		v.strides, v.dilations, v.pads = ones(axes), ones(axes), make([]int, 2*axes)
		for a := range axes {
			v.out = append(v.out, v.in[a]-v.kernel[a]+1)
		}
		x, w, _ := v.tensors()
		want := make([]float64, v.images*v.filters*sizeOf(v.out))
		v.each(func(out, in, weight int) {
			want[out] += float64(x.Float32s()[in]) * float64(w.Float32s()[weight])
		})
		checkFloatNode(t, node("Conv", 22, v.attributes()...), want, x, w)
	}
}

// TestConvTransposeIsTheTranspose uses <y, Conv x> = <ConvTranspose y, x>,
// element by element.
func TestConvTransposeIsTheTranspose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawConv(t)
		_, w, _ := v.tensors()
		y := waves(4, append([]int{v.images, v.filters}, v.out...)...)
		want := make([]float64, v.images*v.channels*sizeOf(v.in))
		v.each(func(out, in, weight int) {
			want[in] += float64(y.Float32s()[out]) * float64(w.Float32s()[weight])
		})
		attributes := append(v.attributes(), intsAttr("output_padding", v.leftOver()...))
		x := checkFloatNode(t, node("ConvTranspose", 11, attributes...), want, y, w)
		wantShape(t, x, append([]int{v.images, v.channels}, v.in...)...)
	})
}

// leftOver returns the elements behind the last window of each axis.
func (v drawnConv) leftOver() []int {
	rest := make([]int, len(v.in))
	for a := range rest {
		rest[a] = v.in[a] + v.pads[a] + v.pads[len(v.in)+a] - (v.kernel[a]-1)*v.dilations[a] - 1 - (v.out[a]-1)*v.strides[a]
	}
	return rest
}

// TestDeformConvWithoutOffsetsIsConv checks the deformable convolution where
// its offsets are whole numbers: 0 everywhere, and all shifted by one.
func TestDeformConvWithoutOffsetsIsConv(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawConv(t)
		x, w, bias := v.tensors()
		offset := onnx.NewTensor(onnx.Float32, append([]int{v.images, sizeOf(v.kernel) * len(v.in)}, v.out...)...)
		y := run1(t, testNode("DeformConv", 19, 4, 1, v.attributes()...), x, w, offset, bias)
		plain := run1(t, testNode("Conv", 22, 3, 1, v.attributes()...), x, w, bias)
		wantNear(t, y, convertFloats[float64](plain.Float32s()), 1e-5)

		for i := range offset.Float32s() {
			offset.Float32s()[i] = 1
		}
		y = run1(t, testNode("DeformConv", 19, 4, 1, v.attributes()...), x, w, offset, bias)
		moved := v
		moved.pads = slices.Clone(v.pads)
		want := make([]float64, y.Len())
		for i := range want {
			want[i] = float64(bias.Float32s()[i/sizeOf(v.out)%v.filters])
		}
		for a := range v.in {
			moved.pads[a]-- // the same as reading one element further
		}
		moved.each(func(out, in, weight int) {
			want[out] += float64(x.Float32s()[in]) * float64(w.Float32s()[weight])
		})
		wantNear(t, y, want, 1e-5)
	})
}

func TestConvAutoPad(t *testing.T) {
	x, w := counting(1, 1, 5), onnx.FromSlice([]float32{1, 10, 100, 1000}, 1, 1, 4)
	for pad, want := range map[string][]float64{
		"SAME_UPPER": {0*10 + 1*100 + 2*1000, 0 + 10 + 200 + 3000, 1 + 20 + 300 + 4000, 2 + 30 + 400, 3 + 40},
		"SAME_LOWER": {0*100 + 1*1000, 0*10 + 1*100 + 2*1000, 10 + 200 + 3000, 1 + 20 + 300 + 4000, 2 + 30 + 400},
		"VALID":      {0 + 10 + 200 + 3000, 1 + 20 + 300 + 4000},
	} {
		y := run1(t, testNode("Conv", 11, 2, 1, textAttr("auto_pad", pad)), x, w)
		wantNear(t, y, want, 0)
	}
}

func TestCol2ImUndoesIm2ColOnDisjointBlocks(t *testing.T) {
	image := counting(1, 2, 4, 6)
	columns := onnx.NewTensor(onnx.Float32, 1, 2*2*3, 4)
	p, err := (&window{strides: []int{2, 3}, autoPad: "NOTSET"}).over([]int{4, 6}, []int{2, 3})
	if err != nil {
		t.Fatal(err)
	}
	im2col(p, columns.Float32s(), image.Float32s(), 2, 0, 4, false)
	y := run1(t, testNode("Col2Im", 18, 3, 1, intsAttr("strides", 2, 3)), columns, int64s(4, 6), int64s(2, 3))
	wantShape(t, y, image.Shape...)
	wantNear(t, y, convertFloats[float64](image.Float32s()), 0)
}
