package ops

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"github.com/kcompress/kcompress/onnx"
)

// imageDecoding holds ImageDecoder of opset 20. BMP, JPEG, PNG, PNM (P1 to
// P6), uncompressed TIFF and GIF are read; JPEG 2000, WebP and compressed TIFF
// are recognised and refused. As the standard says, data that can not be
// decoded gives an image without pixels.
var imageDecoding = []Operator{
	{Name: "ImageDecoder", Since: 20, MinInputs: 1, MaxInputs: 1, Build: buildImageDecoder, Infer: inferImageDecoder},
}

// picture is a decoded image: height x width pixels of 3 bytes, red first.
type picture struct {
	width, height int
	rgb           []byte
}

// errImageFormat is wrapped by errors about formats that are recognised but
// not read.
var errImageFormat = errors.New("this image format is not supported")

// pixelsPerByte bounds the pixels of an image by the size of its file, above
// what the most repetitive image takes, so that a small file can not ask for
// much memory.
const pixelsPerByte = 16384

func inferImageDecoder(n *Node, _ []Info) ([]Info, error) {
	channels := 3
	if n.Text("pixel_format", "RGB") == "Grayscale" {
		channels = 1
	}
	return []Info{TensorInfo(onnx.Uint8, []onnx.Dim{{Size: -1}, {Size: -1}, {Size: channels}})}, n.Err()
}

func buildImageDecoder(n *Node) (Kernel, error) {
	format := n.Text("pixel_format", "RGB")
	channels := 3
	switch format {
	case "RGB", "BGR":
	case "Grayscale":
		channels = 1
	default:
		return nil, fmt.Errorf("pixel_format is %q, expected RGB, BGR or Grayscale", format)
	}
	return func(c *Call) error {
		if c.Tensor(0).Type != onnx.Uint8 {
			return c.TypeError(0)
		}
		data := onnx.View[uint8](c.Tensor(0))
		p, err := decodeImage(data, func(width, height int) error {
			if width <= 0 || height <= 0 || width > pixelsPerByte*len(data)/height {
				return fmt.Errorf("an image of %d x %d pixels does not fit %d bytes", width, height, len(data))
			}
			_, err := c.Output(0, onnx.Uint8, height, width, channels)
			return err
		})
		if errors.Is(err, errImageFormat) {
			return err
		}
		if err != nil {
			p = &picture{}
		}
		y, err := c.Output(0, onnx.Uint8, p.height, p.width, channels)
		if err != nil {
			return err
		}
		p.store(onnx.View[uint8](y), format)
		return nil
	}, n.Err()
}

// decodeImage decodes data by its first bytes. It calls fits with the size of
// the image before memory is taken for it.
func decodeImage(data []byte, fits func(width, height int) error) (*picture, error) {
	has := func(magic string) bool { return bytes.HasPrefix(data, []byte(magic)) }
	switch {
	case has("BM"):
		return decodeBMP(data, fits)
	case has("II*\x00"), has("MM\x00*"):
		return decodeTIFF(data, fits)
	case len(data) > 2 && data[0] == 'P' && data[1] >= '1' && data[1] <= '6':
		return decodePNM(data, fits)
	case has("\x89PNG"):
		return decodeStandard(data, fits, png.DecodeConfig, png.Decode)
	case has("GIF8"):
		return decodeStandard(data, fits, gif.DecodeConfig, gif.Decode)
	case has("\xff\xd8"):
		return decodeStandard(data, fits, jpeg.DecodeConfig, jpeg.Decode)
	case has("\x00\x00\x00\x0cjP  "), has("\xff\x4f\xff\x51"):
		return nil, fmt.Errorf("JPEG 2000: %w", errImageFormat)
	case has("RIFF") && len(data) >= 12 && string(data[8:12]) == "WEBP":
		return nil, fmt.Errorf("WebP: %w", errImageFormat)
	}
	return nil, errors.New("unknown image format")
}

// decodeStandard decodes by a package of the standard library.
func decodeStandard(data []byte, fits func(width, height int) error, config func(io.Reader) (image.Config, error), decode func(io.Reader) (image.Image, error)) (*picture, error) {
	head, err := config(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if err := fits(head.Width, head.Height); err != nil {
		return nil, err
	}
	m, err := decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if planes, ok := m.(*image.YCbCr); ok {
		return fromYCbCr(planes), nil
	}
	return fromImage(m), nil
}

// fromImage reads the pixels of an image. Transparency is dropped, not
// blended.
func fromImage(m image.Image) *picture {
	b := m.Bounds()
	p := newPicture(b.Dx(), b.Dy())
	for y := range p.height {
		for x := range p.width {
			v := color.NRGBAModel.Convert(m.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
			p.set(x, y, v.R, v.G, v.B)
		}
	}
	return p
}

func newPicture(width, height int) *picture {
	return &picture{width: width, height: height, rgb: make([]byte, 3*width*height)}
}

func (p *picture) set(x, y int, r, g, b byte) {
	at := 3 * (y*p.width + x)
	p.rgb[at], p.rgb[at+1], p.rgb[at+2] = r, g, b
}

// store writes the pixels in a pixel format of ImageDecoder.
func (p *picture) store(dst []byte, format string) {
	switch format {
	case "RGB":
		copy(dst, p.rgb)
	case "BGR":
		for i := 0; i < len(p.rgb); i += 3 {
			dst[i], dst[i+1], dst[i+2] = p.rgb[i+2], p.rgb[i+1], p.rgb[i]
		}
	default: // luma of ITU-R BT.601
		for i := range dst {
			r, g, b := int(p.rgb[3*i]), int(p.rgb[3*i+1]), int(p.rgb[3*i+2])
			dst[i] = byte((19595*r + 38470*g + 7471*b + 1<<15) >> 16)
		}
	}
}
