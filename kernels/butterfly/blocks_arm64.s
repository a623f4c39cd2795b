//go:build !noasm

#include "textflag.h"

// Output t of a tile has its sums for 16 columns in V(4t) to V(4t+3); V16 to V19
// hold the columns of an input, V20 one value.
//
// R0 dst, R1 src, R2 values, R3 count, R4 width, R7 outputs, R11 row, R12
// outputStep, R13 inputStep; R14 column, R15 dst of the column, R19 src of the
// column, R20 values of the outputs, R21 outputs that remain, R22 src of the input,
// R23 to R25 and R10 values of the input, R26 inputs that remain.

#define CLEAR4(s0, s1, s2, s3) \
	VEOR s0.B16, s0.B16, s0.B16; \
	VEOR s1.B16, s1.B16, s1.B16; \
	VEOR s2.B16, s2.B16, s2.B16; \
	VEOR s3.B16, s3.B16, s3.B16

#define COLUMNS \
	VLD1 (R22), [V16.S4, V17.S4, V18.S4, V19.S4]; \
	ADD  R11, R22

#define PRODUCTS(value, s0, s1, s2, s3) \
	VLD1R (value), [V20.S4]; \
	ADD   R13, value; \
	VFMLA V20.S4, V16.S4, s0.S4; \
	VFMLA V20.S4, V17.S4, s1.S4; \
	VFMLA V20.S4, V18.S4, s2.S4; \
	VFMLA V20.S4, V19.S4, s3.S4

#define STORE(s0, s1, s2, s3) \
	VST1 [s0.S4, s1.S4, s2.S4, s3.S4], (R22); \
	ADD  R11, R22

// func blocksNEON(dst, src, values *float32, count, width, outputs, inputs, dstBlock, srcBlock, valueBlock, row, outputStep, inputStep int)
TEXT ·blocksNEON(SB), NOSPLIT, $0-104
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD values+16(FP), R2
	MOVD count+24(FP), R3
	MOVD width+32(FP), R4
	MOVD outputs+40(FP), R7
	MOVD row+80(FP), R11
	MOVD outputStep+88(FP), R12
	MOVD inputStep+96(FP), R13

block:
	MOVD $0, R14

group:
	ADD  R14, R0, R15
	ADD  R14, R1, R19
	MOVD R2, R20
	MOVD R7, R21

outputs:
	MOVD R19, R22
	MOVD inputs+48(FP), R26
	MOVD R20, R23
	CLEAR4(V0, V1, V2, V3)
	CMP  $4, R21
	BLT  one
	ADD  R12, R23, R24
	ADD  R12, R24, R25
	ADD  R12, R25, R10
	ADD  R12, R10, R20
	CLEAR4(V4, V5, V6, V7)
	CLEAR4(V8, V9, V10, V11)
	CLEAR4(V12, V13, V14, V15)

inputs4:
	COLUMNS
	PRODUCTS(R23, V0, V1, V2, V3)
	PRODUCTS(R24, V4, V5, V6, V7)
	PRODUCTS(R25, V8, V9, V10, V11)
	PRODUCTS(R10, V12, V13, V14, V15)
	SUB  $1, R26
	CBNZ R26, inputs4
	MOVD R15, R22
	STORE(V0, V1, V2, V3)
	STORE(V4, V5, V6, V7)
	STORE(V8, V9, V10, V11)
	STORE(V12, V13, V14, V15)
	SUB  $4, R21
	B    next

one:
	ADD  R12, R23, R20

inputs1:
	COLUMNS
	PRODUCTS(R23, V0, V1, V2, V3)
	SUB  $1, R26
	CBNZ R26, inputs1
	MOVD R15, R22
	STORE(V0, V1, V2, V3)
	SUB  $1, R21

next:
	MOVD R22, R15
	CBNZ R21, outputs
	ADD  $64, R14
	CMP  R4, R14
	BLT  group
	MOVD dstBlock+56(FP), R10
	ADD  R10, R0
	MOVD srcBlock+64(FP), R10
	ADD  R10, R1
	MOVD valueBlock+72(FP), R10
	ADD  R10, R2
	SUB  $1, R3
	CBNZ R3, block
	RET
