package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// resizing holds Resize (ai.onnx 10, 11, 13, 18, 19) and its predecessor
// Upsample (1, 7, 9; deprecated since 10). Upsample and Resize 10 know the modes
// nearest and linear, and coordinates of asymmetric only.
var resizing = []Operator{
	{Name: "Upsample", MinInputs: 1, MaxInputs: 2, Build: buildUpsample, Infer: inferResize},
	{Name: "Resize", Since: 10, Until: 10, MinInputs: 2, MaxInputs: 2, Build: buildResize10, Infer: inferResize},
	{Name: "Resize", Since: 11, MinInputs: 1, MaxInputs: 4, Build: buildResize, Infer: inferResize},
}

// resize is a Resize node. All modes work on one axis after the other: each
// element of the output is a weighted sum of a few elements of the input.
type resize struct {
	mode           string // nearest, linear or cubic
	coordinates    string
	nearest        string // a nearest_mode, or "outward" in Resize 10
	aspect         string
	antialias      bool
	excludeOutside bool
	cubicA         float64
	extrapolation  float64
	axes           []int // nil for all
	// The inputs; -1 where the version has none. scales is used if there is
	// no such input.
	roiInput, scalesInput, sizesInput int
	scales                            []float64
}

func buildUpsample(n *Node) (Kernel, error) {
	v := &resize{mode: n.Text("mode", "nearest"), coordinates: "asymmetric", nearest: "floor", roiInput: -1, scalesInput: 1, sizesInput: -1}
	switch {
	case n.Opset < 7:
		v.scalesInput = -1
		v.scales = []float64{1, 1, float64(n.Float("height_scale", 0)), float64(n.Float("width_scale", 0))}
	case n.Opset < 9:
		v.scalesInput = -1
		v.scales = convertFloats[float64](n.Floats("scales"))
	}
	return v.built(n)
}

// buildResize10 is Resize of opset 10. Its text leaves open which element is the
// nearest: the next one where an axis shrinks and the one before where it grows,
// as in the test cases of that version and in ONNX Runtime.
func buildResize10(n *Node) (Kernel, error) {
	v := &resize{mode: n.Text("mode", "nearest"), coordinates: "asymmetric", nearest: "outward", roiInput: -1, scalesInput: 1, sizesInput: -1}
	return v.built(n)
}

func buildResize(n *Node) (Kernel, error) {
	v := &resize{
		mode: n.Text("mode", "nearest"), coordinates: n.Text("coordinate_transformation_mode", "half_pixel"),
		nearest: n.Text("nearest_mode", "round_prefer_floor"), aspect: n.Text("keep_aspect_ratio_policy", "stretch"),
		antialias: n.Bool("antialias", false), excludeOutside: n.Bool("exclude_outside", false),
		cubicA: float64(n.Float("cubic_coeff_a", -0.75)), extrapolation: float64(n.Float("extrapolation_value", 0)),
		axes: n.Ints("axes"), roiInput: 1, scalesInput: 2, sizesInput: 3,
	}
	return v.built(n)
}

// built checks the attributes.
func (v *resize) built(n *Node) (Kernel, error) {
	if v.mode == "bilinear" { // the name in Upsample 1
		v.mode = "linear"
	}
	for _, choice := range []struct {
		name, value string
		allowed     []string
	}{
		{"mode", v.mode, []string{"nearest", "linear", "cubic"}},
		{"coordinate_transformation_mode", v.coordinates, []string{"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",
			"align_corners", "asymmetric", "tf_crop_and_resize", "tf_half_pixel_for_nn"}},
		{"nearest_mode", n.Text("nearest_mode", "floor"), []string{"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}},
		{"keep_aspect_ratio_policy", v.aspect, []string{"", "stretch", "not_larger", "not_smaller"}},
	} {
		if err := checkChoice(choice.name, choice.value, choice.allowed); err != nil {
			return nil, err
		}
	}
	return v.run, n.Err()
}

// checkChoice fails unless the value of an attribute is one of those allowed.
func checkChoice(name, value string, allowed []string) error {
	for _, a := range allowed {
		if a == value {
			return nil
		}
	}
	return fmt.Errorf("%s is %q, expected one of %q", name, value, allowed)
}

// resizedAxis is what happens to one axis.
type resizedAxis struct {
	in, out int
	// scale is out/in before rounding, and length is in times that.
	scale, length    float64
	roiStart, roiEnd float64
}

func (v *resize) run(c *Call) error {
	x := c.Tensor(0)
	if isHalf(x.Type) && v.mode != "nearest" {
		return inFloat32(c, v.run)
	}
	axes, err := v.plan(c, x.Shape)
	if err != nil {
		return err
	}
	shape := make([]int, len(axes))
	for i, a := range axes {
		shape[i] = a.out
	}
	y, err := c.Output(0, x.Type, shape...)
	if err != nil || y.Len() == 0 {
		return err
	}
	if x.Len() == 0 {
		return fmt.Errorf("input of shape %v can not be resized to %v", x.Shape, shape)
	}
	if v.mode == "nearest" {
		return v.pick(y, x, axes)
	}
	return v.interpolate(c, y, x, axes)
}

// plan finds out the new size of each axis.
func (v *resize) plan(c *Call, shape []int) ([]resizedAxis, error) {
	rank := len(shape)
	chosen := make([]int, 0, rank)
	for _, a := range v.axes {
		axis, err := Axis(a, rank)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, axis)
	}
	if v.axes == nil {
		for i := range rank {
			chosen = append(chosen, i)
		}
	}
	axes := make([]resizedAxis, rank)
	for i, n := range shape {
		axes[i] = resizedAxis{in: n, out: n, scale: 1, length: float64(n), roiEnd: 1}
	}
	if err := v.readROI(c, axes, chosen); err != nil {
		return nil, err
	}
	if sizes := optional(c, v.sizesInput); sizes != nil && sizes.Len() > 0 {
		return axes, v.toSizes(sizes, axes, chosen)
	}
	scales := v.scales
	if t := optional(c, v.scalesInput); t != nil {
		values, ok := asFloats[float64](t)
		if !ok {
			return nil, c.TypeError(v.scalesInput)
		}
		scales = values
	}
	if len(scales) != len(chosen) {
		return nil, fmt.Errorf("%d scales for %d axes", len(scales), len(chosen))
	}
	for i, axis := range chosen {
		a := &axes[axis]
		out := math.Floor(float64(a.in) * scales[i])
		if v.coordinates == "tf_crop_and_resize" {
			out = math.Floor(float64(a.in) * (a.roiEnd - a.roiStart) * scales[i])
		}
		if !(scales[i] > 0) || !(out >= 0 && out < maxSize) {
			return nil, fmt.Errorf("scale %v of axis %d is not possible", scales[i], axis)
		}
		a.out, a.scale, a.length = int(out), scales[i], scales[i]*float64(a.in)
	}
	return axes, nil
}

// optional returns input i, nil if it is absent or i is -1.
func optional(c *Call, i int) *onnx.Tensor {
	if i < 0 {
		return nil
	}
	return c.Tensor(i)
}

func (v *resize) readROI(c *Call, axes []resizedAxis, chosen []int) error {
	t := optional(c, v.roiInput)
	if t == nil || v.coordinates != "tf_crop_and_resize" {
		return nil
	}
	roi, ok := asFloats[float64](t)
	if !ok {
		return c.TypeError(v.roiInput)
	}
	if len(roi) != 2*len(chosen) {
		return c.ShapeError(v.roiInput, fmt.Sprintf("[%d]", 2*len(chosen)))
	}
	for i, axis := range chosen {
		axes[axis].roiStart, axes[axis].roiEnd = roi[i], roi[len(chosen)+i]
	}
	return nil
}

// toSizes sets the sizes from the input sizes.
func (v *resize) toSizes(t *onnx.Tensor, axes []resizedAxis, chosen []int) error {
	sizes, err := IntsOf(t)
	if err != nil {
		return err
	}
	if len(sizes) != len(chosen) {
		return fmt.Errorf("%d sizes for %d axes", len(sizes), len(chosen))
	}
	common := 0.0
	for i, axis := range chosen {
		a := &axes[axis]
		if sizes[i] < 0 || sizes[i] >= maxSize {
			return fmt.Errorf("size %d of axis %d is not possible", sizes[i], axis)
		}
		a.out = sizes[i]
		a.scale = float64(a.out) / float64(a.in)
		a.length = float64(a.out)
		if i == 0 || v.aspect == "not_larger" && a.scale < common || v.aspect == "not_smaller" && a.scale > common {
			common = a.scale
		}
	}
	if v.aspect == "" || v.aspect == "stretch" {
		return nil
	}
	for _, axis := range chosen {
		a := &axes[axis]
		out := math.Floor(common*float64(a.in) + 0.5)
		if !(out >= 0 && out < maxSize) {
			return fmt.Errorf("scale %v of axis %d is not possible", common, axis)
		}
		a.out, a.scale, a.length = int(out), common, common*float64(a.in)
	}
	return nil
}

func inferResize(n *Node, in []Info) ([]Info, error) {
	elem := elemOf(in[0])
	shape, ok := shapeOf(in[0])
	if !ok || elem == onnx.Undefined {
		return []Info{UnknownShape(elem)}, nil
	}
	out := make([]onnx.Dim, len(shape))
	for i := range out {
		out[i] = onnx.Dim{Size: -1}
	}
	if n.Op == "Resize" && n.Opset >= 11 && len(in) > 3 && len(in[3].Dims) == len(shape) &&
		n.Ints("axes") == nil && n.Text("keep_aspect_ratio_policy", "stretch") == "stretch" {
		copy(out, in[3].Dims)
	}
	scales := n.Constant(1)
	if n.Op == "Resize" && n.Opset >= 11 {
		scales = n.Constant(2)
	}
	if isFloat32(scales) && scales.Len() == len(shape) && n.Ints("axes") == nil && n.Text("coordinate_transformation_mode", "") != "tf_crop_and_resize" {
		for i, s := range scales.Float32s() {
			switch {
			case s == 1:
				out[i] = shape[i]
			case shape[i].Known() && s > 0 && float64(shape[i].Size)*float64(s) < maxSize:
				out[i].Size = int(math.Floor(float64(shape[i].Size) * float64(s)))
			}
		}
	}
	return []Info{TensorInfo(elem, out)}, nil
}
