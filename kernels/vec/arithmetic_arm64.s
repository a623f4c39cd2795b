//go:build !noasm

#include "textflag.h"

// Go's assembler lacks most vector instructions on floating point. These are
// written as words, with the numbers of the registers: d = n op m, four lanes.
#define FADD(d, n, m) WORD $(0x4E20D400 | (m << 16) | (n << 5) | d)
#define FSUB(d, n, m) WORD $(0x4EA0D400 | (m << 16) | (n << 5) | d)
#define FMUL(d, n, m) WORD $(0x6E20DC00 | (m << 16) | (n << 5) | d)
#define FDIV(d, n, m) WORD $(0x6E20FC00 | (m << 16) | (n << 5) | d)
#define FCMGT(d, n, m) WORD $(0x6EA0E400 | (m << 16) | (n << 5) | d)
#define FCMEQ(d, n, m) WORD $(0x4E20E400 | (m << 16) | (n << 5) | d)
#define FCMLT0(d, n) WORD $(0x4EA0E800 | (n << 5) | d)
// BSL keeps in d the mask, and takes n where it is set, m elsewhere.
#define BSL(d, n, m) WORD $(0x6E601C00 | (m << 16) | (n << 5) | d)

// MAXIMUM(d, n, m): n where it is larger or NaN, else m. V6 is overwritten.
#define MAXIMUM(d, n, m) \
	FCMGT(d, n, m); \
	BSL(d, n, m); \
	FCMEQ(6, n, n); \
	BSL(6, d, n); \
	VMOV V6.B16, V2.B16

#define MINIMUM(d, n, m) \
	FCMGT(d, m, n); \
	BSL(d, n, m); \
	FCMEQ(6, n, n); \
	BSL(6, d, n); \
	VMOV V6.B16, V2.B16

// BINARY loops over vectors: V2 = V0 op V1.
#define BINARY(OP) \
	MOVD dst+0(FP), R0; \
	MOVD a+8(FP), R1; \
	MOVD b+16(FP), R2; \
	MOVD n+24(FP), R3; \
loop: \
	VLD1.P 16(R1), [V0.S4]; \
	VLD1.P 16(R2), [V1.S4]; \
	OP(2, 0, 1); \
	VST1.P [V2.S4], 16(R0); \
	SUBS   $4, R3; \
	BGT    loop; \
	RET

// SCALAR is BINARY with copies of a number in V1.
#define SCALAR(OP) \
	MOVD  dst+0(FP), R0; \
	MOVD  a+8(FP), R1; \
	MOVD  n+16(FP), R3; \
	MOVWU s+24(FP), R4; \
	VDUP  R4, V1.S4; \
loop: \
	VLD1.P 16(R1), [V0.S4]; \
	OP(2, 0, 1); \
	VST1.P [V2.S4], 16(R0); \
	SUBS   $4, R3; \
	BGT    loop; \
	RET

// func addNEON(dst, a, b *float32, n int)
TEXT ·addNEON(SB), NOSPLIT, $0-32
	BINARY(FADD)

// func subNEON(dst, a, b *float32, n int)
TEXT ·subNEON(SB), NOSPLIT, $0-32
	BINARY(FSUB)

// func mulNEON(dst, a, b *float32, n int)
TEXT ·mulNEON(SB), NOSPLIT, $0-32
	BINARY(FMUL)

// func divNEON(dst, a, b *float32, n int)
TEXT ·divNEON(SB), NOSPLIT, $0-32
	BINARY(FDIV)

// func maximumNEON(dst, a, b *float32, n int)
TEXT ·maximumNEON(SB), NOSPLIT, $0-32
	BINARY(MAXIMUM)

// func minimumNEON(dst, a, b *float32, n int)
TEXT ·minimumNEON(SB), NOSPLIT, $0-32
	BINARY(MINIMUM)

// func addScalarNEON(dst, a *float32, n int, s float32)
TEXT ·addScalarNEON(SB), NOSPLIT, $0-28
	SCALAR(FADD)

// func mulScalarNEON(dst, a *float32, n int, s float32)
TEXT ·mulScalarNEON(SB), NOSPLIT, $0-28
	SCALAR(FMUL)

// func maximumScalarNEON(dst, a *float32, n int, s float32)
TEXT ·maximumScalarNEON(SB), NOSPLIT, $0-28
	SCALAR(MAXIMUM)

// func minimumScalarNEON(dst, a *float32, n int, s float32)
TEXT ·minimumScalarNEON(SB), NOSPLIT, $0-28
	SCALAR(MINIMUM)

// func axpyNEON(dst, a *float32, n int, s float32)
TEXT ·axpyNEON(SB), NOSPLIT, $0-28
	MOVD  dst+0(FP), R0
	MOVD  a+8(FP), R1
	MOVD  n+16(FP), R3
	MOVWU s+24(FP), R4
	VDUP  R4, V1.S4

loop:
	VLD1.P 16(R1), [V0.S4]
	VLD1   (R0), [V2.S4]
	FMUL(0, 0, 1)
	FADD(2, 2, 0)
	VST1.P [V2.S4], 16(R0)
	SUBS   $4, R3
	BGT    loop
	RET

// func reluNEON(dst, a *float32, n int)
TEXT ·reluNEON(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R0
	MOVD a+8(FP), R1
	MOVD n+16(FP), R3
	VEOR V1.B16, V1.B16, V1.B16

loop:
	VLD1.P 16(R1), [V0.S4]
	FCMLT0(2, 0)
	BSL(2, 1, 0)
	VST1.P [V2.S4], 16(R0)
	SUBS   $4, R3
	BGT    loop
	RET

// func dotNEON(a, b *float32, n int) float32
TEXT ·dotNEON(SB), NOSPLIT, $0-28
	MOVD a+0(FP), R1
	MOVD b+8(FP), R2
	MOVD n+16(FP), R3
	VEOR V4.B16, V4.B16, V4.B16
	VEOR V5.B16, V5.B16, V5.B16
	VEOR V6.B16, V6.B16, V6.B16
	VEOR V7.B16, V7.B16, V7.B16

loop:
	VLD1.P 64(R1), [V16.S4, V17.S4, V18.S4, V19.S4]
	VLD1.P 64(R2), [V20.S4, V21.S4, V22.S4, V23.S4]
	VFMLA  V16.S4, V20.S4, V4.S4
	VFMLA  V17.S4, V21.S4, V5.S4
	VFMLA  V18.S4, V22.S4, V6.S4
	VFMLA  V19.S4, V23.S4, V7.S4
	SUBS   $16, R3
	BGT    loop
	FADD(4, 4, 5)
	FADD(6, 6, 7)
	FADD(4, 4, 6)
	VEXT  $8, V4.B16, V4.B16, V5.B16
	FADD(4, 4, 5)
	VEXT  $4, V4.B16, V4.B16, V5.B16
	FADD(4, 4, 5)
	FMOVS F4, ret+24(FP)
	RET

// ADD_LANES adds 32 numbers to the sums: element i to lane i%8 of register i/8%4.
#define ADD_LANES \
	VLD1.P 64(R1), [V16.S4, V17.S4, V18.S4, V19.S4]; \
	VLD1.P 64(R1), [V20.S4, V21.S4, V22.S4, V23.S4]; \
	FADD(0, 0, 16); \
	FADD(1, 1, 17); \
	FADD(2, 2, 18); \
	FADD(3, 3, 19); \
	FADD(4, 4, 20); \
	FADD(5, 5, 21); \
	FADD(6, 6, 22); \
	FADD(7, 7, 23)

// func addLanesNEON(sums *[4][8]float32, a *float32, n int)
TEXT ·addLanesNEON(SB), NOSPLIT, $0-24
	MOVD sums+0(FP), R0
	MOVD a+8(FP), R1
	MOVD n+16(FP), R3
	MOVD R0, R2
	VLD1.P 64(R2), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1   (R2), [V4.S4, V5.S4, V6.S4, V7.S4]

loop:
	ADD_LANES
	SUBS   $32, R3
	BGT    loop
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)
	VST1   [V4.S4, V5.S4, V6.S4, V7.S4], (R0)
	RET
