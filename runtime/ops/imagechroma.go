package ops

import "image"

// fromYCbCr converts the planes of a JPEG image to RGB. Chroma planes of half
// the size are interpolated as ImageDecoder asks: the centers of the new
// samples lie 1/4 and 3/4 of the way between the old ones.
func fromYCbCr(m *image.YCbCr) *picture {
	b := m.Bounds()
	p := newPicture(b.Dx(), b.Dy())
	cb, cr := upsampled(m, m.Cb), upsampled(m, m.Cr)
	for y := range p.height {
		row := m.Y[y*m.YStride:]
		for x := range p.width {
			at := y*p.width + x
			r, g, b := fromYCC(int(row[x]), int(cb[at])-128, int(cr[at])-128)
			p.set(x, y, r, g, b)
		}
	}
	return p
}

// fromYCC is the conversion of JFIF in 16-bit fixed point.
func fromYCC(y, cb, cr int) (r, g, b byte) {
	const half = 1 << 15
	return limitByte(y + (91881*cr+half)>>16),
		limitByte(y + (-22554*cb-46802*cr+half)>>16),
		limitByte(y + (116130*cb+half)>>16)
}

func limitByte(v int) byte { return byte(min(max(v, 0), 255)) }

// upsampled returns a chroma plane with the size of the image.
func upsampled(m *image.YCbCr, plane []byte) []byte {
	width, height := m.Bounds().Dx(), m.Bounds().Dy()
	out := make([]byte, width*height)
	switch m.SubsampleRatio {
	case image.YCbCrSubsampleRatio420:
		upsampleBoth(out, plane, m.CStride, width, height)
	case image.YCbCrSubsampleRatio422:
		for y := range height {
			upsampleRow(out[y*width:(y+1)*width], plane[y*m.CStride:])
		}
	default: // not subsampled, or in a way that is repeated
		for y := range height {
			for x := range width {
				out[y*width+x] = plane[m.COffset(m.Rect.Min.X+x, m.Rect.Min.Y+y)]
			}
		}
	}
	return out
}

// upsampleRow doubles a row. Halves are rounded down on the left and up on the
// right of a sample, so that rounding does not brighten the image.
func upsampleRow(out, in []byte) {
	n := (len(out) + 1) / 2
	for x := range out {
		i, near, bias := x/2, x/2-1, 1
		if x%2 == 1 {
			near, bias = i+1, 2
		}
		if near < 0 || near >= n {
			out[x] = in[i]
			continue
		}
		out[x] = byte((3*int(in[i]) + int(in[near]) + bias) >> 2)
	}
}

// upsampleBoth doubles a plane in both directions.
func upsampleBoth(out, in []byte, stride, width, height int) {
	columns, rows := (width+1)/2, (height+1)/2
	sums := make([]int, columns) // 3/4 of the row, 1/4 of the nearer neighbour, times 4
	for y := range height {
		i, near := y/2, y/2-1
		if y%2 == 1 {
			near = i + 1
		}
		near = min(max(near, 0), rows-1)
		for x := range sums {
			sums[x] = 3*int(in[i*stride+x]) + int(in[near*stride+x])
		}
		row := out[y*width : (y+1)*width]
		for x := range row {
			j, beside, bias := x/2, x/2-1, 8
			if x%2 == 1 {
				beside, bias = j+1, 7
			}
			beside = min(max(beside, 0), columns-1)
			row[x] = byte((3*sums[j] + sums[beside] + bias) >> 4)
		}
	}
}
