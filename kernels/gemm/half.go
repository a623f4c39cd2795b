package gemm

import "github.com/kcompress/kcompress/kernels/vec"

// A weight of which every value is a float16 is packed as float16: half the
// memory, and the same results. Products with few rows, which wait for memory,
// read it as it is; others widen it block by block.

// packHalves replaces the values of a packed weight if float16 holds them all.
func (p *Packed) packHalves() {
	if !hasHalfTiles() || len(p.data) == 0 {
		return
	}
	// Most weights show at once that they are none.
	if probe := min(len(p.data), 4*panelWidth); narrow(p.data[:probe]) == nil {
		return
	}
	if halves := narrow(p.data); halves != nil {
		p.halves, p.data = halves, nil
	}
}

// narrow returns x as float16, or nil if that changes a value. NaN does not
// count as one that float16 holds.
func narrow(x []float32) []uint16 {
	const part = 1024
	halves := make([]uint16, len(x))
	var back [part]float32
	for i := 0; i < len(x); i += part {
		n := min(part, len(x)-i)
		vec.Float32ToFloat16(halves[i:i+n], x[i:i+n])
		vec.Float16ToFloat32(back[:n], halves[i:i+n])
		for j, v := range x[i : i+n] {
			if back[j] != v {
				return nil
			}
		}
	}
	return halves
}

// fewRows is up to how many rows the tiles read float16 themselves.
const fewRows = 6

// multiplyHalves is multiplyRows for a weight of float16.
func (p *Packed) multiplyHalves(dst []float32, dstStride int, a []float32, aStride, rows, columnFrom, columnTo int, e Epilogue) {
	if rows <= fewRows && hasHalfTiles() {
		p.multiplyFew(dst, dstStride, a, aStride, rows, columnFrom, columnTo)
		e.finish(dst, dstStride, rows, columnFrom, columnTo)
		return
	}
	s := scratchPool.Get().(*scratch)
	defer scratchPool.Put(s)
	step := min(depth(rows, p.k), blockDepth)
	for k := 0; k < p.k; k += step {
		depth := min(step, p.k-k)
		for j := columnFrom; j < columnTo; j += columnBlock {
			end := min(j+columnBlock, columnTo)
			multiplyBlock(dst[j:], dstStride, a[k:], aStride, p.widen(s, j, end, k, depth), rows, end-j, depth, k > 0)
			if k+depth == p.k {
				e.finish(dst, dstStride, rows, j, end)
			}
		}
	}
}

// widen returns the panels of some columns as float32, depth rows from k on.
func (p *Packed) widen(s *scratch, from, to, k, depth int) panels {
	size := depth * panelWidth
	wide := grow(&s.b, divideUp(to-from, panelWidth)*size)
	for i := 0; i*panelWidth < to-from; i++ {
		panel := p.halves[((from/panelWidth+i)*p.k+k)*panelWidth:][:size]
		vec.Float16ToFloat32(wide[i*size:][:size], panel)
	}
	return panels{wide, panelWidth, size}
}

// multiplyFew computes up to fewRows rows with the tiles for float16.
func (p *Packed) multiplyFew(dst []float32, dstStride int, a []float32, aStride, rows, columnFrom, columnTo int) {
	whole := columnTo / panelWidth
	panel := columnFrom / panelWidth
	for panel < whole {
		count := halfPanels(rows, whole-panel)
		halfTile(dst[panel*panelWidth:], dstStride, a, aStride, p.halves[panel*panelWidth*p.k:], rows, count, p.k)
		panel += count
	}
	if rest := columnTo - whole*panelWidth; rest > 0 {
		var part [fewRows * panelWidth]float32
		halfTile(part[:], panelWidth, a, aStride, p.halves[whole*panelWidth*p.k:], rows, 1, p.k)
		for r := range rows {
			copy(dst[r*dstStride+whole*panelWidth:][:rest], part[r*panelWidth:])
		}
	}
}
