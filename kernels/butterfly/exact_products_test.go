package butterfly

import (
	"fmt"
	"math"
	"math/bits"
	"testing"
)

func TestInverse(t *testing.T) {
	r := newRand(21)
	hadamard, err := Hadamard(16)
	if err != nil {
		t.Fatal(err)
	}
	hartley, err := Hartley(36)
	if err != nil {
		t.Fatal(err)
	}
	permuted, err := hadamard.SelectedRows(r.Perm(16))
	if err != nil {
		t.Fatal(err)
	}
	haar, err := Haar(48)
	if err != nil {
		t.Fatal(err)
	}
	random := randomChain(r, designOf(Pattern{4, 3, 3, 1}, Pattern{1, 4, 4, 3}))
	diagonal, err := Diagonal([]float64{1, -2, 1e-3})
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []*Chain{hadamard, permuted, haar, random, diagonal, hartley} {
		inverse, err := c.Inverse()
		if i == 5 && err != nil { // its factors need not be square
			continue
		}
		if err != nil {
			t.Fatalf("chain %d: %v", i, err)
		}
		product, err := Product(c, inverse)
		checkMatrix(t, fmt.Sprint("chain ", i), product, err, c.In, c.In, func(row, column int) float64 {
			if row == column {
				return 1
			}
			return 0
		})
	}
}

func TestInverseRejects(t *testing.T) {
	tall, _ := LowRankProduct(normals(1, 12), normals(2, 12), 6, 6, 2)
	zero := NewChain(designOf(Pattern{2, 2, 2, 1}))
	repeated, _ := Gather([]int{0, 0}, 2)
	for i, c := range []*Chain{tall, zero, repeated, randomChain(newRand(1), designOf(Pattern{1, 2, 3, 1}))} {
		if _, err := c.Inverse(); err == nil {
			t.Errorf("no error for chain %d", i)
		}
	}
}

func TestFastfood(t *testing.T) {
	for _, n := range []int{2, 16, 64} {
		s, g, b, order := normals(1, n), normals(2, n), normals(3, n), newRand(4).Perm(n)
		h := func(i, j int) float64 { return 1 - 2*float64(bits.OnesCount(uint(i&j))%2) }
		c, err := Fastfood(s, g, order, b)
		checkMatrix(t, fmt.Sprint("Fastfood ", n), c, err, n, n, func(i, j int) float64 {
			sum := 0.0
			for k := range n {
				sum += s[i] * h(i, k) * g[k] * h(order[k], j) * b[j]
			}
			return sum
		})
		if want := 4 * n * (bits.Len(uint(n)) - 1); n > 2 && c.Design().Values() != want {
			t.Errorf("%d values, want %d (%v)", c.Design().Values(), want, c.Design())
		}
	}
}

func TestACDC(t *testing.T) {
	for _, n := range []int{1, 2, 5, 37, 48} {
		a, d := normals(5, n), normals(6, n)
		dct := func(k, j int) float64 {
			return math.Sqrt(conjugates(2*k, 4*n)/float64(n)) * cosOf((2*j+1)*k, 2*n)
		}
		c, err := ACDC(a, d)
		checkMatrix(t, fmt.Sprint("ACDC ", n), c, err, n, n, func(i, j int) float64 {
			sum := 0.0
			for k := range n {
				sum += dct(k, i) * d[k] * dct(k, j) * a[j]
			}
			return sum
		})
	}
}

func TestConvolution2D(t *testing.T) {
	for _, image := range []Image{{1, 1}, {5, 7}, {8, 8}} {
		for _, size := range []Image{{1, 1}, {3, 3}, {2, 4}} {
			for _, before := range []Image{{0, 0}, {1, 1}} {
				for _, circular := range []bool{false, true} {
					out := Image{image.Height + 2*before.Height - size.Height + 1, image.Width + 2*before.Width - size.Width + 1}
					if circular {
						out = image
					} else if out.Height < 1 || out.Width < 1 {
						continue
					}
					kernel := normals(9, size.Height*size.Width)
					c, err := Convolution2D(image, kernel, size, before, circular)
					checkMatrix(t, fmt.Sprint(image, size, before, circular), c, err, out.Height*out.Width, image.Height*image.Width, func(row, column int) float64 {
						sum := 0.0
						for k, v := range kernel {
							y, x := row/out.Width+k/size.Width-before.Height, row%out.Width+k%size.Width-before.Width
							if circular {
								y, x = modulo(y, image.Height), modulo(x, image.Width)
							}
							if y == column/image.Width && x == column%image.Width && (circular || x >= 0 && x < image.Width) {
								sum += v
							}
						}
						return sum
					})
				}
			}
		}
	}
}

func TestProductsReject(t *testing.T) {
	one, nan := []float64{1, 1}, []float64{1, math.NaN()}
	for name, err := range map[string]error{
		"NaN Fastfood":      second(Fastfood(one, nan, []int{0, 1}, one)),
		"short Fastfood":    second(Fastfood(one, one, []int{0, 1}, one[:1])),
		"odd Fastfood":      second(Fastfood(one[:1], one[:1], []int{0}, one[:1])),
		"no permutation":    second(Fastfood(one, one, []int{0, 0}, one)),
		"NaN ACDC":          second(ACDC(nan, one)),
		"empty ACDC":        second(ACDC(nil, nil)),
		"unequal ACDC":      second(ACDC(one, one[:1])),
		"NaN kernel":        second(Convolution2D(Image{2, 2}, nan, Image{1, 2}, Image{}, false)),
		"kernel too large":  second(Convolution2D(Image{2, 2}, normals(1, 9), Image{3, 3}, Image{}, false)),
		"negative image":    second(Convolution2D(Image{-2, -2}, one, Image{1, 2}, Image{}, true)),
		"negative padding":  second(Convolution2D(Image{2, 2}, one, Image{1, 2}, Image{0, -1}, true)),
		"enormous image":    second(Convolution2D(Image{1 << 30, 1 << 30}, one, Image{1, 2}, Image{}, true)),
		"wrong kernel size": second(Convolution2D(Image{4, 4}, one, Image{2, 2}, Image{}, true)),
	} {
		if err == nil {
			t.Errorf("no error for %s", name)
		}
	}
}
