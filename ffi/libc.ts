/**
 * libc, called now: `libc.mkdir("/tmp/x", 0o755)`.
 *
 * Each call is a program of one step, walked in this process by the same machine that walks a
 * child's (machine.ts), so the result and errno come from one native call.
 *
 * ```ts
 * import { MFD } from "./constants.ts";
 * import { attempt, libc } from "./libc.ts";
 *
 * const file = libc.memfd_create("note", MFD.CLOEXEC);
 * console.log(libc.write(file, new TextEncoder().encode("hello"), 5)); // 5
 * libc.close(file);
 * console.log(attempt.rmdir("/no/such/directory")); // -2
 * ```
 *
 * @module
 */

import { type AnyArgument, type Callee, type Calls, formatArguments, writeCall } from "./calls.ts";
import { RTLD } from "./constants.ts";
import { E, SyscallError } from "./errno.ts";
import { HEADER, STEP } from "./machine.ts";
import { Arena, type Memory } from "./memory.ts";
import { addressOf, functionAddress, walk, walkOffThread } from "./native.ts";
import { type Result, type Signature, signatures } from "./signatures.ts";

/** Room for the strings of one call: a path has 4 KiB, a mount's data one page. */
const SCRATCH = 64 * 1024;

/** A place where one call at a time is written down and made. */
class Desk {
  readonly arena = new Arena(SCRATCH);
  private readonly header: Memory = this.arena.allocate(HEADER.size, "header");
  private readonly step: Memory = this.arena.allocate(2 * STEP.size, "step");
  private readonly start = this.arena.mark;
  private readonly stepAddress = BigInt(this.step.address);
  private readonly headerAddress = BigInt(this.header.address);

  constructor() {
    this.arena.setWord(
      this.header.address + HEADER.errnoLocation,
      functionAddress("__errno_location"),
    );
  }

  /** Makes the call; its result, or -errno. */
  call(callee: Callee, args: readonly AnyArgument[]): number {
    this.write(callee, args);
    return this.outcome(walk(this.stepAddress, this.headerAddress));
  }

  /** As {@linkcode Desk.call}, on another thread. */
  async callOffThread(callee: Callee, args: readonly AnyArgument[]): Promise<number> {
    this.write(callee, args);
    return this.outcome(await walkOffThread(this.stepAddress, this.headerAddress));
  }

  private write(callee: Callee, args: readonly AnyArgument[]): void {
    this.arena.reset(this.start);
    writeCall(this.arena, this.step.address, callee, args, addressOf);
  }

  private outcome(failed: number): number {
    const { address } = this.step;
    return failed ? -this.arena.int(address + STEP.errno) : this.arena.word(address + STEP.result);
  }
}

const desk = new Desk();
const spareDesks: Desk[] = [];

async function callOffThread(callee: Callee, args: readonly AnyArgument[]): Promise<number> {
  const own = spareDesks.pop() ?? new Desk();
  try {
    return await own.callOffThread(callee, args);
  } finally {
    spareDesks.push(own);
  }
}

/** Kinds of result whose negative values are no errors; a `void` function leaves any number behind. */
const neverFails: readonly Result[] = ["pointer", "value", "void"];

/** Throws what a failed call means; anything else is handed on. */
function check(callee: Callee, args: readonly AnyArgument[], result: number): number {
  if (result >= 0 || neverFails.includes(callee.signature[0])) return result;
  throw new SyscallError(callee.name, formatArguments(callee.signature, args), -result);
}

type Caller<T> = (callee: Callee, args: readonly AnyArgument[]) => T;

/**
 * Makes the functions of a table: each when it is first named, because there are a hundred of them
 * and a start has use for thirty; its address is looked up when it is first called.
 */
function bind<T, Table extends Record<string, Signature>>(
  table: Table,
  lookUp: (name: string) => number,
  make: Caller<T>,
): Calls<T, Table> {
  return asNamed(table, (name) => {
    const callee = { name, signature: table[name], address: 0 };
    return (...args) => {
      callee.address ||= lookUp(name);
      return make(callee, args);
    };
  });
}

/** The functions of a table, each of which is made when it is first named. */
export function asNamed<T, Table extends Record<string, Signature>>(
  table: Table,
  make: (name: keyof Table & string) => (...args: AnyArgument[]) => T,
): Calls<T, Table> {
  const made: Record<PropertyKey, unknown> = {};
  return new Proxy(made as Calls<T, Table>, {
    get: (_, name) =>
      made[name] ??= Object.hasOwn(table, name) ? make(name as keyof Table & string) : undefined,
  });
}

/** Where a function of libc is; those of kind `syscall` are all made by syscall(2). */
export function libcAddress(name: keyof typeof signatures): number {
  return functionAddress(signatures[name][0] === "syscall" ? "syscall" : name);
}

const lookUpInLibc = (name: string) => libcAddress(name as keyof typeof signatures);
const callHere: Caller<number> = (callee, args) => desk.call(callee, args);

/** libc's functions: each gives its result, or throws a {@linkcode SyscallError}. */
export const libc: Calls<number> = bind(
  signatures,
  lookUpInLibc,
  (callee, args) => check(callee, args, callHere(callee, args)),
);

/** libc's functions for loops in which failure is ordinary: each gives its result, or -errno. */
export const attempt: Calls<number> = bind(signatures, lookUpInLibc, callHere);

/** libc's functions on a blocking thread, for calls that wait; they throw as {@linkcode libc}'s do. */
export const offthread: Calls<Promise<number>> = bind(
  signatures,
  lookUpInLibc,
  async (callee, args) => check(callee, args, await callOffThread(callee, args)),
);

/**
 * The functions of another shared library, by a table like that of signatures.ts.
 *
 * @param file the library's name as dlopen(3) takes it, such as `"libseccomp.so.2"`
 * @throws {SyscallError} `ENOENT` where the library cannot be loaded
 */
export function library<Table extends Record<string, Signature>>(
  file: string,
  table: Table,
): Calls<number, Table> {
  const handle = libc.dlopen(file, RTLD.NOW);
  if (handle === 0) throw new SyscallError("dlopen", `${JSON.stringify(file)}, RTLD_NOW`, E.ENOENT);
  const lookUp = (name: string) => {
    const address = libc.dlsym(handle, name);
    if (address === 0) throw new Error(`${file} has no function ${name}`);
    return address;
  };
  return bind(table, lookUp, (callee, args) => check(callee, args, callHere(callee, args)));
}
