/**
 * The machine: a page of machine code that walks a list of steps, each one call of a libc function.
 *
 * It exists because a forked copy of Deno cannot run JavaScript (V8 marks its heap
 * `MADV_DONTFORK`, madvise(2)), while a container can only be prepared from inside the child. So
 * the child's calls are written down first, as data in shared memory, and this loop makes them.
 *
 * A **step** is sixteen 64-bit words ({@linkcode STEP}): the function, six arguments, flags, which
 * errnos are allowed, where to jump, and room for what came of it. A **header**
 * ({@linkcode HEADER}) holds what the loop itself needs. The loop is called as
 * `walk(first step, header)` and returns 0, or the address of the step that failed.
 *
 * - An argument whose bit is set in the flags is an address, and the word found there is passed:
 *   so a file descriptor made by one step is used by another.
 * - -1 is failure, as everywhere in libc; errno is then read through `__errno_location` in the same
 *   native call. Read later, through a second FFI call, V8 may have changed it in between.
 * - A `fork` step that gives 0 has made this process a child. The 0 is not stored: the slot is
 *   shared, and holds the pid for the parent. From there on the walk never returns to Deno: the end
 *   of the list, or a failure, is `_exit`. A failing child first walks the tail that the header
 *   names, which can tell the parent and wait to be looked at.
 *
 * The bytes stand beside their mnemonics; tests/ffi/machine_test.ts assembles the right column
 * and compares it with the left.
 *
 * @module
 */

/** Byte offsets in a step; a step is {@linkcode STEP.size} bytes, and a zero `call` ends the list. */
export const STEP = {
  /** the function's address */
  call: 0,
  /** six arguments, 8 bytes each */
  args: 8,
  /** {@linkcode FLAG} bits */
  flags: 56,
  /** three words: bit n is set where errno n is not a failure */
  allowed: 64,
  /** address of the step to go on with when a jump flag applies; 0 is the end of the list */
  jump: 88,
  /** what the call returned */
  result: 96,
  /** errno, when the call returned -1 */
  errno: 104,
  /** how many times the call has returned */
  count: 112,
  size: 128,
} as const;

/** Flag bits of a step; bits 0 to 5 say that the argument is the address of the value. */
export const FLAG = {
  /** the result has 64 bits; otherwise it is an `int` and is sign-extended */
  wide: 1 << 8,
  /** -1 is a result like any other, and errno is not looked at */
  unchecked: 1 << 9,
  /** a result of 0 means: this is the child now, and it goes on with the next step */
  fork: 1 << 10,
  /** go on at `jump` when the call succeeded */
  jumpIfOk: 1 << 11,
  /** go on at `jump` when the call succeeded with something other than 0 */
  jumpIfNonzero: 1 << 12,
} as const;

/** Byte offsets in the header. */
export const HEADER = {
  /** address of `__errno_location` */
  errnoLocation: 0,
  /** address of `_exit` */
  exit: 8,
  /** first step of what a failing child does before it exits; 0 for nothing */
  tail: 16,
  /** the step that is being made: where a child stands, seen from the parent */
  current: 24,
  /** the step that failed; 0 when none did */
  failed: 32,
  /** exit status of a child that failed */
  status: 40,
  size: 64,
} as const;

/** The largest errno that `allowed` has a bit for. */
export const LARGEST_ALLOWED_ERRNO = 191;

/** System V AMD64 calling convention: arguments in rdi rsi rdx rcx r8 r9, `al` 0 for variadic calls. */
const X86_64 = `
walk:
  53                   | push rbx
  41 54                | push r12
  41 55                | push r13
  48 89 fb             | mov rbx, rdi
  49 89 f5             | mov r13, rsi
  45 31 e4             | xor r12d, r12d
step:
  48 8b 03             | mov rax, [rbx]
  48 85 c0             | test rax, rax
  0f 84 f7 00 00 00    | jz end
  49 89 5d 18          | mov [r13+24], rbx
  48 8b 7b 08          | mov rdi, [rbx+8]
  48 8b 73 10          | mov rsi, [rbx+16]
  48 8b 53 18          | mov rdx, [rbx+24]
  48 8b 4b 20          | mov rcx, [rbx+32]
  4c 8b 43 28          | mov r8, [rbx+40]
  4c 8b 4b 30          | mov r9, [rbx+48]
  4c 8b 53 38          | mov r10, [rbx+56]
  41 f6 c2 01          | test r10b, 1
  74 03                | jz given0
  48 8b 3f             | mov rdi, [rdi]
given0:
  41 f6 c2 02          | test r10b, 2
  74 03                | jz given1
  48 8b 36             | mov rsi, [rsi]
given1:
  41 f6 c2 04          | test r10b, 4
  74 03                | jz given2
  48 8b 12             | mov rdx, [rdx]
given2:
  41 f6 c2 08          | test r10b, 8
  74 03                | jz given3
  48 8b 09             | mov rcx, [rcx]
given3:
  41 f6 c2 10          | test r10b, 16
  74 03                | jz given4
  4d 8b 00             | mov r8, [r8]
given4:
  41 f6 c2 20          | test r10b, 32
  74 03                | jz given5
  4d 8b 09             | mov r9, [r9]
given5:
  49 89 c3             | mov r11, rax
  31 c0                | xor eax, eax
  41 ff d3             | call r11
  48 ff 43 70          | inc qword ptr [rbx+112]
  48 8b 4b 38          | mov rcx, [rbx+56]
  f6 c5 01             | test ch, 1
  75 02                | jnz wide
  48 98                | cdqe
wide:
  f6 c5 04             | test ch, 4
  74 0b                | jz store
  48 85 c0             | test rax, rax
  75 06                | jnz store
  41 83 cc 01          | or r12d, 1
  eb 2d                | jmp advance
store:
  48 89 43 60          | mov [rbx+96], rax
  f6 c5 02             | test ch, 2
  75 06                | jnz good
  48 83 f8 ff          | cmp rax, -1
  74 27                | je failed
good:
  f6 c5 08             | test ch, 8
  75 0a                | jnz jump
  f6 c5 10             | test ch, 16
  74 14                | jz advance
  48 85 c0             | test rax, rax
  74 0f                | jz advance
jump:
  48 8b 5b 58          | mov rbx, [rbx+88]
  48 85 db             | test rbx, rbx
  0f 85 4c ff ff ff    | jnz step
  eb 4d                | jmp end
advance:
  48 83 eb 80          | sub rbx, -128
  e9 41 ff ff ff       | jmp step
failed:
  41 ff 55 00          | call [r13]
  8b 00                | mov eax, [rax]
  48 89 43 68          | mov [rbx+104], rax
  3d bf 00 00 00       | cmp eax, 191
  77 07                | ja stop
  48 0f a3 43 40       | bt [rbx+64], rax
  72 df                | jc advance
stop:
  41 f6 c4 02          | test r12b, 2
  75 1b                | jnz die
  49 89 5d 20          | mov [r13+32], rbx
  41 f6 c4 01          | test r12b, 1
  74 17                | jz leave
  41 83 cc 02          | or r12d, 2
  49 8b 5d 10          | mov rbx, [r13+16]
  48 85 db             | test rbx, rbx
  0f 85 08 ff ff ff    | jnz step
die:
  41 8b 7d 28          | mov edi, [r13+40]
  eb 13                | jmp exit
leave:
  48 89 d8             | mov rax, rbx
  eb 14                | jmp return
end:
  41 f6 c4 02          | test r12b, 2
  75 ef                | jnz die
  41 f6 c4 01          | test r12b, 1
  74 06                | jz done
  31 ff                | xor edi, edi
exit:
  41 ff 55 08          | call [r13+8]
done:
  31 c0                | xor eax, eax
return:
  41 5d                | pop r13
  41 5c                | pop r12
  5b                   | pop rbx
  c3                   | ret
`;

/** AAPCS64: arguments in x0 to x5, variadic calls alike. */
const AARCH64 = `
walk:
  fd 7b bd a9          | stp x29, x30, [sp, #-48]!
  f3 53 01 a9          | stp x19, x20, [sp, #16]
  f5 13 00 f9          | str x21, [sp, #32]
  f3 03 00 aa          | mov x19, x0
  f4 03 01 aa          | mov x20, x1
  15 00 80 d2          | mov x21, #0
step:
  70 02 40 f9          | ldr x16, [x19]
  d0 07 00 b4          | cbz x16, end
  93 0e 00 f9          | str x19, [x20, #24]
  60 86 40 a9          | ldp x0, x1, [x19, #8]
  62 8e 41 a9          | ldp x2, x3, [x19, #24]
  64 96 42 a9          | ldp x4, x5, [x19, #40]
  71 1e 40 f9          | ldr x17, [x19, #56]
  51 00 00 36          | tbz x17, #0, given0
  00 00 40 f9          | ldr x0, [x0]
given0:
  51 00 08 36          | tbz x17, #1, given1
  21 00 40 f9          | ldr x1, [x1]
given1:
  51 00 10 36          | tbz x17, #2, given2
  42 00 40 f9          | ldr x2, [x2]
given2:
  51 00 18 36          | tbz x17, #3, given3
  63 00 40 f9          | ldr x3, [x3]
given3:
  51 00 20 36          | tbz x17, #4, given4
  84 00 40 f9          | ldr x4, [x4]
given4:
  51 00 28 36          | tbz x17, #5, given5
  a5 00 40 f9          | ldr x5, [x5]
given5:
  00 02 3f d6          | blr x16
  69 3a 40 f9          | ldr x9, [x19, #112]
  29 05 00 91          | add x9, x9, #1
  69 3a 00 f9          | str x9, [x19, #112]
  71 1e 40 f9          | ldr x17, [x19, #56]
  51 00 40 37          | tbnz x17, #8, wide
  00 7c 40 93          | sxtw x0, w0
wide:
  91 00 50 36          | tbz x17, #10, store
  60 00 00 b5          | cbnz x0, store
  b5 02 40 b2          | orr x21, x21, #1
  0b 00 00 14          | b advance
store:
  60 32 00 f9          | str x0, [x19, #96]
  71 00 48 37          | tbnz x17, #9, good
  1f 04 00 b1          | cmn x0, #1
  20 01 00 54          | b.eq failed
good:
  71 00 58 37          | tbnz x17, #11, jump
  b1 00 60 36          | tbz x17, #12, advance
  80 00 00 b4          | cbz x0, advance
jump:
  73 2e 40 f9          | ldr x19, [x19, #88]
  53 fb ff b5          | cbnz x19, step
  18 00 00 14          | b end
advance:
  73 02 02 91          | add x19, x19, #128
  d7 ff ff 17          | b step
failed:
  90 02 40 f9          | ldr x16, [x20]
  00 02 3f d6          | blr x16
  00 00 40 b9          | ldr w0, [x0]
  60 36 00 f9          | str x0, [x19, #104]
  1f fc 02 71          | cmp w0, #191
  c8 00 00 54          | b.hi stop
  01 fc 46 d3          | lsr x1, x0, #6
  62 02 01 91          | add x2, x19, #64
  42 78 61 f8          | ldr x2, [x2, x1, lsl #3]
  42 24 c0 9a          | lsr x2, x2, x0
  82 fe 07 37          | tbnz x2, #0, advance
stop:
  d5 00 08 37          | tbnz x21, #1, die
  93 12 00 f9          | str x19, [x20, #32]
  d5 00 00 36          | tbz x21, #0, leave
  b5 02 7f b2          | orr x21, x21, #2
  93 0a 40 f9          | ldr x19, [x20, #16]
  d3 f8 ff b5          | cbnz x19, step
die:
  80 2a 40 b9          | ldr w0, [x20, #40]
  06 00 00 14          | b exit
leave:
  e0 03 13 aa          | mov x0, x19
  07 00 00 14          | b return
end:
  95 ff 0f 37          | tbnz x21, #1, die
  95 00 00 36          | tbz x21, #0, done
  00 00 80 52          | mov w0, #0
exit:
  90 06 40 f9          | ldr x16, [x20, #8]
  00 02 3f d6          | blr x16
done:
  00 00 80 d2          | mov x0, #0
return:
  f5 13 40 f9          | ldr x21, [sp, #32]
  f3 53 41 a9          | ldp x19, x20, [sp, #16]
  fd 7b c3 a8          | ldp x29, x30, [sp], #48
  c0 03 5f d6          | ret
`;

/** The listings by `Deno.build.arch`: bytes in hexadecimal, a bar, the instruction that they are. */
export const LISTINGS: Record<typeof Deno.build.arch, string> = {
  x86_64: X86_64,
  aarch64: AARCH64,
};

/** The left column of a listing: the machine code itself. */
export function machineCode(listing: string): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  for (let bar = listing.indexOf("|"); bar >= 0; bar = listing.indexOf("|", bar + 1)) {
    // two digits and a blank for each byte
    for (let i = listing.lastIndexOf("\n", bar) + 3; listing[i] !== " "; i += 3) {
      bytes.push(parseInt(listing.slice(i, i + 2), 16));
    }
  }
  return Uint8Array.from(bytes);
}
