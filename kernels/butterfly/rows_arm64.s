//go:build !noasm

#include "textflag.h"

// Products of activations as they lie in memory, four lanes at a time. Tiles of
// up to four outputs (or two vectors of outputs) by four activations or one are
// summed at a time. Output t, activation r has its sum in V(4t+r); V16 to V19
// hold the inputs of the activations, V20 and V21 values.
//
// R0 dst, R1 src, R2 values, R3 rows, R4 dstRow, R5 srcRow, R6 count, R7 outputs,
// R8 inputs, R9 stride or outputs in bytes; R10 to R13 activations, R14 values of
// the tile, R15 inputs that remain, R19 position of the vector, R20 outputs that
// remain, R21 and R22 first activation of src and dst, R23 rows that remain, R24
// and R25 activations of a strip in src and dst, R26 last vector.

#define CLEAR4(s0, s1, s2, s3) \
	VEOR s0.B16, s0.B16, s0.B16; \
	VEOR s1.B16, s1.B16, s1.B16; \
	VEOR s2.B16, s2.B16, s2.B16; \
	VEOR s3.B16, s3.B16, s3.B16

#define CLEAR16 \
	CLEAR4(V0, V1, V2, V3); \
	CLEAR4(V4, V5, V6, V7); \
	CLEAR4(V8, V9, V10, V11); \
	CLEAR4(V12, V13, V14, V15)

// ROWS sets pointers to four activations.
#define ROWS(first, step) \
	MOVD first, R10; \
	ADD  step, R10, R11; \
	ADD  step, R11, R12; \
	ADD  step, R12, R13

// OUTPUT4 adds the products of the next vector of values to one output.
#define OUTPUT4(s0, s1, s2, s3) \
	VLD1.P 16(R14), [V20.S4]; \
	VFMLA  V20.S4, V16.S4, s0.S4; \
	VFMLA  V20.S4, V17.S4, s1.S4; \
	VFMLA  V20.S4, V18.S4, s2.S4; \
	VFMLA  V20.S4, V19.S4, s3.S4

#define OUTPUT1(s0) \
	VLD1.P 16(R14), [V20.S4]; \
	VFMLA  V20.S4, V16.S4, s0.S4

// INPUTS4 loads a vector of each of four activations and goes on to the next
// input, R9 bytes behind.
#define INPUTS4 \
	VLD1 (R10), [V16.S4]; \
	VLD1 (R11), [V17.S4]; \
	VLD1 (R12), [V18.S4]; \
	VLD1 (R13), [V19.S4]; \
	ADD  R9, R10; \
	ADD  R9, R11; \
	ADD  R9, R12; \
	ADD  R9, R13

#define INPUTS1 \
	VLD1 (R10), [V16.S4]; \
	ADD  R9, R10

// STORE4 stores one output and goes on to the next, R9 bytes behind.
#define STORE4(s0, s1, s2, s3) \
	VST1 [s0.S4], (R10); \
	VST1 [s1.S4], (R11); \
	VST1 [s2.S4], (R12); \
	VST1 [s3.S4], (R13); \
	ADD  R9, R10; \
	ADD  R9, R11; \
	ADD  R9, R12; \
	ADD  R9, R13

#define STORE1(s0) \
	VST1 [s0.S4], (R10); \
	ADD  R9, R10

#define LANES4(loop, OUTPUTS, STORES, again) \
	CLEAR16; \
	ROWS(R24, R5); \
	MOVD R2, R14; \
	MOVD R8, R15; \
loop: \
	INPUTS4; \
	OUTPUTS; \
	SUB  $1, R15; \
	CBNZ R15, loop; \
	ROWS(R25, R4); \
	STORES; \
	ADD  R5<<2, R24; \
	ADD  R4<<2, R25; \
	SUB  $4, R23; \
	B    again

#define LANES1(loop, OUTPUTS, STORES, again) \
	CLEAR16; \
	MOVD R24, R10; \
	MOVD R2, R14; \
	MOVD R8, R15; \
loop: \
	INPUTS1; \
	OUTPUTS; \
	SUB  $1, R15; \
	CBNZ R15, loop; \
	MOVD R25, R10; \
	STORES; \
	ADD  R5, R24; \
	ADD  R4, R25; \
	SUB  $1, R23; \
	B    again

// SELECT goes on with the rows of a tile, or to the outputs behind it.
#define SELECT(four, one, done) \
	CMP $4, R23; \
	BGE four; \
	CBNZ R23, one; \
	MOVD R14, R2; \
	B    done

#define FOUR_OUTPUTS4 OUTPUT4(V0, V1, V2, V3); OUTPUT4(V4, V5, V6, V7); OUTPUT4(V8, V9, V10, V11); OUTPUT4(V12, V13, V14, V15)
#define THREE_OUTPUTS4 OUTPUT4(V0, V1, V2, V3); OUTPUT4(V4, V5, V6, V7); OUTPUT4(V8, V9, V10, V11)
#define TWO_OUTPUTS4 OUTPUT4(V0, V1, V2, V3); OUTPUT4(V4, V5, V6, V7)
#define ONE_OUTPUT4 OUTPUT4(V0, V1, V2, V3)
#define FOUR_STORES4 STORE4(V0, V1, V2, V3); STORE4(V4, V5, V6, V7); STORE4(V8, V9, V10, V11); STORE4(V12, V13, V14, V15)
#define THREE_STORES4 STORE4(V0, V1, V2, V3); STORE4(V4, V5, V6, V7); STORE4(V8, V9, V10, V11)
#define TWO_STORES4 STORE4(V0, V1, V2, V3); STORE4(V4, V5, V6, V7)
#define ONE_STORE4 STORE4(V0, V1, V2, V3)
#define FOUR_OUTPUTS1 OUTPUT1(V0); OUTPUT1(V4); OUTPUT1(V8); OUTPUT1(V12)
#define THREE_OUTPUTS1 OUTPUT1(V0); OUTPUT1(V4); OUTPUT1(V8)
#define TWO_OUTPUTS1 OUTPUT1(V0); OUTPUT1(V4)
#define ONE_OUTPUT1 OUTPUT1(V0)
#define FOUR_STORES1 STORE1(V0); STORE1(V4); STORE1(V8); STORE1(V12)
#define THREE_STORES1 STORE1(V0); STORE1(V4); STORE1(V8)
#define TWO_STORES1 STORE1(V0); STORE1(V4)
#define ONE_STORE1 STORE1(V0)

// func lanes4NEON(dst, src, values *float32, rows, dstRow, srcRow, count, outputs, inputs, stride int)
TEXT ·lanes4NEON(SB), NOSPLIT, $0-80
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD values+16(FP), R2
	MOVD rows+24(FP), R3
	MOVD dstRow+32(FP), R4
	MOVD srcRow+40(FP), R5
	MOVD count+48(FP), R6
	MOVD outputs+56(FP), R7
	MOVD inputs+64(FP), R8
	MOVD stride+72(FP), R9
	SUB  $16, R9, R26

block:
	MOVD $0, R19

vector:
	ADD  R19, R1, R21
	ADD  R19, R0, R22
	MOVD R7, R20

outputs:
	MOVD R21, R24
	MOVD R22, R25
	MOVD R3, R23
	CMP  $4, R20
	BGE  rows4
	CMP  $3, R20
	BEQ  rows3
	CMP  $2, R20
	BEQ  rows2
	CBNZ R20, rows1

	// All outputs are done: on to the next vector of blocks, the last of which
	// ends with the stride.
	CMP  R26, R19
	BEQ  nextBlock
	ADD  $16, R19
	CMP  R26, R19
	CSEL LT, R19, R26, R19
	B    vector

nextBlock:
	MUL  R9, R8, R10
	ADD  R10, R1
	MUL  R9, R7, R10
	ADD  R10, R0
	SUB  $1, R6
	CBNZ R6, block
	RET

rows4:
	SELECT(four4, one4, done4)
four4:
	LANES4(loop44, FOUR_OUTPUTS4, FOUR_STORES4, rows4)
one4:
	LANES1(loop41, FOUR_OUTPUTS1, FOUR_STORES1, rows4)
done4:
	ADD R9<<2, R22
	SUB $4, R20
	B   outputs

rows3:
	SELECT(four3, one3, done3)
four3:
	LANES4(loop34, THREE_OUTPUTS4, THREE_STORES4, rows3)
one3:
	LANES1(loop31, THREE_OUTPUTS1, THREE_STORES1, rows3)
done3:
	SUB $3, R20
	B   outputs

rows2:
	SELECT(four2, one2, done2)
four2:
	LANES4(loop24, TWO_OUTPUTS4, TWO_STORES4, rows2)
one2:
	LANES1(loop21, TWO_OUTPUTS1, TWO_STORES1, rows2)
done2:
	SUB $2, R20
	B   outputs

rows1:
	SELECT(four1, one1, done1)
four1:
	LANES4(loop14, ONE_OUTPUT4, ONE_STORE4, rows1)
one1:
	LANES1(loop11, ONE_OUTPUT1, ONE_STORE1, rows1)
done1:
	SUB $1, R20
	B   outputs

// A dense tile: two vectors of outputs, or one, by four activations or one. LOAD4
// and LOAD1 repeat the next inputs along V16 to V19.
#define DENSE4(loop, LOAD4, VALUES, STORES, again) \
	CLEAR4(V0, V1, V2, V3); \
	CLEAR4(V4, V5, V6, V7); \
	ROWS(R24, R5); \
	MOVD R2, R14; \
	MOVD R8, R15; \
loop: \
	LOAD4; \
	VALUES; \
	SUB  $1, R15; \
	CBNZ R15, loop; \
	ROWS(R25, R4); \
	STORES; \
	ADD  R5<<2, R24; \
	ADD  R4<<2, R25; \
	SUB  $4, R23; \
	B    again

#define DENSE1(loop, LOAD1, VALUES, STORES, again) \
	CLEAR4(V0, V1, V2, V3); \
	CLEAR4(V4, V5, V6, V7); \
	MOVD R24, R10; \
	MOVD R2, R14; \
	MOVD R8, R15; \
loop: \
	LOAD1; \
	VALUES; \
	SUB  $1, R15; \
	CBNZ R15, loop; \
	MOVD R25, R10; \
	STORES; \
	ADD  R5, R24; \
	ADD  R4, R25; \
	SUB  $1, R23; \
	B    again

#define STRIDE1_4 \
	VLD1R.P 4(R10), [V16.S4]; \
	VLD1R.P 4(R11), [V17.S4]; \
	VLD1R.P 4(R12), [V18.S4]; \
	VLD1R.P 4(R13), [V19.S4]
#define STRIDE1_1 VLD1R.P 4(R10), [V16.S4]
#define STRIDE2_4 \
	VLD1R.P 8(R10), [V16.D2]; \
	VLD1R.P 8(R11), [V17.D2]; \
	VLD1R.P 8(R12), [V18.D2]; \
	VLD1R.P 8(R13), [V19.D2]
#define STRIDE2_1 VLD1R.P 8(R10), [V16.D2]

// The second vector of a tile lies R26 bytes behind the first.
#define DENSE_STORE4(s0, s1, s2, s3) \
	VST1 [s0.S4], (R10); \
	VST1 [s1.S4], (R11); \
	VST1 [s2.S4], (R12); \
	VST1 [s3.S4], (R13); \
	ADD  R26, R10; \
	ADD  R26, R11; \
	ADD  R26, R12; \
	ADD  R26, R13
#define DENSE_STORE1(s0) \
	VST1 [s0.S4], (R10); \
	ADD  R26, R10

// DENSE goes through the vectors of a block in twos. The second ends with the
// outputs at the latest, and so does a single one at the end. An input is
// 1<<SHIFT bytes.
#define DENSE(SHIFT, LOAD4, LOAD1) \
	MOVD dst+0(FP), R0; \
	MOVD src+8(FP), R1; \
	MOVD values+16(FP), R2; \
	MOVD rows+24(FP), R3; \
	MOVD dstRow+32(FP), R4; \
	MOVD srcRow+40(FP), R5; \
	MOVD count+48(FP), R6; \
	MOVD outputs+56(FP), R9; \
	LSL  $2, R9; \
	MOVD inputs+64(FP), R8; \
block: \
	MOVD R9, R20; \
	MOVD R0, R22; \
outputs: \
	MOVD R1, R24; \
	MOVD R22, R25; \
	MOVD R3, R23; \
	MOVD $16, R26; \
	CMP  $32, R20; \
	BGE  rows2; \
	CMP  $16, R20; \
	SUB  $16, R20, R26; \
	BGT  rows2; \
	BEQ  rows1; \
	ADD  R26, R25; \
rows1: \
	SELECT(four1, one1, nextBlock); \
four1: \
	DENSE4(loop14, LOAD4, ONE_OUTPUT4, DENSE_STORE4(V0, V1, V2, V3), rows1); \
one1: \
	DENSE1(loop11, LOAD1, ONE_OUTPUT1, DENSE_STORE1(V0), rows1); \
rows2: \
	SELECT(four2, one2, done2); \
four2: \
	DENSE4(loop24, LOAD4, TWO_OUTPUTS4, DENSE_STORE4(V0, V1, V2, V3); DENSE_STORE4(V4, V5, V6, V7), rows2); \
one2: \
	DENSE1(loop21, LOAD1, TWO_OUTPUTS1, DENSE_STORE1(V0); DENSE_STORE1(V4), rows2); \
done2: \
	ADD  $32, R22; \
	SUBS $32, R20; \
	BGT  outputs; \
nextBlock: \
	LSL  SHIFT, R8, R10; \
	ADD  R10, R1; \
	ADD  R9, R0; \
	SUB  $1, R6; \
	CBNZ R6, block; \
	RET

// func dense4x1NEON(dst, src, values *float32, rows, dstRow, srcRow, count, outputs, inputs int)
TEXT ·dense4x1NEON(SB), NOSPLIT, $0-72
	DENSE($2, STRIDE1_4, STRIDE1_1)

// func dense4x2NEON(dst, src, values *float32, rows, dstRow, srcRow, count, outputs, inputs int)
TEXT ·dense4x2NEON(SB), NOSPLIT, $0-72
	DENSE($3, STRIDE2_4, STRIDE2_1)
