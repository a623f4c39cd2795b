package ops

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var errImageData = errors.New("the image data is malformed")

// decodeBMP reads uncompressed Windows bitmaps of 1, 4, 8, 24 and 32 bits.
func decodeBMP(data []byte, fits func(width, height int) error) (*picture, error) {
	if len(data) < 54 {
		return nil, errImageData
	}
	le := binary.LittleEndian
	offset, header := int(le.Uint32(data[10:])), int(le.Uint32(data[14:]))
	width, height := int(int32(le.Uint32(data[18:]))), int(int32(le.Uint32(data[22:])))
	bits, compression := int(le.Uint16(data[28:])), le.Uint32(data[30:])
	fromBottom := height > 0
	if !fromBottom {
		height = -height
	}
	if compression != 0 {
		return nil, fmt.Errorf("compressed BMP: %w", errImageFormat)
	}
	if header < 40 || header > len(data)-14 || offset > len(data) {
		return nil, errImageData
	}
	if err := fits(width, height); err != nil {
		return nil, err
	}
	var palette []byte
	switch bits {
	case 1, 4, 8:
		colors := int(le.Uint32(data[46:]))
		if colors == 0 {
			colors = 1 << bits
		}
		if colors > 1<<bits || 14+header+4*colors > len(data) {
			return nil, errImageData
		}
		palette = data[14+header : 14+header+4*colors]
	case 24, 32:
	default:
		return nil, fmt.Errorf("BMP of %d bits: %w", bits, errImageFormat)
	}
	stride := (width*bits + 31) / 32 * 4
	if height > (len(data)-offset)/stride {
		return nil, errImageData
	}
	p := newPicture(width, height)
	for y := range height {
		row := data[offset+y*stride:][:stride]
		line := y
		if fromBottom {
			line = height - 1 - y
		}
		if err := p.setBMPRow(line, row, bits, palette); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// setBMPRow sets a line of pixels, which are blue, green, red or indices of a
// palette of such, the first in the high bits.
func (p *picture) setBMPRow(y int, row []byte, bits int, palette []byte) error {
	for x := range p.width {
		var v []byte
		if bits >= 24 {
			v = row[x*bits/8:]
		} else {
			each := 8 / bits
			index := int(row[x/each]>>(8-bits*(x%each+1))) & (1<<bits - 1)
			if 4*index >= len(palette) {
				return errImageData
			}
			v = palette[4*index:]
		}
		p.set(x, y, v[2], v[1], v[0])
	}
	return nil
}
