package butterfly

import "fmt"

// Image is the size of a plane of pixels, row by row.
type Image struct{ Height, Width int }

// Convolution2D returns the matrix of the convolution of an image with a kernel
// (row by row, not reversed) of the given size: output (i,j) is the sum of
// kernel[k,l] x[i+k-before.Height, j+l-before.Width]. Outside the image x is
// zero, and there are Height+2*before.Height-kernel.Height+1 rows and likewise
// columns of outputs; with circular set the image repeats instead and the output
// has its size. Only kernels much smaller than the image are compact: about
// (kernel size + 8) values for each output. The paper's class is BB*.
func Convolution2D(image Image, kernel []float64, size, before Image, circular bool) (*Chain, error) {
	out := Image{image.Height + 2*before.Height - size.Height + 1, image.Width + 2*before.Width - size.Width + 1}
	if circular {
		out = image
	}
	if err := checkImages(image, size, before, out); err != nil {
		return nil, err
	}
	if err := checkFinite("convolution", kernel, size.Height*size.Width); err != nil {
		return nil, err
	}
	var entries []Entry
	for i := range out.Height {
		for j := range out.Width {
			seen := map[int]int{} // the entry of each input: a circular kernel may wrap
			for k, value := range kernel {
				y, x := i+k/size.Width-before.Height, j+k%size.Width-before.Width
				if circular {
					y, x = modulo(y, image.Height), modulo(x, image.Width)
				}
				if y < 0 || y >= image.Height || x < 0 || x >= image.Width || value == 0 {
					continue
				}
				column := y*image.Width + x
				if at, ok := seen[column]; ok {
					entries[at].Value += value
					continue
				}
				seen[column] = len(entries)
				entries = append(entries, Entry{i*out.Width + j, column, value})
			}
		}
	}
	return Sparse(out.Height*out.Width, image.Height*image.Width, entries)
}

func checkImages(image, size, before, out Image) error {
	for _, s := range []Image{image, size, out} {
		if pixels, ok := positiveProduct([]int{s.Height, s.Width}); !ok || pixels > MaxSide/2 {
			return fmt.Errorf("convolution: an image of %v with a kernel of %v, padding %v and an output of %v", image, size, before, out)
		}
	}
	if before.Height < 0 || before.Width < 0 || before.Height > image.Height || before.Width > image.Width {
		return fmt.Errorf("convolution: padding of %v for an image of %v", before, image)
	}
	if _, ok := product(MaxValues, out.Height, out.Width, size.Height, size.Width); !ok {
		return fmt.Errorf("convolution: more than %d products", MaxValues)
	}
	return nil
}
