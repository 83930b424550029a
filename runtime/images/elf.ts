/**
 * Reads what an ELF file says about how it is to be loaded: its machine, its loader, the libraries
 * that it needs. Nothing is ever executed, as ldd(1) may do, and the file may be hostile.
 *
 * elf(5); System V ABI, "Program Header" and "Dynamic Section".
 *
 * @module
 */

/** What an ELF file says about itself. */
export interface Elf {
  /** Bits of an address. */
  class: 32 | 64;
  /** Byte order. */
  littleEndian: boolean;
  /** The processor, a number of elf.h: 62 is x86-64, 183 is AArch64; see {@linkcode machineName}. */
  machine: number;
  /** The loader that the kernel starts in its place (PT_INTERP); none in libraries and static programs. */
  interpreter?: string;
  /** The libraries that it needs (DT_NEEDED), mostly names without a slash. */
  needed: string[];
  /** Where to look for them, for it and for what it loads (DT_RPATH), still with `$ORIGIN`. */
  rpath: string[];
  /** Where to look for them, for it alone (DT_RUNPATH). */
  runpath: string[];
}

/** A file that is not ELF, or whose parts are not where it says. */
export class ElfError extends Error {
  /** The class's name, for messages. */
  override name = "ElfError";
}

/** Gives so many bytes from an offset, or throws an {@linkcode ElfError} where there are fewer. */
type Read = (offset: number, length: number) => DataView;

/** A stretch of the file that is mapped at an address. */
interface Segment {
  type: number;
  offset: number;
  address: number;
  size: number;
}

const PT = { LOAD: 1, DYNAMIC: 2, INTERP: 3 };
const DT = { NULL: 0, NEEDED: 1, STRTAB: 5, RPATH: 15, RUNPATH: 29 };
/** No program or library comes near these; a hostile file would like to have more. */
const MAX_SEGMENTS = 256;
const MAX_DYNAMIC = 4096;
const MAX_STRING = 4096;

const MACHINES: Record<number, string> = {
  3: "i386",
  21: "powerpc64",
  22: "s390",
  40: "arm",
  62: "x86-64",
  183: "aarch64",
  243: "riscv",
  258: "loongarch",
};

/** A machine number by the name that people know it by. */
export function machineName(machine: number): string {
  return MACHINES[machine] ?? `machine ${machine}`;
}

/**
 * Reads an ELF file.
 *
 * @param source the file's path, or all of its bytes
 * @throws {ElfError} if it is not an ELF file, or a damaged one
 */
export function readElf(source: string | Uint8Array): Elf {
  if (typeof source !== "string") return parse(readerOf(source));
  using file = Deno.openSync(source);
  return parse(readerOfFile(file));
}

function parse(read: Read): Elf {
  const ident = read(0, 16);
  if (ident.getUint32(0) !== 0x7f454c46) throw new ElfError("not an ELF file");
  const is64 = ident.getUint8(4) === 2;
  const little = ident.getUint8(5) === 1;
  if (![1, 2].includes(ident.getUint8(4)) || ![1, 2].includes(ident.getUint8(5))) {
    throw new ElfError("of no known class or byte order");
  }
  const header = read(0, is64 ? 64 : 52);
  const word = (view: DataView, offset: number) => {
    return is64 ? Number(view.getBigUint64(offset, little)) : view.getUint32(offset, little);
  };
  const segments = readSegments(read, header, is64, little, word);
  const elf: Elf = {
    class: is64 ? 64 : 32,
    littleEndian: little,
    machine: header.getUint16(18, little),
    needed: [],
    rpath: [],
    runpath: [],
  };
  const interpreter = segments.find(({ type }) => type === PT.INTERP);
  if (interpreter) elf.interpreter = readString(read, interpreter.offset);
  const dynamic = segments.find(({ type }) => type === PT.DYNAMIC);
  if (!dynamic) return elf;

  const size = is64 ? 8 : 4;
  const count = Math.min(Math.floor(dynamic.size / (2 * size)), MAX_DYNAMIC);
  const table = read(dynamic.offset, count * 2 * size);
  const entries: [tag: number, value: number][] = [];
  for (let i = 0; i < count; i++) {
    const tag = word(table, i * 2 * size);
    if (tag === DT.NULL) break;
    entries.push([tag, word(table, i * 2 * size + size)]);
  }
  const strings = entries.find(([tag]) => tag === DT.STRTAB);
  const names = (wanted: number) =>
    entries.filter(([tag]) => tag === wanted).map(([, value]) => {
      if (!strings) throw new ElfError("without a string table");
      return readString(read, offsetOf(strings[1], segments) + value);
    });
  const paths = (wanted: number) => names(wanted).join(":").split(":").filter(Boolean);
  return { ...elf, needed: names(DT.NEEDED), rpath: paths(DT.RPATH), runpath: paths(DT.RUNPATH) };
}

function readSegments(
  read: Read,
  header: DataView,
  is64: boolean,
  little: boolean,
  word: (view: DataView, offset: number) => number,
): Segment[] {
  const start = word(header, is64 ? 32 : 28);
  const each = header.getUint16(is64 ? 54 : 42, little);
  const count = header.getUint16(is64 ? 56 : 44, little);
  if (count === 0) return [];
  if (each !== (is64 ? 56 : 32) || count > MAX_SEGMENTS) {
    throw new ElfError("with program headers that cannot be right");
  }
  const table = read(start, count * each);
  return Array.from({ length: count }, (_, i) => {
    const at = i * each;
    const [offset, address, size] = is64 ? [8, 16, 32] : [4, 8, 16];
    return {
      type: table.getUint32(at, little),
      offset: word(table, at + offset),
      address: word(table, at + address),
      size: word(table, at + size),
    };
  });
}

/** Where in the file that is which is mapped at an address. */
function offsetOf(address: number, segments: Segment[]): number {
  const holder = segments.find((segment) => {
    return segment.type === PT.LOAD && address >= segment.address &&
      address < segment.address + segment.size;
  });
  if (!holder) throw new ElfError("with a table that is in none of its segments");
  return holder.offset + address - holder.address;
}

function readString(read: Read, offset: number): string {
  let text = "";
  for (let at = offset; text.length < MAX_STRING; at++) {
    const byte = read(at, 1).getUint8(0);
    if (byte === 0) return text;
    text += String.fromCharCode(byte);
  }
  throw new ElfError("with a name that does not end");
}

function readerOf(bytes: Uint8Array): Read {
  return (offset, length) => {
    if (!Number.isSafeInteger(offset) || offset + length > bytes.length) {
      throw new ElfError("cut short");
    }
    return new DataView(bytes.buffer, bytes.byteOffset + offset, length);
  };
}

/** Reads a file a page at a time: what is wanted of a library of megabytes is a few hundred bytes. */
function readerOfFile(file: Deno.FsFile): Read {
  const PAGE = 4096;
  const pages = new Map<number, Uint8Array>();
  const page = (number: number) => {
    let bytes = pages.get(number);
    if (!bytes) {
      bytes = new Uint8Array(PAGE);
      file.seekSync(number * PAGE, Deno.SeekMode.Start);
      bytes = bytes.subarray(0, file.readSync(bytes) ?? 0);
      pages.set(number, bytes);
    }
    return bytes;
  };
  return (offset, length) => {
    if (!Number.isSafeInteger(offset) || offset < 0) throw new ElfError("cut short");
    const result = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const start = (offset + at) % PAGE;
      const piece = page(Math.floor((offset + at) / PAGE)).subarray(start, start + length - at);
      if (piece.length === 0) throw new ElfError("cut short");
      result.set(piece, at);
      at += piece.length;
    }
    return new DataView(result.buffer);
  };
}
