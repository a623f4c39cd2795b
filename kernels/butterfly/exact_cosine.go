package butterfly

import "fmt"

// DCT returns the discrete cosine transform of a kind from 1 to 4 of n inputs,
// without any scaling (see ScaledRows):
//
//	1: cos(pi j k / (n-1)), n >= 2       3: cos(pi j (2k+1) / 2n)
//	2: cos(pi (2j+1) k / 2n)             4: cos(pi (2j+1) (2k+1) / 4n)
//
// for row k and input j. They cost about as much as a real DFT of n inputs,
// those of kind 1 (and of kind 4 for even n) twice as much. In the paper they
// are real parts of (BB*)^2.
func DCT(n, kind int) (*Chain, error) {
	if err := checkKind("DCT", n, kind); err != nil {
		return nil, err
	}
	switch kind {
	case 1:
		return cosines(n)
	case 2:
		return secondCosines(n)
	case 3:
		c, err := secondCosines(n)
		if err != nil {
			return nil, err
		}
		return c.Transposed(), nil
	}
	if n%2 == 1 {
		return fourthCosinesOdd(n)
	}
	return fourthCosines(n)
}

// DST returns the discrete sine transform of a kind from 1 to 4 of n inputs,
// without any scaling:
//
//	1: sin(pi (j+1) (k+1) / (n+1))       3: sin(pi (j+1) (2k+1) / 2n)
//	2: sin(pi (2j+1) (k+1) / 2n)         4: sin(pi (2j+1) (2k+1) / 4n)
func DST(n, kind int) (*Chain, error) {
	if err := checkKind("DST", n, kind); err != nil {
		return nil, err
	}
	if kind == 1 {
		return sines(n)
	}
	// sin(pi (2j+1) (k+1) / 2n) = (-1)^j cos(pi (2j+1) (n-1-k) / 2n): inputs
	// with alternating signs, and rows in reverse order. For kinds 3 and 4 the
	// signs are those of the rows, and inputs are reversed.
	c, err := DCT(n, kind)
	if err != nil {
		return nil, err
	}
	signs, reversed := make([]float64, n), make([]int, n)
	for i := range n {
		signs[i], reversed[i] = 1-2*float64(i%2), n-1-i
	}
	if kind == 2 {
		if c, err = c.SelectedRows(reversed); err != nil {
			return nil, err
		}
		return c.ScaledColumns(signs)
	}
	if c, err = c.SelectedColumns(reversed, n); err != nil {
		return nil, err
	}
	return c.ScaledRows(signs)
}

func checkKind(what string, n, kind int) error {
	if kind < 1 || kind > 4 {
		return fmt.Errorf("%s: kind %d is not 1 to 4", what, kind)
	}
	if what == "DCT" && kind == 1 && n == 1 {
		return fmt.Errorf("DCT: kind 1 needs a size of at least 2")
	}
	return checkTransformSize(what, n)
}

func cosines(n int) (*Chain, error) {
	rows := make([]Sinusoid, n)
	for k := range rows {
		rows[k] = Sinusoid{2 * k, 1, 0}
	}
	return Sinusoids(n, 2*(n-1), rows, nil)
}

func sines(n int) (*Chain, error) {
	rows := make([]Sinusoid, n)
	for k := range rows {
		cos, sin := turn(k+1, n+1)
		rows[k] = Sinusoid{2 * (k + 1), sin, cos}
	}
	return Sinusoids(n, 2*(n+1), rows, nil)
}

// secondCosines is the DCT of kind 2 as a real DFT of the even inputs in order
// and the odd ones in reverse (Makhoul, A fast cosine transform in one and two
// dimensions, 1980).
func secondCosines(n int) (*Chain, error) {
	rows, order := make([]Sinusoid, n), make([]int, n)
	for k := range rows {
		cos, sin := turn(k, 2*n)
		rows[k] = Sinusoid{2 * k, cos, -sin}
		if k%2 == 0 {
			order[k/2] = k
		} else {
			order[n-1-k/2] = k
		}
	}
	c, err := Sinusoids(n, n, rows, nil)
	if err != nil {
		return nil, err
	}
	return c.SelectedColumns(order, n)
}

func fourthCosines(n int) (*Chain, error) {
	rows := make([]Sinusoid, n)
	for k := range rows {
		cos, sin := turn(2*k+1, 4*n)
		rows[k] = Sinusoid{2*k + 1, cos, -sin}
	}
	return Sinusoids(n, 2*n, rows, nil)
}

// fourthCosinesOdd is the DCT of kind 4 of an odd n as a real DFT of n inputs.
// cos(2 pi a b / 8n) with odd a and b is the same for -a and the opposite for
// 4n-a. Of these one residue modulo 8n is 1 modulo 8; and for residues
// that are 1 modulo 8 the angle depends on their residues modulo n alone.
func fourthCosinesOdd(n int) (*Chain, error) {
	order, rows := make([]int, n), make([]Sinusoid, n)
	signs, frequencies, rowSigns := make([]float64, n), make([]int, n), make([]float64, n)
	for j := range n {
		residue, sign := oneModuloEight(2*j+1, n)
		order[residue%n], signs[residue%n] = j, sign
		frequencies[j], rowSigns[j] = residue, sign
	}
	// 1/8n = u/8 + v/n with u = 1/n modulo 8 and v = 1/8 modulo n.
	u, v := n%8, inverseModulo(8, n)
	cos, sin := turn(u, 4)
	for k, f := range frequencies {
		rows[k] = Sinusoid{2 * (v * (f % n) % n), rowSigns[k] * cos, -rowSigns[k] * sin}
	}
	c, err := Sinusoids(n, n, rows, signs)
	if err != nil {
		return nil, err
	}
	return c.SelectedColumns(order, n)
}

// oneModuloEight returns the residue of a, -a, 4n-a or 4n+a modulo 8n that is 1
// modulo 8, and -1 for the last two.
func oneModuloEight(a, n int) (residue int, sign float64) {
	for i, candidate := range []int{a, 8*n - a, 4*n - a, 4*n + a} {
		if residue = modulo(candidate, 8*n); residue%8 == 1 {
			return residue, []float64{1, 1, -1, -1}[i]
		}
	}
	panic("butterfly: no residue of an odd number is 1 modulo 8")
}

// inverseModulo is 1/a modulo n for coprime numbers; 0 for n = 1.
func inverseModulo(a, n int) int {
	for x := range n {
		if a*x%n == 1%n {
			return x
		}
	}
	return 0
}
