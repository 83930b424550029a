/**
 * The programs that walk a list of steps without Deno and without libc, one for each machine.
 *
 * Each finds its scenario by the number of its arguments, puts known values into the registers that
 * belong to the caller, calls the machine code, and writes to its output what came of it: whether
 * `_exit` was called, with what or what was returned, which registers were spoilt, where the
 * scenario lies, and the scenario itself as it is now.
 *
 * @module
 */

import { HEADER } from "../../ffi/machine.ts";

/** The machines that there is machine code for. */
export type Arch = typeof Deno.build.arch;

const CELL_COUNT = 4;
const LOG_SIZE = 16 * 8;
const CELLS = HEADER.size + LOG_SIZE;

/** Byte offsets in a scenario's memory: the header, the log of `note`, cells, then the steps. */
export const LAYOUT = {
  /** how many numbers were noted, and the numbers */
  log: HEADER.size,
  cells: CELLS,
  cellCount: CELL_COUNT,
  steps: CELLS + CELL_COUNT * 8,
} as const;

const X86_64 = `
.intel_syntax noprefix
.macro spoil
  .irp register, rcx, rdx, rsi, rdi, r8, r9, r10, r11
    mov \\register, -1
  .endr
.endm
.text
.globl _start
_start:
  mov rax, [rsp]
  shl rax, 4
  lea rcx, scenarios[rip]
  mov rdx, [rcx+rax-16]
  mov block[rip], rdx
  mov rdx, [rcx+rax-8]
  mov block[rip+8], rdx
  and rsp, -16
  mov stack[rip], rsp
  mov rbx, 1
  mov rbp, 2
  mov r12, 3
  mov r13, 4
  mov r14, 5
  mov r15, 6
  mov rsi, block[rip]
  lea rdi, [rsi+${LAYOUT.steps}]
  call code
  mov report[rip+8], rax
  sub rbx, 1
  sub rbp, 2
  sub r12, 3
  sub r13, 4
  sub r14, 5
  sub r15, 6
  sub rsp, stack[rip]
  .irp register, rbp, r12, r13, r14, r15, rsp
    or rbx, \\register
  .endr
  mov report[rip+16], rbx
  jmp finish
f_exit:
  mov edi, edi
  mov report[rip+8], rdi
  mov qword ptr report[rip], 1
finish:
  mov rdx, block[rip]
  mov report[rip+24], rdx
  mov eax, 1
  mov edi, 1
  lea rsi, report[rip]
  mov edx, 32
  syscall
  mov eax, 1
  mov edi, 1
  mov rsi, block[rip]
  mov rdx, block[rip+8]
  syscall
  mov eax, 231
  xor edi, edi
  syscall
f_sum:
  lea rax, [rdi+2*rsi]
  lea rax, [rax+4*rdx]
  lea rax, [rax+8*rcx]
  shl r8, 4
  add rax, r8
  shl r9, 5
  add rax, r9
  spoil
  ret
f_note:
  mov rcx, block[rip]
  inc qword ptr [rcx+${LAYOUT.log}]
  mov rdx, [rcx+${LAYOUT.log}]
  mov [rcx+8*rdx+${LAYOUT.log}], rdi
  mov rax, rdi
  spoil
  ret
f_fail:
  mov errno[rip], edi
  mov eax, -1
  spoil
  ret
f_fail_long:
  mov errno[rip], edi
  mov rax, -1
  spoil
  ret
f_countdown:
  dec qword ptr [rdi]
  mov rax, [rdi]
  spoil
  ret
f_misalignment:
  lea rax, [rsp+8]
  and eax, 15
  ret
f_vectors:
  movzx eax, al
  ret
f_errno_location:
  lea rax, errno[rip]
  spoil
  ret
code:
  .incbin "code.bin"
.data
block: .quad 0, 0
stack: .quad 0
report: .quad 0, 0, 0, 0
errno: .quad 0
`;

const AARCH64 = `
.macro spoil
  .irp number, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17
    mov x\\number, #-1
  .endr
.endm
.text
.globl _start
_start:
  ldr x9, [sp]
  ldr x10, =scenarios
  add x10, x10, x9, lsl #4
  ldp x11, x12, [x10, #-16]
  ldr x13, =block
  stp x11, x12, [x13]
  mov x14, sp
  ldr x13, =stack
  str x14, [x13]
  .irp number, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
    mov x\\number, #\\number
  .endr
  mov x1, x11
  add x0, x11, #${LAYOUT.steps}
  bl code
  ldr x9, =report
  str x0, [x9, #8]
  mov x10, sp
  ldr x13, =stack
  ldr x14, [x13]
  sub x10, x10, x14
  .irp number, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
    sub x\\number, x\\number, #\\number
    orr x10, x10, x\\number
  .endr
  str x10, [x9, #16]
  b finish
f_exit:
  mov w0, w0
  ldr x9, =report
  str x0, [x9, #8]
  mov x10, #1
  str x10, [x9]
finish:
  ldr x13, =block
  ldp x11, x12, [x13]
  ldr x9, =report
  str x11, [x9, #24]
  mov x0, #1
  mov x1, x9
  mov x2, #32
  mov x8, #64
  svc #0
  mov x0, #1
  mov x1, x11
  mov x2, x12
  svc #0
  mov x0, #0
  mov x8, #94
  svc #0
f_sum:
  add x0, x0, x1, lsl #1
  add x0, x0, x2, lsl #2
  add x0, x0, x3, lsl #3
  add x0, x0, x4, lsl #4
  add x0, x0, x5, lsl #5
  spoil
  ret
f_note:
  ldr x9, =block
  ldr x9, [x9]
  add x9, x9, #${LAYOUT.log}
  ldr x10, [x9]
  add x10, x10, #1
  str x10, [x9]
  str x0, [x9, x10, lsl #3]
  spoil
  ret
f_fail:
  ldr x9, =errno
  str w0, [x9]
  mov w0, #-1
  spoil
  ret
f_fail_long:
  ldr x9, =errno
  str w0, [x9]
  mov x0, #-1
  spoil
  ret
f_countdown:
  ldr x9, [x0]
  sub x9, x9, #1
  str x9, [x0]
  mov x0, x9
  spoil
  ret
f_misalignment:
  mov x0, sp
  and x0, x0, #15
  ret
f_vectors:
  mov x0, #0
  ret
f_errno_location:
  ldr x0, =errno
  spoil
  ret
  .ltorg
  .balign 4
code:
  .incbin "code.bin"
.data
block: .quad 0, 0
stack: .quad 0
report: .quad 0, 0, 0, 0
errno: .quad 0
`;

/** The programs, to be followed by the scenarios' data and a table `scenarios` of them. */
export const drivers: Record<Arch, string> = { x86_64: X86_64, aarch64: AARCH64 };
