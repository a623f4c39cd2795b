package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// causalConv is a CausalConvWithState node (ai.onnx 27): a depthwise
// convolution over the past of each channel, whose last elements are handed
// on as the state.
type causalConv struct{ silu bool }

// The inputs of CausalConvWithState.
const (
	causalX = iota
	causalWeight
	causalBias
	causalState
)

func buildCausalConv(n *Node) (Kernel, error) {
	name := n.Text("activation", "none")
	if err := checkChoice("activation", name, []string{"none", "silu", "swish"}); err != nil {
		return nil, err
	}
	v := &causalConv{silu: name != "none"}
	return v.run, n.Err()
}

func (v *causalConv) run(c *Call) error {
	x := c.Tensor(causalX)
	if err := sameTypes(c, causalWeight, causalBias, causalState); err != nil {
		return err
	}
	switch {
	case isHalf(x.Type):
		return inFloat32(c, v.run)
	case x.Type == onnx.Float32:
		return runCausalConv[float32](c, v)
	case x.Type == onnx.Float64:
		return runCausalConv[float64](c, v)
	}
	return c.TypeError(causalX)
}

func runCausalConv[T float](c *Call, v *causalConv) error {
	x, w := c.Tensor(causalX), c.Tensor(causalWeight)
	if x.Rank() != 3 {
		return c.ShapeError(causalX, "[batch,channels,length]")
	}
	batch, channels, length := x.Shape[0], x.Shape[1], x.Shape[2]
	if w.Rank() != 3 || w.Shape[0] != channels || w.Shape[1] != 1 || w.Shape[2] < 1 {
		return c.ShapeError(causalWeight, fmt.Sprintf("[%d,1,kernel]", channels))
	}
	kernel := w.Shape[2]
	past := kernel - 1
	stateShape := []int{batch, channels, past}
	bias, err := channelBias(c, causalBias, channels)
	if err != nil {
		return err
	}
	state := c.Tensor(causalState)
	if state != nil && !sameShape(state.Shape, stateShape) {
		return c.ShapeError(causalState, fmt.Sprint(stateShape))
	}
	y, err := c.Output(0, x.Type, x.Shape...)
	if err != nil {
		return err
	}
	last, err := c.Output(1, x.Type, stateShape...)
	if err != nil {
		return err
	}
	xv, wv, yv, lastv := onnx.View[T](x), onnx.View[T](w), onnx.View[T](y), onnx.View[T](last)
	c.Parallel(batch*channels, max(1, rangeWork/8/max(1, length*kernel)), func(from, to int) {
		line := borrow[T](past + length)
		defer line.release()
		for i := from; i < to; i++ {
			if clear(line.data[:past]); state != nil {
				copy(line.data, onnx.View[T](state)[i*past:][:past])
			}
			copy(line.data[past:], xv[i*length:][:length])
			copy(lastv[i*past:][:past], line.data[length:])
			out := yv[i*length:][:length]
			if clear(out); bias != nil {
				fillWith(out, onnx.View[T](bias)[i%channels])
			}
			for k := range kernel {
				addWeighted(out, line.data[k:][:length], wv[i%channels*kernel+k])
			}
			if v.silu {
				silu(out)
			}
		}
	})
	return nil
}

func inferCausalConv(_ *Node, in []Info) ([]Info, error) {
	infos := []Info{infoLike(elemOf(in[0]), in[0]), UnknownShape(elemOf(in[0]))}
	x, w := in[0].Type.Shape, in[1].Type.Shape
	if len(x) == 3 && len(w) == 3 && w[2].Known() {
		infos[1] = TensorInfo(elemOf(in[0]), []onnx.Dim{x[0], x[1], {Size: w[2].Size - 1}})
	}
	return infos, nil
}
