/**
 * A call as a value: its arguments' types, how they are written into a step, and how a person
 * would write them.
 *
 * Everything is derived from the line of the function in signatures.ts.
 *
 * @module
 */

import * as constants from "./constants.ts";
import { FLAG, STEP } from "./machine.ts";
import { type Arena, Memory, Ref, type Struct } from "./memory.ts";
import type { Result, Signature, signatures } from "./signatures.ts";

/** What may stand for an argument of the given kind. */
export type Argument<A> = A extends `${string}: string` ? string | Uint8Array | Memory | null
  : A extends `${string}: strings` ? readonly string[]
  : A extends `${string}: pointer` ? Uint8Array | Memory | Struct | Ref | number | null
  : A extends `${string}: arg2` ? string | number | bigint | Ref
  : A extends `${string}: arg3` ? Memory | number | bigint | Ref
  : number | bigint | Ref;

/** The arguments of a signature, in order. */
export type Arguments<S extends Signature> = S extends readonly [Result, ...infer A]
  ? { [I in keyof A]: Argument<A[I]> }
  : never;

/** A table of signatures as callable functions that all give a `T`. */
export type Calls<T, Table extends Record<string, Signature> = typeof signatures> = {
  readonly [Name in keyof Table]: (...args: Arguments<Table[Name]>) => T;
};

/** An argument of any kind. */
export type AnyArgument =
  | string
  | readonly string[]
  | Uint8Array
  | Memory
  | Ref
  | Struct
  | number
  | bigint
  | null;

/** The flags that a kind of result needs in a step. */
const RESULT_FLAGS: Record<Result, number> = {
  int: 0,
  long: FLAG.wide,
  syscall: FLAG.wide,
  pointer: FLAG.wide | FLAG.unchecked,
  negated: FLAG.unchecked,
  value: FLAG.unchecked,
  void: FLAG.unchecked,
};

/** A function that can be put in a step: its signature, and its address in this process. */
export interface Callee {
  /** its name in the table, and in its man page */
  name: string;
  /** its line in the table */
  signature: Signature;
  /** where it is; for those of kind `syscall`, where syscall(2) is */
  address: number;
}

/**
 * Writes a call into the step at `address`; flags beyond those of the call can be given.
 *
 * `place` says where bytes are for the one who will make the call: their own address for a call
 * made now, a copy in the arena for a child.
 */
export function writeCall(
  arena: Arena,
  address: number,
  callee: Callee,
  args: readonly AnyArgument[],
  place: (bytes: Uint8Array) => number,
  flags = 0,
): void {
  const { signature } = callee;
  const step = arena.index(address);
  let slot = step + STEP.args / 4;
  flags |= RESULT_FLAGS[signature[0]];
  if (signature[0] === "syscall") {
    arena.put(slot, constants.SYS[callee.name as keyof typeof constants.SYS]);
    slot += 2;
  }
  // by index: an iterator makes an object for each argument of each of a birth's calls
  for (let i = 0; i < args.length; i++, slot += 2) {
    const value = args[i];
    if (typeof value === "number" || typeof value === "bigint") arena.put(slot, value);
    else if (value === null) arena.put(slot, 0);
    else if (typeof value === "string") arena.putPlace(slot, arena.stringAt(value));
    else if (value instanceof Uint8Array) arena.put(slot, place(value));
    else if (value instanceof Memory) arena.put(slot, value.address);
    else if (value instanceof Ref) {
      arena.put(slot, value.address);
      flags |= 1 << ((slot - step - STEP.args / 4) / 2);
    } else if ("bytes" in value) arena.put(slot, place(value.bytes));
    else arena.put(slot, arena.strings(value));
  }
  arena.put(step + STEP.call / 4, callee.address);
  arena.put(step + STEP.flags / 4, flags);
}

/**
 * The arguments as a person would write them: `"proc", "/proc", "proc", MS_NOSUID|MS_NODEV, NULL`.
 *
 * A value that is not known before the program runs is written by its name, unless `known`.
 */
export function formatArguments(
  signature: Signature,
  args: readonly AnyArgument[],
  known = false,
): string {
  return args.map((value, i) => formatArgument(kindOf(signature, i, args), value, known)).join(
    ", ",
  );
}

/** What the second argument of prctl(2) is depends on the first. */
const PRCTL_KINDS = new Map<AnyArgument, string>([
  [constants.PR.SET_PDEATHSIG, "SIG"],
  [constants.PR.SET_MM, "PR_SET_MM"],
  [constants.PR.CAP_AMBIENT, "PR_CAP_AMBIENT"],
]);

function kindOf(signature: Signature, index: number, args: readonly AnyArgument[]): string {
  const declaration = signature[index + 1] ?? "";
  const kind = declaration.slice(declaration.indexOf(": ") + 2);
  return kind === "arg2" ? PRCTL_KINDS.get(args[0]) ?? "number" : kind;
}

function formatArgument(kind: string, value: AnyArgument, known: boolean): string {
  if (value === null) return "NULL";
  if (value instanceof Ref) return known ? formatNumber(kind, value.value) : value.name;
  if (value instanceof Memory) return value.text ?? `&${value.name}`;
  if (typeof value === "string") return quoted(value);
  if (value instanceof Uint8Array) {
    return kind === "string" ? quoted(decodeName(value)) : `[${value.length} bytes]`;
  }
  if (typeof value === "number" || typeof value === "bigint") return formatNumber(kind, value);
  if ("bytes" in value) return value.text;
  return `[${value.map(quoted).join(", ")}]`;
}

/** A string as in C: what an image's author wrote must not act on the terminal that shows it. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A NUL-terminated name in bytes, for reading only: what is not UTF-8 is shown as U+FFFD. */
function decodeName(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function formatNumber(kind: string, value: number | bigint): string {
  const number = Number(value);
  if (kind === "fd" && number === constants.AT.FDCWD) return "AT_FDCWD";
  if (kind === "open") return formatOpenFlags(number);
  if (kind === "clone") return formatCloneFlags(number);
  if (kind === "mode") return formatMode(number);
  if (kind === "address" || kind === "pointer") {
    return number === 0 ? "0" : `0x${number.toString(16)}`;
  }
  if (kind === "device") return formatDevice(number);
  if (kind.endsWith("|")) return formatFlags(kind.slice(0, -1), number);
  const family = families[kind];
  if (!family) return String(value);
  const name = Object.keys(family).find((key) => family[key] === number);
  return name ? constantName(kind, name) : String(value);
}

const families: Record<string, Record<string, number> | undefined> = constants;

/** Flags of open(2): the access mode first, which is a number in two bits and may be 0. */
export function formatOpenFlags(value: number): string {
  const access = ["O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"][value & 3];
  const flags = value & ~3;
  return flags === 0 ? access : `${access}|${formatFlags("O", flags)}`;
}

/** Flags of clone(2), with the signal that tells of the child's end in the lowest byte. */
function formatCloneFlags(value: number): string {
  const flags = formatFlags("CLONE", value & ~0xff);
  const signal = value & 0xff;
  return signal === 0 ? flags : `${flags}|${formatNumber("SIG", signal)}`;
}

/** A file's type and permissions, as mknod(2) takes them: `S_IFCHR|0666`; permissions in octal. */
function formatMode(mode: number): string {
  const type = Object.entries(constants.S).find(([, bits]) => bits === (mode & constants.S.IFMT));
  const permissions = mode & ~constants.S.IFMT;
  const octal = permissions === 0 ? "0" : `0${permissions.toString(8)}`;
  return type ? `${constantName("S", type[0])}|${octal}` : octal;
}

/** A device number, whose minor half lies on both sides of the major one: makedev(3). */
function formatDevice(device: number): string {
  return `makedev(${(device >>> 8) & 0xfff}, ${(device & 0xff) | ((device >>> 12) & 0xfff00)})`;
}

/**
 * Flags joined by bars: `MS_NOSUID|MS_NODEV`; bits without a name in hexadecimal.
 *
 * @param familyNames one family, or several joined by bars as in `"OPEN_TREE|AT"`
 */
export function formatFlags(familyNames: string, value: number): string {
  const names: string[] = [];
  let rest = BigInt(value);
  for (const family of familyNames.split("|")) {
    for (const [name, number] of Object.entries(families[family]!)) {
      const bits = BigInt(number);
      if (bits > 0n && (rest & bits) === bits) {
        names.push(constantName(family, name));
        rest &= ~bits;
      }
    }
  }
  if (rest !== 0n) names.push(`0x${rest.toString(16)}`);
  return names.join("|") || "0";
}

/** A member of a family by its full name, as the headers have it. */
function constantName(family: string, member: string): string {
  switch (family) {
    case "IOCTL":
      return member;
    case "POLL":
    case "SIG":
    case "W":
      return `${family}${member}`;
    case "SIG_HOW":
      return `SIG_${member}`;
    default:
      return `${family}_${member}`;
  }
}
