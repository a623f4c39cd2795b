//go:build !noasm

#include "textflag.h"

// Tiles of 1 to 6 rows by one panel of 16 columns. Row i of the sums is V(4i)
// to V(4i+3); V24 to V27 hold a row of the panel, V28 one value of a.
//
// R0 dst, R1 dstStride, R2 first row of a, R3 aStride, R5 bStride, R7 strips (all
// strides in bytes); R9 row of the panel, R10 to R15 rows of a, R19 row of dst,
// R20 steps of k that remain.

#define LOAD_ARGUMENTS \
	MOVD dst+0(FP), R0; \
	MOVD dstStride+8(FP), R1; \
	LSL  $2, R1; \
	MOVD a+16(FP), R2; \
	MOVD aStride+24(FP), R3; \
	LSL  $2, R3; \
	MOVD bStride+40(FP), R5; \
	LSL  $2, R5; \
	MOVD strips+56(FP), R7

#define CLEAR(s0, s1, s2, s3) \
	VEOR s0.B16, s0.B16, s0.B16; \
	VEOR s1.B16, s1.B16, s1.B16; \
	VEOR s2.B16, s2.B16, s2.B16; \
	VEOR s3.B16, s3.B16, s3.B16

#define LOAD(s0, s1, s2, s3) \
	VLD1 (R19), [s0.S4, s1.S4, s2.S4, s3.S4]; \
	ADD  R1, R19

#define STORE(s0, s1, s2, s3) \
	VST1 [s0.S4, s1.S4, s2.S4, s3.S4], (R19); \
	ADD  R1, R19

#define STEP(row, s0, s1, s2, s3) \
	VLD1R.P 4(row), [V28.S4]; \
	VFMLA   V24.S4, V28.S4, s0.S4; \
	VFMLA   V25.S4, V28.S4, s1.S4; \
	VFMLA   V26.S4, V28.S4, s2.S4; \
	VFMLA   V27.S4, V28.S4, s3.S4


#define CLEAR1 CLEAR(V0, V1, V2, V3)
#define CLEAR2 CLEAR1; CLEAR(V4, V5, V6, V7)
#define CLEAR3 CLEAR2; CLEAR(V8, V9, V10, V11)
#define CLEAR4 CLEAR3; CLEAR(V12, V13, V14, V15)
#define CLEAR5 CLEAR4; CLEAR(V16, V17, V18, V19)
#define CLEAR6 CLEAR5; CLEAR(V20, V21, V22, V23)

#define LOAD1 LOAD(V0, V1, V2, V3)
#define LOAD2 LOAD1; LOAD(V4, V5, V6, V7)
#define LOAD3 LOAD2; LOAD(V8, V9, V10, V11)
#define LOAD4 LOAD3; LOAD(V12, V13, V14, V15)
#define LOAD5 LOAD4; LOAD(V16, V17, V18, V19)
#define LOAD6 LOAD5; LOAD(V20, V21, V22, V23)

#define STORE1 STORE(V0, V1, V2, V3)
#define STORE2 STORE1; STORE(V4, V5, V6, V7)
#define STORE3 STORE2; STORE(V8, V9, V10, V11)
#define STORE4 STORE3; STORE(V12, V13, V14, V15)
#define STORE5 STORE4; STORE(V16, V17, V18, V19)
#define STORE6 STORE5; STORE(V20, V21, V22, V23)

#define STEP1 STEP(R10, V0, V1, V2, V3)
#define STEP2 STEP1; STEP(R11, V4, V5, V6, V7)
#define STEP3 STEP2; STEP(R12, V8, V9, V10, V11)
#define STEP4 STEP3; STEP(R13, V12, V13, V14, V15)
#define STEP5 STEP4; STEP(R14, V16, V17, V18, V19)
#define STEP6 STEP5; STEP(R15, V20, V21, V22, V23)

// The rows of a of a strip, and the first row of the next strip.
#define ROWS1 MOVD R2, R10; ADD R3, R2
#define ROWS2 ROWS1; MOVD R2, R11; ADD R3, R2
#define ROWS3 ROWS2; MOVD R2, R12; ADD R3, R2
#define ROWS4 ROWS3; MOVD R2, R13; ADD R3, R2
#define ROWS5 ROWS4; MOVD R2, R14; ADD R3, R2
#define ROWS6 ROWS5; MOVD R2, R15; ADD R3, R2

#define TILE(ROWS, CLEAR_SUMS, LOAD_SUMS, STEP_ALL, STORE_SUMS) \
	LOAD_ARGUMENTS; \
strip: \
	ROWS; \
	MOVD b+32(FP), R9; \
	MOVD k+48(FP), R20; \
	MOVD accumulate+64(FP), R19; \
	CBNZ R19, load; \
	CLEAR_SUMS; \
	B    steps; \
load: \
	MOVD R0, R19; \
	LOAD_SUMS; \
steps: \
	VLD1 (R9), [V24.S4, V25.S4, V26.S4, V27.S4]; \
	ADD  R5, R9; \
	STEP_ALL; \
	SUB  $1, R20; \
	CBNZ R20, steps; \
	MOVD R0, R19; \
	STORE_SUMS; \
	MOVD R19, R0; \
	SUB  $1, R7; \
	CBNZ R7, strip; \
	RET

// func tile1NEON(dst *float32, dstStride int, a *float32, aStride int, b *float32, bStride int, k int, strips int, accumulate int)
TEXT ·tile1NEON(SB), NOSPLIT, $0-72
	TILE(ROWS1, CLEAR1, LOAD1, STEP1, STORE1)

// func tile2NEON(dst *float32, dstStride int, a *float32, aStride int, b *float32, bStride int, k int, strips int, accumulate int)
TEXT ·tile2NEON(SB), NOSPLIT, $0-72
	TILE(ROWS2, CLEAR2, LOAD2, STEP2, STORE2)

// func tile3NEON(dst *float32, dstStride int, a *float32, aStride int, b *float32, bStride int, k int, strips int, accumulate int)
TEXT ·tile3NEON(SB), NOSPLIT, $0-72
	TILE(ROWS3, CLEAR3, LOAD3, STEP3, STORE3)

// func tile4NEON(dst *float32, dstStride int, a *float32, aStride int, b *float32, bStride int, k int, strips int, accumulate int)
TEXT ·tile4NEON(SB), NOSPLIT, $0-72
	TILE(ROWS4, CLEAR4, LOAD4, STEP4, STORE4)

// func tile5NEON(dst *float32, dstStride int, a *float32, aStride int, b *float32, bStride int, k int, strips int, accumulate int)
TEXT ·tile5NEON(SB), NOSPLIT, $0-72
	TILE(ROWS5, CLEAR5, LOAD5, STEP5, STORE5)

// func tile6NEON(dst *float32, dstStride int, a *float32, aStride int, b *float32, bStride int, k int, strips int, accumulate int)
TEXT ·tile6NEON(SB), NOSPLIT, $0-72
	TILE(ROWS6, CLEAR6, LOAD6, STEP6, STORE6)
