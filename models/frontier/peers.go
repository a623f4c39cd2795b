package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/fit/measure"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// peer is the model as something else compressed it: a file to run, or a figure.
type peer struct {
	name, file string
	bytes      int64
	accuracy   float64 // from 0 to 1
}

var figure = regexp.MustCompile(`^([0-9]+):([0-9.]+)$`)

// parsePeer reads NAME=FILE or NAME=BYTES:PERCENT.
func (c *config) parsePeer(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" || value == "" {
		return fmt.Errorf("%q is neither NAME=FILE.onnx nor NAME=BYTES:PERCENT", text)
	}
	p := peer{name: name, file: value}
	if parts := figure.FindStringSubmatch(value); parts != nil {
		p.file = ""
		var err error
		if p.bytes, err = strconv.ParseInt(parts[1], 10, 64); err != nil || p.bytes < 1 {
			return fmt.Errorf("%q: %s is no number of bytes", text, parts[1])
		}
		if p.accuracy, err = strconv.ParseFloat(parts[2], 64); err != nil || p.accuracy > 100 {
			return fmt.Errorf("%q: %s is no percentage", text, parts[2])
		}
		p.accuracy /= 100
	}
	c.peers = append(c.peers, p)
	return nil
}

// measure returns the point of a peer.
func (p peer) measure(ctx context.Context, c *config, inputs []onnx.ValueInfo) (point, error) {
	if p.file == "" {
		return point{method: p.name, bytes: p.bytes, accuracy: p.accuracy, how: "a figure given with --peer"}, nil
	}
	s, err := runtime.Open(p.file, runtime.WithThreads(c.threads))
	if err != nil {
		return point{}, err
	}
	defer s.Close()
	data, err := c.loadPeerData(inputs, s.Inputs())
	if err != nil {
		return point{}, err
	}
	outputs, err := measure.Run(ctx, s, data)
	if err != nil {
		return point{}, fmt.Errorf("%s: %w", p.file, err)
	}
	accuracy, _, err := measure.Accuracy(outputs, s.Outputs()[0].Name, data, c.label, 1)
	if err != nil {
		return point{}, fmt.Errorf("%s: %w", p.file, err)
	}
	bytes, err := encodedSize(s.Model())
	return point{method: p.name, bytes: bytes, accuracy: accuracy, how: p.file + ", run here"}, err
}

// loadPeerData reads the labelled data for a peer: inputs are those of the
// original, wanted those of the peer.
func (c *config) loadPeerData(inputs, wanted []onnx.ValueInfo) (*calibrate.Data, error) {
	if c.peerData != "" {
		return calibrate.Load(c.peerData, wanted)
	}
	if c.normalise == nil {
		return calibrate.Load(c.test, wanted)
	}
	data, err := calibrate.Load(c.test, inputs)
	if err != nil {
		return nil, err
	}
	for _, batch := range data.Batches {
		for _, info := range wanted {
			t := batch[info.Name]
			if t == nil {
				return nil, fmt.Errorf("--peer-normalise: %s has no array %q for that input of the peer", c.test, info.Name)
			}
			if info.Type.Elem != onnx.Float32 || t.Type != onnx.Uint8 {
				continue
			}
			if batch[info.Name], err = c.normalise.apply(t); err != nil {
				return nil, fmt.Errorf("--peer-normalise: array %q: %w", info.Name, err)
			}
		}
	}
	return data, nil
}

// normalisation takes images [batch, channels, ...] to (x-mean)/deviation.
type normalisation struct{ means, deviations []float64 }

// parseNormalise reads MEANS/DEVIATIONS.
func (c *config) parseNormalise(text string) error {
	means, deviations, _ := strings.Cut(text, "/")
	n := &normalisation{}
	for _, list := range []struct {
		text string
		to   *[]float64
	}{{means, &n.means}, {deviations, &n.deviations}} {
		for _, item := range strings.Split(list.text, ",") {
			v, err := strconv.ParseFloat(item, 64)
			if err != nil {
				return fmt.Errorf("%q is not of the form MEANS/DEVIATIONS", text)
			}
			*list.to = append(*list.to, v)
		}
	}
	if len(n.means) != len(n.deviations) {
		return fmt.Errorf("%d means and %d deviations", len(n.means), len(n.deviations))
	}
	if slices.ContainsFunc(n.deviations, func(d float64) bool { return !(d > 0) }) {
		return fmt.Errorf("%q: deviations are numbers above 0", deviations)
	}
	c.normalise = n
	return nil
}

// apply normalises images of bytes.
func (n *normalisation) apply(t *onnx.Tensor) (*onnx.Tensor, error) {
	if t.Rank() < 2 || t.Shape[1] != len(n.means) {
		return nil, fmt.Errorf("%d means do not fit images of shape %v, [batch, channels, ...]", len(n.means), t.Shape)
	}
	wide, err := t.ConvertTo(onnx.Float32)
	if err != nil {
		return nil, err
	}
	values := wide.Float32s()
	each := len(values) / max(t.Shape[0]*t.Shape[1], 1) // of one channel
	for i := range values {
		channel := i / each % t.Shape[1]
		values[i] = float32((float64(values[i]) - n.means[channel]) / n.deviations[channel])
	}
	return wide, nil
}
