package ops

import (
	"encoding/binary"
	"fmt"
)

// The tags of TIFF 6.0 that are read.
const (
	tiffWidth           = 256
	tiffHeight          = 257
	tiffBits            = 258
	tiffCompression     = 259
	tiffPhotometric     = 262
	tiffStripOffsets    = 273
	tiffSamplesPerPixel = 277
	tiffRowsPerStrip    = 278
	tiffPlanar          = 284
)

// decodeTIFF reads the first image of a TIFF file: uncompressed strips of 8-bit
// samples, gray or RGB, with or without alpha.
func decodeTIFF(data []byte, fits func(width, height int) error) (*picture, error) {
	tags, err := tiffTags(data)
	if err != nil {
		return nil, err
	}
	one := func(tag, missing int) int {
		if v := tags[tag]; len(v) > 0 {
			return v[0]
		}
		return missing
	}
	width, height, samples := one(tiffWidth, 0), one(tiffHeight, 0), one(tiffSamplesPerPixel, 1)
	photometric := one(tiffPhotometric, -1)
	if one(tiffCompression, 1) != 1 || one(tiffPlanar, 1) != 1 || photometric < 0 || photometric > 2 || samples < 1 || samples > 4 {
		return nil, fmt.Errorf("compressed or unusual TIFF: %w", errImageFormat)
	}
	for _, bits := range tags[tiffBits] {
		if bits != 8 {
			return nil, fmt.Errorf("TIFF with samples of %d bits: %w", bits, errImageFormat)
		}
	}
	if len(tags[tiffBits]) == 0 || photometric == 2 && samples < 3 {
		return nil, errImageData
	}
	if err := fits(width, height); err != nil {
		return nil, err
	}
	if width*height > len(data)/samples {
		return nil, errImageData
	}
	p := newPicture(width, height)
	strip := one(tiffRowsPerStrip, height)
	for y := range height {
		if strip < 1 || y/strip >= len(tags[tiffStripOffsets]) {
			return nil, errImageData
		}
		at := tags[tiffStripOffsets][y/strip] + y%strip*width*samples
		if at > len(data)-width*samples {
			return nil, errImageData
		}
		p.setTIFFRow(y, data[at:], samples, photometric)
	}
	return p, nil
}

func (p *picture) setTIFFRow(y int, row []byte, samples, photometric int) {
	for x := range p.width {
		v := row[x*samples:]
		switch photometric {
		case 0: // white is zero
			p.set(x, y, ^v[0], ^v[0], ^v[0])
		case 1:
			p.set(x, y, v[0], v[0], v[0])
		default:
			p.set(x, y, v[0], v[1], v[2])
		}
	}
}

// tiffTags returns the integers of the first directory of a file by tag.
func tiffTags(data []byte) (map[int][]int, error) {
	var order binary.ByteOrder = binary.LittleEndian
	if data[0] == 'M' {
		order = binary.BigEndian
	}
	if len(data) < 8 {
		return nil, errImageData
	}
	at := int(order.Uint32(data[4:]))
	if at > len(data)-2 {
		return nil, errImageData
	}
	count := int(order.Uint16(data[at:]))
	at += 2
	if count > (len(data)-at)/12 {
		return nil, errImageData
	}
	tags := map[int][]int{}
	for i := range count {
		entry := data[at+12*i:][:12]
		values, err := tiffValues(data, entry, order)
		if err != nil {
			return nil, err
		}
		tags[int(order.Uint16(entry))] = values
	}
	return tags, nil
}

// tiffValues returns the integers of a directory entry, none for other types.
func tiffValues(data, entry []byte, order binary.ByteOrder) ([]int, error) {
	var size int
	switch order.Uint16(entry[2:]) {
	case 1:
		size = 1
	case 3:
		size = 2
	case 4:
		size = 4
	default:
		return nil, nil
	}
	count, from := int(order.Uint32(entry[4:])), entry[8:]
	if count*size > 4 {
		at := int(order.Uint32(entry[8:]))
		if at > len(data) || count > (len(data)-at)/size {
			return nil, errImageData
		}
		from = data[at:]
	}
	values := make([]int, count)
	for i := range values {
		switch size {
		case 1:
			values[i] = int(from[i])
		case 2:
			values[i] = int(order.Uint16(from[2*i:]))
		default:
			values[i] = int(order.Uint32(from[4*i:]))
		}
	}
	return values, nil
}
