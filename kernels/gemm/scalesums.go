package gemm

// ScaleSums turns integer products of [PackedInt8.Multiply] into numbers: for m
// rows of sums and the given columns
//
//	dst[i*dstStride+j] = float32(sums[i*sumsStride+j] - zero*p.Sums()[j]) * (scale * scales[j]) + bias[j]
//
// with each operation rounded, as the nodes do it into which dynamic
// quantization turns a MatMul. zero is the zero point of the left side. scales
// and bias have N numbers or are nil, which leaves them out.
func (p *PackedInt8) ScaleSums(dst []float32, dstStride int, sums []int32, sumsStride, m, columnFrom, columnTo int, zero int32, scale float32, scales, bias []float32) {
	if m <= 0 || columnFrom >= columnTo {
		return
	}
	checkMatrix("dst", len(dst), dstStride, m, columnTo)
	checkMatrix("sums", len(sums), sumsStride, m, columnTo)
	f := sumScale{p.sums[columnFrom:columnTo], zero, scale, scales, bias}
	if scales != nil {
		f.scales = scales[columnFrom:columnTo]
	}
	if bias != nil {
		f.bias = bias[columnFrom:columnTo]
	}
	for i := range m {
		f.apply(dst[i*dstStride:][columnFrom:columnTo], sums[i*sumsStride:][columnFrom:columnTo])
	}
}

// sumScale is how sums of some columns become numbers.
type sumScale struct {
	columns      []int32
	zero         int32
	scale        float32
	scales, bias []float32 // of the columns, or nil
}

// applyGeneric does one row, from a column on.
func (f sumScale) applyGeneric(dst []float32, sums []int32, from int) {
	for j := from; j < len(dst); j++ {
		factor := f.scale
		if f.scales != nil {
			factor *= f.scales[j]
		}
		y := float32(float32(sums[j]-f.zero*f.columns[j]) * factor)
		if f.bias != nil {
			y += f.bias[j]
		}
		dst[j] = y
	}
}
