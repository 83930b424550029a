/**
 * The door to native code: three functions that Deno calls, and the machine made from them.
 *
 * A function bound by `Deno.dlopen` gets machine code of its own, half a millisecond for the first.
 * So only the address of `dlsym` comes from there. It finds `mmap` and `mprotect`, and every other
 * function when that is first wanted; those are called by the machine.
 *
 * @module
 */

import { LISTINGS, machineCode } from "./machine.ts";
import { MAP, PROT } from "./constants.ts";

const PAGE = 4096;

const { symbols } = Deno.dlopen("libc.so.6", { dlsym: { type: "pointer" } });

/** A function that Deno calls. */
function callable<T extends Deno.ForeignFunction>(
  address: Deno.PointerValue,
  definition: T,
): Deno.UnsafeFnPointer<T> {
  // deno-lint-ignore no-explicit-any -- the pointer's own type parameter is a brand with no content
  return new Deno.UnsafeFnPointer(address as any, definition);
}

const dlsym = callable(symbols.dlsym, { parameters: ["usize", "buffer"], result: "usize" });

const encoder = new TextEncoder();
const addresses = new Map<string, number>();

/** The address of a function of glibc, dlsym(3); an error where this glibc has no such function. */
export function functionAddress(name: string): number {
  let address = addresses.get(name);
  if (address === undefined) {
    address = Number(dlsym.call(0n, encoder.encode(`${name}\0`)));
    if (address === 0) throw new Error(`this system's libc has no function ${name}`);
    addresses.set(name, address);
  }
  return address;
}

function pointerTo(name: string): Deno.PointerValue {
  return Deno.UnsafePointer.create(BigInt(functionAddress(name)));
}

const mmap = callable(pointerTo("mmap"), {
  parameters: ["usize", "usize", "i32", "i32", "i32", "usize"],
  result: "usize",
});

/** Fresh zeroed pages that are shared with children, mmap(2): their address and a view of them. */
export function allocatePages(size: number): [address: number, view: ArrayBuffer] {
  const length = Math.ceil(size / PAGE) * PAGE;
  const address = mmap.call(
    0n,
    BigInt(length),
    PROT.READ | PROT.WRITE,
    MAP.SHARED | MAP.ANONYMOUS,
    -1,
    0n,
  );
  if (BigInt.asIntN(64, address) === -1n) {
    throw new Error(`mmap(NULL, ${length}, ...): no memory for ${length} bytes`);
  }
  const pointer = Deno.UnsafePointer.create(address)!;
  return [Number(address), Deno.UnsafePointerView.getArrayBuffer(pointer, length)];
}

/** Gives pages back, munmap(2), when nobody has a view of them any more. */
export function freeUnseen(address: number, view: ArrayBuffer): void {
  unseen.register(view, [address, view.byteLength]);
}

const unseen = new FinalizationRegistry<[address: number, size: number]>(([address, size]) => {
  callable(pointerTo("munmap"), { parameters: ["usize", "usize"], result: "i32" })
    .call(BigInt(address), BigInt(size));
});

const [codeAddress, codePage] = allocatePages(PAGE);
new Uint8Array(codePage).set(machineCode(LISTINGS[Deno.build.arch]));
// never writable and executable at once; the kernel also makes the instruction cache agree with
// memory when it maps a page executable, which aarch64 needs
const mprotect = callable(pointerTo("mprotect"), {
  parameters: ["usize", "usize", "i32"],
  result: "i32",
});
if (mprotect.call(BigInt(codeAddress), BigInt(PAGE), PROT.READ | PROT.EXEC) !== 0) {
  throw new Error(
    "mprotect(..., PROT_READ|PROT_EXEC): this system forbids making memory executable; " +
      "SELinux's deny_execmem and some hardened kernels do",
  );
}

/** Where the machine's code is, for whoever gives back the memory around it. */
export const machineAddress: number = codeAddress;

const type = { parameters: ["usize", "usize"], result: "usize" } as const;
const typeOffThread = { ...type, nonblocking: true } as const;
const code = Deno.UnsafePointer.create(BigInt(codeAddress));
const here = callable(code, type);
let offThread: Deno.UnsafeFnPointer<typeof typeOffThread>;

/** Walks a list of steps; 0, or the address of the step that failed. See machine.ts. */
export function walk(step: bigint, header: bigint): number {
  return Number(here.call(step, header));
}

/** As {@linkcode walk}, on a thread of Deno's blocking pool, so that JavaScript goes on meanwhile. */
export async function walkOffThread(step: bigint, header: bigint): Promise<number> {
  offThread ??= callable(code, typeOffThread);
  return Number(await offThread.call(step, header));
}

/** The address of bytes of V8's own, for a call that is made now; they stay where they are. */
export function addressOf(bytes: Uint8Array): number {
  return bytes.length === 0
    ? 0
    : Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes as Uint8Array<ArrayBuffer>)));
}
