/**
 * What the system's C headers say, found out by the compiler: for this machine, and for the other
 * one where its compiler is installed.
 *
 * @module
 */

/** The machines that there is machine code for. */
export type Arch = typeof Deno.build.arch;

/** Both of them. */
export const architectures: Arch[] = ["x86_64", "aarch64"];

/** The compiler for a machine. */
export function compiler(arch: Arch): string {
  return arch === Deno.build.arch ? "gcc" : `${arch}-linux-gnu-gcc`;
}

/**
 * The values of constant expressions of C, such as `O_CLOEXEC` or `sizeof (struct open_how)`.
 *
 * Nothing is run: each value is put into a line of the assembler's input, which is read here.
 *
 * @param headers such as `"fcntl.h"`
 * @throws with what the compiler says, where a name is not in the headers
 */
export async function evaluate(
  arch: Arch,
  headers: string[],
  expressions: string[],
): Promise<number[]> {
  const source = [
    "#define _GNU_SOURCE",
    ...[...headers, "stddef.h"].map((header) => `#include <${header}>`),
    "void values(void) {",
    ...expressions.map((expression) =>
      `  __asm__ ("#value %0" : : "i" ((long long) (${expression})));`
    ),
    "}",
  ];
  const process = new Deno.Command(compiler(arch), {
    args: ["-S", "-O1", "-x", "c", "-o", "-", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(`${source.join("\n")}\n`));
  await writer.close();
  const { success, stdout, stderr } = await process.output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${compiler(arch)}: ${decoder.decode(stderr)}`);
  return [...decoder.decode(stdout).matchAll(/#value [$#]?(-?\d+)/g)].map(([, value]) =>
    Number(value)
  );
}
