package main

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/kcompress/kcompress/onnx"
)

//go:embed ort.mjs
var script []byte

// runtimePeer is ONNX Runtime in a Node process, which waits while we measure
// ourselves.
type runtimePeer struct {
	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	models  string // folder of the models made for it
}

// startPeer starts Node in the folder that has onnxruntime-node.
func startPeer(folder string) (*runtimePeer, error) {
	models, err := os.MkdirTemp("", "matmul")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(models, "ort.mjs")
	if err := os.WriteFile(path, script, 0o600); err != nil {
		return nil, err
	}
	p := &runtimePeer{process: exec.Command("node", path), models: models}
	p.process.Dir, p.process.Stderr = folder, os.Stderr
	if p.in, err = p.process.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	return p, p.process.Start()
}

func (p *runtimePeer) close() {
	p.in.Close()
	p.process.Wait()
	os.RemoveAll(p.models)
}

// time is the peer's time for a case, in microseconds: that of the product less
// that of a model which does next to nothing.
func (p *runtimePeer) time(c testCase, length time.Duration) (float64, error) {
	product, err := p.run(fmt.Sprintf("%dx%d-%v.onnx", c.in, c.out, c.quantized), c, length)
	if err != nil {
		return 0, err
	}
	nothing, err := p.run("relu.onnx", c, length/4)
	return product - nothing, err
}

// run times one model, which it makes first if need be.
func (p *runtimePeer) run(name string, c testCase, length time.Duration) (us float64, err error) {
	path := filepath.Join(p.models, name)
	if _, err := os.Stat(path); err != nil {
		m := model(c)
		if name == "relu.onnx" {
			m = newModel(nil, &onnx.Node{Op: "Relu", Inputs: []string{"x"}, Outputs: []string{"y"}})
		}
		if err := m.Save(path); err != nil {
			return 0, err
		}
	}
	request, err := json.Marshal(map[string]any{"model": path, "rows": c.rows, "columns": c.in, "milliseconds": length.Milliseconds()})
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Fprintf(p.in, "%s\n", request); err != nil {
		return 0, err
	}
	_, err = fmt.Fscanln(p.out, &us)
	return us, err
}

// model is y = x W with a constant weight; quantized, the three nodes into which
// ONNX Runtime's dynamic quantisation turns that.
func model(c testCase) *onnx.Model {
	if !c.quantized {
		w := onnx.FromSlice(random(c.in*c.out), c.in, c.out)
		w.Name = "w"
		return newModel([]*onnx.Tensor{w}, &onnx.Node{Op: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"y"}})
	}
	values := make([]int8, c.in*c.out)
	for i, v := range random(len(values)) {
		values[i] = int8(127 * v)
	}
	w, zero, scale := onnx.FromSlice(values, c.in, c.out), onnx.Scalar(int8(0)), onnx.Scalar[float32](1.0/127)
	w.Name, zero.Name, scale.Name = "w", "zero", "scale"
	return newModel([]*onnx.Tensor{w, zero, scale},
		&onnx.Node{Op: "DynamicQuantizeLinear", Inputs: []string{"x"}, Outputs: []string{"q", "xScale", "xZero"}},
		&onnx.Node{Op: "MatMulInteger", Inputs: []string{"q", "w", "xZero", "zero"}, Outputs: []string{"sum"}},
		&onnx.Node{Op: "Cast", Inputs: []string{"sum"}, Outputs: []string{"float"}, Attrs: []onnx.Attribute{onnx.IntAttr("to", int64(onnx.Float32))}},
		&onnx.Node{Op: "Mul", Inputs: []string{"xScale", "scale"}, Outputs: []string{"both"}},
		&onnx.Node{Op: "Mul", Inputs: []string{"float", "both"}, Outputs: []string{"y"}})
}

func newModel(weights []*onnx.Tensor, nodes ...*onnx.Node) *onnx.Model {
	matrix := func(name string) onnx.ValueInfo {
		shape := []onnx.Dim{{Size: -1, Symbol: "rows"}, {Size: -1, Symbol: name + "Columns"}}
		return onnx.ValueInfo{Name: name, Type: onnx.Type{Kind: onnx.TensorType, Elem: onnx.Float32, HasShape: true, Shape: shape}}
	}
	g := &onnx.Graph{Name: "product", Nodes: nodes, Initializers: weights}
	g.Inputs, g.Outputs = append(g.Inputs, matrix("x")), append(g.Outputs, matrix("y"))
	return &onnx.Model{IRVersion: 8, Producer: "kcompress models/matmul", Opsets: map[string]int{"": 17}, Graph: g}
}
