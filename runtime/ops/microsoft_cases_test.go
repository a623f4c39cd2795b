package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

func goldenActivations() []goldenCase {
	x, b := waveOf(1, -3, 3, 2, 4), waveOf(2, -1, 1, 4)
	return []goldenCase{
		newGolden("gelu", "Gelu", 1, 1e-5, nil, x),
		newGolden("quick_gelu", "QuickGelu", 1, 1e-5, nil, x),
		newGolden("quick_gelu_1", "QuickGelu", 1, 1e-5, attrsOf(onnx.FloatAttr("alpha", 1)), x),
		newGolden("bias_gelu", "BiasGelu", 1, 1e-5, nil, x, b),
		newGolden("fast_gelu", "FastGelu", 1, 1e-5, nil, x),
		newGolden("fast_gelu_bias", "FastGelu", 1, 1e-5, nil, x, b),
	}
}

func goldenProducts() []goldenCase {
	a, transA, transB := waveOf(1, -1, 1, 4, 2, 3), onnx.IntAttr("transA", 1), onnx.IntAttr("transB", 1)
	batchA, batchB := onnx.IntAttr("transBatchA", 1), onnx.IntAttr("transBatchB", 1)
	alpha := onnx.FloatAttr("alpha", 0.25)
	cases := []goldenCase{
		newGolden("fused_matmul", "FusedMatMul", 1, 1e-5, attrsOf(alpha, transB), waveOf(1, -3, 3, 2, 3, 4), waveOf(2, -1, 1, 2, 5, 4)),
		newGolden("fused_matmul_constant", "FusedMatMul", 1, 1e-5, attrsOf(alpha, transA), waveOf(1, -3, 3, 2, 3, 4), fixed(waveOf(2, -1, 1, 3, 5))),
		newGolden("fused_matmul_batch", "FusedMatMul", 1, 1e-5, attrsOf(batchA, batchB), a, waveOf(2, -1, 1, 3, 2, 5)),
		newGolden("fused_matmul_all", "FusedMatMul", 1, 1e-5, attrsOf(batchA, transA, batchB, transB), waveOf(1, -1, 1, 3, 2, 4), waveOf(2, -1, 1, 5, 2, 3)),
		newGolden("fused_gemm", "FusedGemm", 1, 1e-5, attrsOf(onnx.StringAttr("activation", "LeakyRelu"), onnx.FloatAttr("activation_alpha", 0.1), transB, onnx.FloatAttr("alpha", 0.5)),
			waveOf(1, -1, 1, 3, 4), waveOf(2, -1, 1, 5, 4), waveOf(3, -1, 1, 5)),
		// ONNX Runtime adds pairs of products in 16 bits, saturated, on some
		// processors: the values of the weight stay small here.
		newGolden("integer_to_float", "MatMulIntegerToFloat", 1, 1e-5, nil, bytesOf(onnx.Uint8, 1, 1, 4, 6), bytesOf(onnx.Int8, 2, 0.4, 6, 5),
			waveOf(1, .1, .2, 1), waveOf(2, .1, .2, 5), bytesOf(onnx.Uint8, 5, 1, 1), absent, waveOf(3, -1, 1, 5)),
		newGolden("dynamic_matmul", "DynamicQuantizeMatMul", 1, 1e-5, nil, waveOf(1, -1, 2, 4, 6), bytesOf(onnx.Int8, 2, 0.4, 6, 5), waveOf(2, .1, .2, 5), absent, waveOf(3, -1, 1, 5)),
	}
	for _, bits := range []int{2, 4, 8} {
		const k, n, block, blocks = 40, 3, 16, 3
		attrs := attrsOf(onnx.IntAttr("K", k), onnx.IntAttr("N", n), onnx.IntAttr("bits", int64(bits)), onnx.IntAttr("block_size", block))
		x, w, scale := waveOf(1, -1, 1, 2, k), fixed(bytesOf(onnx.Uint8, 2, 1, n, blocks, block*bits/8)), fixed(waveOf(3, .1, .5, n*blocks))
		zero, bias := fixed(bytesOf(onnx.Uint8, 5, 1, n*((blocks*bits+7)/8))), fixed(waveOf(5, -1, 1, n))
		cases = append(cases,
			newGolden(fmt.Sprintf("matmul_%dbits", bits), "MatMulNBits", 1, 1e-5, attrs, x, w, scale),
			newGolden(fmt.Sprintf("matmul_%dbits_zero", bits), "MatMulNBits", 1, 1e-5, attrs, x, w, scale, zero, absent, bias))
	}
	return cases
}

func goldenOthers() []goldenCase {
	x := waveOf(1, -3, 3, 2, 3, 4)
	number := func(v float32) goldenInput { return goldenInput{tensor: onnx.Scalar(v)} }
	directions := onnx.StringAttr("direction", "bidirectional")
	zeros := func(shape ...int) goldenInput {
		return fixed(goldenInput{tensor: onnx.NewTensor(onnx.Int8, shape...)})
	}
	lstm := []goldenInput{waveOf(1, -1, 1, 3, 2, 5), fixed(bytesOf(onnx.Int8, 2, .5, 2, 5, 12)), fixed(bytesOf(onnx.Int8, 3, .5, 2, 3, 12)), fixed(waveOf(4, -.2, .2, 2, 24)),
		absent, absent, absent, absent, fixed(waveOf(5, .01, .02, 2)), zeros(2), fixed(waveOf(6, .01, .02, 2)), zeros(2)}
	columns := append([]goldenInput(nil), lstm...)
	columns[8], columns[9] = fixed(waveOf(5, .01, .02, 2, 12)), zeros(2, 12)
	columns[10], columns[11] = fixed(waveOf(6, .01, .02, 2, 12)), zeros(2, 12)
	return []goldenCase{
		newGolden("inverse", "Inverse", 1, 1e-3, nil, waveOf(1, -1, 1, 2, 3, 3)),
		newGolden("trilu", "Trilu", 1, 1e-6, attrsOf(onnx.IntAttr("upper", 0)), x, goldenInput{tensor: onnx.Scalar(int64(1))}),
		newGolden("range", "Range", 1, 1e-6, nil, number(1), number(4.5)),
		newGolden("range_step", "Range", 1, 1e-6, nil, number(4), number(1), number(-1.5)),
		newGolden("pad", "Pad", 1, 1e-6, nil, x, goldenInput{tensor: onnx.FromSlice([]int64{0, 1, 0, 0, 0, 2}, 6)}, goldenInput{tensor: onnx.FromSlice([]float32{7}, 1)}),
		newGolden("gather_nd", "GatherND", 1, 1e-6, nil, x, goldenInput{tensor: onnx.FromSlice([]int64{1, 2, 0, 1}, 2, 2)}),
		newGolden("grid_sample", "GridSample", 1, 1e-5, nil, waveOf(1, -1, 1, 1, 1, 3, 4), waveOf(2, -1.2, 1.2, 1, 2, 3, 2)),
		newGolden("expand_dims", "ExpandDims", 1, 1e-6, nil, x, whole([]int32{-2}, 1)),
		newGolden("dynamic_lstm", "DynamicQuantizeLSTM", 3, .02, attrsOf(directions, onnx.IntAttr("hidden_size", 3)), lstm...),
		newGolden("dynamic_lstm_columns", "DynamicQuantizeLSTM", 3, .02, attrsOf(directions, onnx.IntAttr("hidden_size", 3)), columns...),
	}
}

func goldenNorms() []goldenCase {
	x, skip, gamma := waveOf(1, -3, 3, 2, 3, 4), waveOf(5, -2, 2, 2, 3, 4), waveOf(2, .5, 1.5, 4)
	beta, bias := waveOf(3, -1, 1, 4), waveOf(4, -1, 1, 4)
	attrs := attrsOf(onnx.FloatAttr("epsilon", 1e-5))
	ids, segments := whole([]int32{1, 2, 3, 0, 4, 1}, 2, 3), whole([]int32{0, 1, 1, 0, 0, 1}, 2, 3)
	words, positions := waveOf(1, -1, 1, 5, 4), waveOf(2, -1, 1, 6, 4)
	simplified := newGolden("simplified_norm", "SimplifiedLayerNormalization", 1, 1e-5, attrs, x, gamma)
	simplified.node.domain, simplified.node.opset = "", 17
	return []goldenCase{
		simplified,
		newGolden("skip_norm", "SkipLayerNormalization", 1, 1e-5, attrs, x, skip, gamma, beta, bias),
		newGolden("skip_norm_2d", "SkipLayerNormalization", 1, 1e-5, attrs, x, waveOf(5, -2, 2, 3, 4), gamma),
		newGolden("skip_rms", "SkipSimplifiedLayerNormalization", 1, 1e-5, attrs, x, skip, gamma, bias),
		newGolden("embed_norm", "EmbedLayerNormalization", 2, 1e-5, attrs, ids, segments, words, positions, waveOf(3, -1, 1, 2, 4), gamma, beta, whole([]int32{1, 1, 0, 1, 1, 1}, 2, 3)),
		newGolden("embed_norm_sum", "EmbedLayerNormalization", 3, 1e-5, attrs, ids, absent, words, positions, absent, gamma, beta),
	}
}

func goldenConvs() []goldenCase {
	x, w, b := waveOf(1, -1, 1, 1, 2, 4, 4), waveOf(2, -1, 1, 3, 2, 3, 3), waveOf(3, -1, 1, 3)
	pads, relu := onnx.IntsAttr("pads", 1, 1, 1, 1), onnx.StringAttr("activation", "Relu")
	return []goldenCase{
		newGolden("fused_conv", "FusedConv", 1, 1e-5, attrsOf(relu, pads), x, w, b),
		newGolden("fused_conv_clip", "FusedConv", 1, 1e-5, attrsOf(onnx.StringAttr("activation", "Clip"), onnx.FloatsAttr("activation_params", -.5, .5)), x, w, b),
		newGolden("fused_conv_sum", "FusedConv", 1, 1e-5, attrsOf(relu, pads), x, w, b, waveOf(5, -2, 2, 1, 3, 4, 4)),
		newGolden("nhwc_pool", "NhwcMaxPool", 1, 0, attrsOf(onnx.IntsAttr("kernel_shape", 2, 2), onnx.IntsAttr("strides", 2, 2)), bytesOf(onnx.Uint8, 1, 1, 1, 4, 6, 3)),
	}
}

func goldenQLinear() []goldenCase {
	var cases []goldenCase
	for _, t := range []onnx.DType{onnx.Uint8, onnx.Int8} {
		add := func(name, op string, attrs []onnx.Attribute, inputs ...goldenInput) {
			cases = append(cases, newGolden(name+"_"+t.String(), op, 1, 0, attrs, inputs...))
		}
		a, b, image := bytesOf(t, 1, 1, 2, 3, 4), bytesOf(t, 2, 1, 3, 4), bytesOf(t, 1, 1, 1, 2, 4, 4)
		aScale, bScale, scale, fine := waveOf(1, .02, .03), waveOf(2, .02, .03), waveOf(3, .03, .05), waveOf(1, 1./256, 1./256)
		aZero, bZero, zero, lowest := bytesOf(t, 3, 1), bytesOf(t, 5, 1), bytesOf(t, 6, 1), bytesOf(t, 6, 0)
		if t == onnx.Int8 {
			lowest = goldenInput{tensor: onnx.Scalar(int8(-128))}
		}
		pads, kernel, last := onnx.IntsAttr("pads", 1, 1, 1, 1), onnx.IntsAttr("kernel_shape", 3, 3), onnx.IntAttr("channels_last", 1)
		add("qadd", "QLinearAdd", nil, a, aScale, aZero, b, bScale, bZero, scale, zero)
		add("qmul", "QLinearMul", nil, a, aScale, aZero, b, bScale, bZero, scale, zero)
		add("qsigmoid", "QLinearSigmoid", nil, a, aScale, aZero, fine, zero)
		add("qleaky", "QLinearLeakyRelu", attrsOf(onnx.FloatAttr("alpha", .1)), a, aScale, aZero, scale, zero)
		add("qsoftmax", "QLinearSoftmax", attrsOf(onnx.IntAttr("axis", -1), onnx.IntAttr("opset", 13)), a, aScale, aZero, fine, lowest)
		add("qconcat", "QLinearConcat", attrsOf(onnx.IntAttr("axis", 0)), scale, zero, bytesOf(t, 1, 1, 2, 4), aScale, aZero, b, bScale, bZero)
		condition := goldenInput{tensor: onnx.FromSlice([]bool{true, false, true}, 3, 1)}
		add("qwhere", "QLinearWhere", nil, condition, b, bScale, bZero, bytesOf(t, 1, 1, 3, 4), aScale, aZero, scale, zero)
		add("qaverage", "QLinearAveragePool", attrsOf(kernel, pads), image, aScale, aZero, scale, zero)
		add("qaverage_pads", "QLinearAveragePool", attrsOf(kernel, pads, onnx.IntAttr("count_include_pad", 1)), image, aScale, aZero, scale, zero)
		add("qaverage_last", "QLinearAveragePool", attrsOf(onnx.IntsAttr("kernel_shape", 2, 2), last), bytesOf(t, 1, 1, 1, 3, 3, 2), aScale, aZero, scale, zero)
		add("qglobal", "QLinearGlobalAveragePool", nil, image, aScale, aZero, scale, zero)
		add("qglobal_last", "QLinearGlobalAveragePool", attrsOf(last), image, aScale, aZero, scale, zero)
		gemm := attrsOf(onnx.FloatAttr("alpha", .5), onnx.IntAttr("transB", 1))
		weight, weightZero := fixed(bytesOf(onnx.Int8, 2, .4, 5, 6)), fixed(goldenInput{tensor: onnx.FromSlice([]int8{1, 2, 3, -4, 0}, 5)})
		addend := whole([]int32{300, -5000, 20, 0, 7}, 5)
		add("qgemm", "QGemm", gemm, bytesOf(t, 1, 1, 3, 6), aScale, aZero, weight, fixed(waveOf(2, .02, .03, 5)), weightZero, addend, waveOf(3, .3, .5), zero)
		add("qconv_last", "QLinearConv", attrsOf(last, pads), bytesOf(t, 1, 1, 1, 4, 4, 2), aScale, aZero, fixed(bytesOf(onnx.Int8, 2, .4, 3, 2, 3, 3)), waveOf(2, .01, .02, 1),
			goldenInput{tensor: onnx.Scalar(int8(0))}, waveOf(3, .3, .5), zero, whole([]int32{100, -200, 300}, 3))
	}
	cases = append(cases, newGolden("qgemm_float", "QGemm", 1, 1e-5, attrsOf(onnx.IntAttr("transA", 1)), bytesOf(onnx.Uint8, 1, 1, 6, 3), waveOf(1, .02, .03), bytesOf(onnx.Uint8, 3, 1),
		fixed(bytesOf(onnx.Int8, 2, .4, 6, 5)), fixed(waveOf(2, .02, .03)), fixed(goldenInput{tensor: onnx.Scalar(int8(0))}), whole([]int32{300, -5000, 20, 0, 7}, 1, 5)))
	return cases
}

func goldenAttention() []goldenCase {
	const batch, length, heads, size, all = 2, 3, 2, 4, 8
	count := onnx.IntAttr("num_heads", heads)
	plain, causal := attrsOf(count), attrsOf(count, onnx.IntAttr("unidirectional", 1))
	x, w, b := waveOf(1, -1, 1, batch, length, 6), fixed(waveOf(2, -1, 1, 6, 3*all)), fixed(waveOf(3, -1, 1, 3*all))
	q, k, v := waveOf(1, -1, 1, batch, length, all), waveOf(2, -1, 1, batch, 5, all), waveOf(3, -1, 1, batch, 5, all)
	mask := whole([]int32{1, 1, 0, 1, 0, 0}, batch, length)
	cos, sin := waveOf(1, -1, 1, 16, size/2), waveOf(2, -1, 1, 16, size/2)
	positions := goldenInput{tensor: onnx.FromSlice([]int64{3, 1, 2, 0, 4, 7}, batch, length)}
	return []goldenCase{
		newGolden("attention", "Attention", 1, 1e-5, plain, x, w, b),
		newGolden("attention_causal", "Attention", 1, 1e-5, causal, x, w, b),
		newGolden("attention_mask", "Attention", 1, 1e-5, plain, x, w, b, mask),
		newGolden("attention_ends", "Attention", 1, 1e-5, plain, x, w, b, whole([]int32{2, 1}, batch)),
		newGolden("attention_ends_starts", "Attention", 1, 1e-5, plain, x, w, b, whole([]int32{3, 2, 1, 0}, 2*batch)),
		newGolden("attention_mask_3d", "Attention", 1, 1e-5, plain, x, w, b, whole([]int32{1, 1, 0, 1, 0, 0, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1, 1, 1}, batch, length, length)),
		newGolden("attention_past", "Attention", 2, 1e-5, causal, x, w, b, absent, waveOf(4, -1, 1, 2, batch, heads, 2, size)),
		newGolden("attention_bias", "Attention", 1, 1e-5, plain, x, w, b, mask, absent, waveOf(4, -1, 1, 1, heads, length, length)),
		newGolden("attention_sizes", "Attention", 1, 1e-5, attrsOf(count, onnx.IntsAttr("qkv_hidden_sizes", all, all, 4)), x, fixed(waveOf(2, -1, 1, 6, 2*all+4)), fixed(waveOf(3, -1, 1, 2*all+4))),
		newGolden("qattention", "QAttention", 1, 1e-4, plain, bytesOf(onnx.Uint8, 1, 1, batch, length, 6), fixed(bytesOf(onnx.Int8, 2, .25, 6, 3*all)), b, waveOf(1, .01, .02), fixed(waveOf(1, .01, .02)),
			whole([]int32{2, 1}, batch), bytesOf(onnx.Uint8, 4, 1), fixed(goldenInput{tensor: onnx.Scalar(int8(0))})),
		newGolden("multihead", "MultiHeadAttention", 1, 1e-5, plain, q, k, v),
		newGolden("multihead_bias", "MultiHeadAttention", 1, 1e-5, attrsOf(count, onnx.FloatAttr("scale", .3)), q, k, v, b,
			whole([]int32{1, 1, 0, 1, 0, 0, 1, 1, 1, 1}, batch, 5), waveOf(4, -1, 1, batch, heads, length, 5)),
		newGolden("multihead_cross", "MultiHeadAttention", 1, 1e-5, plain, q, waveOf(1, -1, 1, batch, heads, 5, size), waveOf(2, -1, 1, batch, heads, 5, size)),
		newGolden("multihead_past", "MultiHeadAttention", 3, 1e-5, causal, q, waveOf(2, -1, 1, batch, length, all), waveOf(3, -1, 1, batch, length, all), absent, absent, absent,
			waveOf(5, -1, 1, batch, heads, 2, size), waveOf(6, -1, 1, batch, heads, 2, size)),
		newGolden("rotary", "RotaryEmbedding", 1, 1e-5, nil, q, positions, cos, sin),
		newGolden("rotary_interleaved", "RotaryEmbedding", 1, 1e-5, attrsOf(onnx.IntAttr("interleaved", 1)), q, goldenInput{tensor: onnx.FromSlice([]int64{3}, 1)}, cos, sin),
		newGolden("rotary_4d", "RotaryEmbedding", 1, 1e-5, nil, waveOf(1, -1, 1, batch, heads, length, size), positions, cos, sin),
		newGolden("rotary_part", "RotaryEmbedding", 1, 1e-5, attrsOf(onnx.IntAttr("num_heads", 1), onnx.IntAttr("rotary_embedding_dim", 4)), q, positions, cos, sin),
	}
}

func goldenGroupQuery() []goldenCase {
	const batch, length, heads, keyHeads, size = 2, 3, 4, 2, 16
	counts := attrsOf(onnx.IntAttr("num_heads", heads), onnx.IntAttr("kv_num_heads", keyHeads))
	with := func(attrs ...onnx.Attribute) []onnx.Attribute { return append(attrs, counts...) }
	rotary := onnx.IntAttr("do_rotary", 1)
	cos, sin := waveOf(1, -1, 1, 16, size/2), waveOf(2, -1, 1, 16, size/2)
	q, k, v := waveOf(1, -1, 1, batch, length, heads*size), waveOf(2, -1, 1, batch, length, keyHeads*size), waveOf(3, -1, 1, batch, length, keyHeads*size)
	nothing := waveOf(5, -1, 1, batch, keyHeads, 0, size)
	prompt, three := whole([]int32{2, 2}, batch), fixed(whole([]int32{3}, 1))
	q1, k1, v1 := waveOf(1, -1, 1, batch, 1, heads*size), waveOf(2, -1, 1, batch, 1, keyHeads*size), waveOf(3, -1, 1, batch, 1, keyHeads*size)
	pastKey, pastValue := waveOf(5, -1, 1, batch, keyHeads, 5, size), waveOf(6, -1, 1, batch, keyHeads, 5, size)
	full, ragged, six := whole([]int32{5, 5}, batch), whole([]int32{5, 3}, batch), fixed(whole([]int32{6}, 1))
	return []goldenCase{
		newGolden("group_prompt", "GroupQueryAttention", 3, 1e-5, counts, q, k, v, nothing, nothing, prompt, three),
		newGolden("group_prompt_rotary", "GroupQueryAttention", 3, 1e-5, with(rotary), q, k, v, nothing, nothing, prompt, three, cos, sin),
		newGolden("group_packed", "GroupQueryAttention", 3, 1e-5, with(rotary, onnx.IntAttr("rotary_interleaved", 1)), waveOf(1, -1, 1, batch, length, (heads+2*keyHeads)*size), absent, absent, nothing, nothing, prompt, three, cos, sin),
		newGolden("group_window_prompt", "GroupQueryAttention", 3, 1e-5, with(onnx.IntAttr("local_window_size", 2)), q, k, v, nothing, nothing, prompt, three),
		newGolden("group_decode", "GroupQueryAttention", 3, 1e-5, with(rotary), q1, k1, v1, pastKey, pastValue, full, six, cos, sin),
		newGolden("group_ragged", "GroupQueryAttention", 3, 1e-5, with(rotary), q1, k1, v1, pastKey, pastValue, ragged, six, cos, sin),
		newGolden("group_buffer", "GroupQueryAttention", 3, 1e-5, with(rotary, onnx.FloatAttr("softcap", 2)), q1, k1, v1, waveOf(5, -1, 1, batch, keyHeads, 9, size), waveOf(6, -1, 1, batch, keyHeads, 9, size), ragged, six, cos, sin),
		newGolden("group_window", "GroupQueryAttention", 3, 1e-5, with(onnx.IntAttr("local_window_size", 3), onnx.FloatAttr("scale", .7)), q1, k1, v1, pastKey, pastValue, full, six),
		newGolden("group_bias", "GroupQueryAttention", 3, 1e-5, counts, q1, k1, v1, pastKey, pastValue, full, six, absent, absent, absent, waveOf(3, -1, 1, batch, heads, 1, 6)),
	}
}
