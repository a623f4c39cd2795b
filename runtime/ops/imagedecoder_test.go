package ops

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

func decodeAs(t *testing.T, data []byte, format string) *onnx.Tensor {
	t.Helper()
	return quantNode{op: "ImageDecoder", opset: 20, attrs: []onnx.Attribute{textAttr("pixel_format", format)}}.must(t, onnx.FromSlice(data, len(data)))
}

// randomPicture returns pixels and what they are in RGB.
func randomPicture(width, height int) (*image.NRGBA, []byte) {
	r := rand.New(rand.NewPCG(uint64(width), uint64(height)))
	m, rgb := image.NewNRGBA(image.Rect(0, 0, width, height)), []byte{}
	for y := range height {
		for x := range width {
			c := color.NRGBA{uint8(r.Uint32()), uint8(r.Uint32()), uint8(r.Uint32()), 255}
			m.SetNRGBA(x, y, c)
			rgb = append(rgb, c.R, c.G, c.B)
		}
	}
	return m, rgb
}

// bmpOf writes a bitmap of 24 or 32 bits, a negative height means from the top.
func bmpOf(rgb []byte, width, height, bits int) []byte {
	fromTop := height < 0
	signed := height
	height = max(height, -height)
	head := make([]byte, 54)
	copy(head, "BM")
	le := binary.LittleEndian
	le.PutUint32(head[10:], 54)
	le.PutUint32(head[14:], 40)
	le.PutUint32(head[18:], uint32(width))
	le.PutUint32(head[22:], uint32(int32(signed)))
	le.PutUint16(head[28:], uint16(bits))
	stride := (width*bits/8 + 3) / 4 * 4
	body := make([]byte, stride*height)
	for y := range height {
		line := height - 1 - y
		if fromTop {
			line = y
		}
		for x := range width {
			v := rgb[3*(y*width+x):]
			copy(body[line*stride+x*bits/8:], []byte{v[2], v[1], v[0]})
		}
	}
	return append(head, body...)
}

// tiffOf writes an RGB file with two rows a strip.
func tiffOf(rgb []byte, width, height int, order binary.AppendByteOrder) []byte {
	data := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		data = []byte("MM\x00*")
	}
	strips := (height + 1) / 2
	const tags = 7
	extra := 8 + 2 + 12*tags + 4
	pixels := extra + 4*strips + 6
	data = order.AppendUint32(data, 8)
	data = order.AppendUint16(data, tags)
	entry := func(tag, kind uint16, count, value int) {
		data = order.AppendUint16(order.AppendUint16(data, tag), kind)
		data = order.AppendUint32(data, uint32(count))
		if kind == 3 && count == 1 {
			data = order.AppendUint16(order.AppendUint16(data, uint16(value)), 0)
			return
		}
		data = order.AppendUint32(data, uint32(value))
	}
	entry(tiffWidth, 4, 1, width)
	entry(tiffHeight, 3, 1, height)
	entry(tiffBits, 3, 3, extra+4*strips)
	entry(tiffPhotometric, 3, 1, 2)
	offsets := extra
	if strips == 1 {
		offsets = pixels
	}
	entry(tiffStripOffsets, 4, strips, offsets)
	entry(tiffSamplesPerPixel, 3, 1, 3)
	entry(tiffRowsPerStrip, 3, 1, 2)
	data = order.AppendUint32(data, 0)
	for i := range strips {
		data = order.AppendUint32(data, uint32(pixels+i*2*width*3))
	}
	for range 3 {
		data = order.AppendUint16(data, 8)
	}
	return append(data, rgb...)
}

func TestImageDecoderLossless(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {3, 2}, {7, 5}, {16, 9}} {
		width, height := size[0], size[1]
		m, rgb := randomPicture(width, height)
		var asPNG bytes.Buffer
		if err := png.Encode(&asPNG, m); err != nil {
			t.Fatal(err)
		}
		plain := fmt.Sprintf("P3 # pixels\n%d %d\n255\n", width, height)
		for _, v := range rgb {
			plain += fmt.Sprintln(v)
		}
		for name, data := range map[string][]byte{
			"png":         asPNG.Bytes(),
			"bmp24":       bmpOf(rgb, width, height, 24),
			"bmp32":       bmpOf(rgb, width, -height, 32),
			"ppm":         append(fmt.Appendf(nil, "P6\n%d %d\n255\n", width, height), rgb...),
			"plain ppm":   []byte(plain),
			"tiff little": tiffOf(rgb, width, height, binary.LittleEndian),
			"tiff big":    tiffOf(rgb, width, height, binary.BigEndian),
		} {
			y := decodeAs(t, data, "RGB")
			if !slices.Equal(y.Shape, []int{height, width, 3}) || !bytes.Equal(y.Raw(), rgb) {
				t.Errorf("%s of %v: got %v", name, size, y)
			}
			bgr := decodeAs(t, data, "BGR").Raw()
			for i := range bgr {
				if bgr[i] != rgb[i/3*3+2-i%3] {
					t.Fatalf("%s of %v: byte %d of BGR is %d", name, size, i, bgr[i])
				}
			}
		}
	}
}

func TestImageDecoderGray(t *testing.T) {
	bits := []byte{0b10100_000, 0b01011_000} // two rows of 5, 1 is black
	var want []byte
	for _, row := range bits {
		for x := range 5 {
			want = append(want, 255*(1-row>>(7-x)&1))
		}
	}
	for name, data := range map[string][]byte{
		"P1": []byte("P1 5 2\n10100\n0 1 0 1 1"),
		"P4": append([]byte("P4 5 2\n"), bits...),
		"P5": append([]byte("P5 5 2 255\n"), want...),
	} {
		if got := decodeAs(t, data, "Grayscale").Raw(); !bytes.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	wide := append([]byte("P5 1 1 65535\n"), 0x80, 0x00)
	if got := decodeAs(t, wide, "Grayscale").Raw(); got[0] != 128 {
		t.Errorf("16-bit gray: got %v", got)
	}
}

// A gray gradient survives JPEG nearly unchanged, and smooth chroma nearly so.
func TestImageDecoderJPEG(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 37, 21))
	for y := range 21 {
		for x := range 37 {
			m.SetNRGBA(x, y, color.NRGBA{uint8(60 + 3*x), uint8(40 + 4*y), uint8(200 - 2*x - 2*y), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	got := decodeAs(t, b.Bytes(), "RGB").Raw()
	for y := range 21 {
		for x := range 37 {
			c := m.NRGBAAt(x, y)
			for i, want := range []uint8{c.R, c.G, c.B} {
				if d := int(got[3*(y*37+x)+i]) - int(want); d < -6 || d > 6 {
					t.Fatalf("pixel %d,%d component %d: got %d, want %d", x, y, i, got[3*(y*37+x)+i], want)
				}
			}
		}
	}
}

func TestUpsampleRow(t *testing.T) {
	out := make([]byte, 6)
	upsampleRow(out, []byte{10, 20, 40})
	// Centers 1/4 and 3/4 between samples, ends repeated.
	if want := []byte{10, 13, 17, 25, 35, 40}; !slices.Equal(out, want) {
		t.Errorf("got %v, want %v", out, want)
	}
}

func TestImageDecoderRefuses(t *testing.T) {
	_, rgb := randomPicture(4, 4)
	good := bmpOf(rgb, 4, 4, 24)
	huge := slices.Clone(good)
	binary.LittleEndian.PutUint32(huge[18:], 1<<30)
	for name, data := range map[string][]byte{
		"empty": {}, "short": good[:40], "no pixels": good[:60], "huge": huge,
		"huge pnm": []byte("P6 1000000000 1000000000 255\n"), "text": []byte("hello"),
		"cut png": []byte("\x89PNG\r\n\x1a\n"),
	} {
		if y := decodeAs(t, data, "RGB"); y.Len() != 0 {
			t.Errorf("%s: decoded to %v", name, y)
		}
	}
	for _, data := range []string{"RIFF\x00\x00\x00\x00WEBPVP8 ", "\x00\x00\x00\x0cjP  \r\n\x87\n"} {
		if _, err := (quantNode{op: "ImageDecoder", opset: 20}).evaluate(onnx.FromSlice([]byte(data), len(data))); err == nil {
			t.Errorf("%q was accepted", data)
		}
	}
}

func FuzzDecodeImage(f *testing.F) {
	_, rgb := randomPicture(3, 2)
	f.Add(bmpOf(rgb, 3, 2, 24))
	f.Add(tiffOf(rgb, 3, 2, binary.LittleEndian))
	f.Add([]byte("P1 5 2\n10100\n0 1 0 1 1"))
	f.Add(append([]byte("P6 3 2 255\n"), rgb...))
	f.Add([]byte("P4 5 2\n\x01\x02"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := quantNode{op: "ImageDecoder", opset: 20}.evaluate(onnx.FromSlice(data, len(data)))
		_ = err // any answer but a panic is fine
	})
}
