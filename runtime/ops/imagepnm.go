package ops

// pnmReader reads the portable formats of Netpbm.
type pnmReader struct {
	data []byte
	at   int
}

// number reads a decimal number after white space and comments.
func (r *pnmReader) number() (int, error) {
	for r.at < len(r.data) {
		switch c := r.data[r.at]; {
		case c == '#':
			for r.at < len(r.data) && r.data[r.at] != '\n' {
				r.at++
			}
		case isSpace(c):
			r.at++
		default:
			return r.digits()
		}
	}
	return 0, errImageData
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func (r *pnmReader) digits() (int, error) {
	n, from := 0, r.at
	for r.at < len(r.data) && r.data[r.at] >= '0' && r.data[r.at] <= '9' {
		if n = 10*n + int(r.data[r.at]-'0'); n > 1<<30 {
			return 0, errImageData
		}
		r.at++
	}
	if r.at == from {
		return 0, errImageData
	}
	return n, nil
}

// bit reads one digit of a plain bitmap, which need not be separated.
func (r *pnmReader) bit() (int, error) {
	for r.at < len(r.data) && isSpace(r.data[r.at]) {
		r.at++
	}
	if r.at >= len(r.data) || r.data[r.at]&^1 != '0' {
		return 0, errImageData
	}
	r.at++
	return int(r.data[r.at-1] & 1), nil
}

// decodePNM reads bitmaps (P1, P4), graymaps (P2, P5) and pixmaps (P3, P6), in
// plain (P1 to P3) and raw form.
func decodePNM(data []byte, fits func(width, height int) error) (*picture, error) {
	kind := data[1] - '0'
	r := &pnmReader{data: data, at: 2}
	head := [3]int{0, 0, 1}
	count := 3
	if kind == 1 || kind == 4 {
		count = 2
	}
	for i := range count {
		var err error
		if head[i], err = r.number(); err != nil {
			return nil, err
		}
	}
	width, height, highest := head[0], head[1], head[2]
	if highest < 1 || highest > 65535 {
		return nil, errImageData
	}
	if err := fits(width, height); err != nil {
		return nil, err
	}
	r.at++ // the single white space before raw data
	p := newPicture(width, height)
	for y := range height {
		for x := range width {
			if err := p.setPNM(r, kind, x, y, highest); err != nil {
				return nil, err
			}
		}
		if kind == 4 { // rows are padded to bytes
			r.at += (width + 7) / 8
		}
	}
	return p, nil
}

// setPNM reads one pixel.
func (p *picture) setPNM(r *pnmReader, kind byte, x, y, highest int) error {
	var v [3]byte
	samples := 1
	if kind == 3 || kind == 6 {
		samples = 3
	}
	for i := range samples {
		n, err := r.sample(kind, x, highest)
		if err != nil {
			return err
		}
		if n > highest {
			return errImageData
		}
		if kind == 1 || kind == 4 {
			n = 1 - n // 1 is black
		}
		v[i] = byte((n*255 + highest/2) / highest)
	}
	if samples == 1 {
		v[1], v[2] = v[0], v[0]
	}
	p.set(x, y, v[0], v[1], v[2])
	return nil
}

// sample reads one number of a pixel in column x.
func (r *pnmReader) sample(kind byte, x, highest int) (int, error) {
	switch kind {
	case 1:
		return r.bit()
	case 2, 3:
		return r.number()
	case 4:
		if at := r.at + x/8; at < len(r.data) {
			return int(r.data[at]>>(7-x%8)) & 1, nil
		}
		return 0, errImageData
	}
	size := 1
	if highest > 255 {
		size = 2
	}
	if r.at+size > len(r.data) {
		return 0, errImageData
	}
	n := 0
	for _, b := range r.data[r.at : r.at+size] {
		n = n<<8 | int(b)
	}
	r.at += size
	return n, nil
}
