/**
 * Memory that native code and a forked child can see: the arena, and values in it.
 *
 * An `ArrayBuffer` of V8's own is absent from a forked child. An arena is a
 * `MAP_SHARED|MAP_ANONYMOUS` mapping (mmap(2)): it is in the child at the same address, and each
 * side sees what the other writes. It is filled from one end to the other and given back whole.
 *
 * @module
 */

import { allocatePages, freeUnseen } from "./native.ts";

const encoder = new TextEncoder();
const WORD = 2 ** 32;

/** A 64-bit word at an address, which a later step reads when its turn comes. */
export class Ref {
  /**
   * Names a word in an arena; nothing is read or written.
   *
   * @param address where the word is
   * @param name what it is, as `--explain` writes it before the value is known
   * @param arena where to read the value once it is there
   */
  constructor(readonly address: number, readonly name: string, private arena: Arena) {}

  /** The value as it is now: 32 bits, signed; descriptors, process ids and errnos fit. */
  get value(): number {
    return this.arena.int(this.address);
  }
}

/** A piece of an arena: an address for native code, bytes for us. */
export class Memory {
  private written?: string | (() => string);

  /**
   * Names a stretch of an arena, which {@linkcode Arena.allocate} has handed out.
   *
   * @param address where it begins, for native code
   * @param bytes the same bytes, for us
   * @param name what it is, as `--explain` writes it: `&name`
   * @param arena the arena that it lies in
   */
  constructor(
    readonly address: number,
    readonly bytes: Uint8Array<ArrayBuffer>,
    readonly name: string,
    private arena: Arena,
  ) {}

  /** How a person would write what is in it; without it the memory is written by its name. */
  get text(): string | undefined {
    return typeof this.written === "function" ? this.written() : this.written;
  }

  set text(text: string | (() => string)) {
    this.written = text;
  }

  /** A part of it, under the same name: one entry of a table. */
  part(offset: number, size: number): Memory {
    const bytes = this.bytes.subarray(offset, offset + size);
    return new Memory(this.address + offset, bytes, `${this.name}[${offset}]`, this.arena);
  }

  /**
   * The word at a byte offset, as an argument of later steps: `pipe.at(0, "read end")`.
   *
   * @throws {RangeError} where no 32-bit number fits any more
   */
  at(offset: number, name = `${this.name}[${offset}]`): Ref {
    if (offset + 4 > this.bytes.length) {
      throw new RangeError(`${this.name} has ${this.bytes.length} bytes: none at ${offset}`);
    }
    return new Ref(this.address + offset, name, this.arena);
  }
}

/** A struct by value: its bytes, and how a person would write it. */
export interface Struct {
  /** the struct as the kernel reads it */
  bytes: Uint8Array<ArrayBuffer>;
  /** the same for a reader: `{flags=O_RDONLY, resolve=RESOLVE_BENEATH}` */
  readonly text: string;
}

/** A stretch of shared memory, handed out from the front; asking for more than it has is an error. */
export class Arena {
  /** where it begins, for native code */
  readonly address: number;
  private readonly bytes: Uint8Array<ArrayBuffer>;
  private readonly halves: Uint32Array<ArrayBuffer>;
  private readonly low: number;
  private readonly high: number;
  private readonly texts = new Map<string, number>();
  private readonly arrays = new Map<readonly string[], number>();
  private used = 0;

  /**
   * Maps the pages; they stay mapped as long as there is a view of them: the arena itself, or
   * what has been handed out of it.
   *
   * @param size bytes; pages that are never touched cost nothing
   */
  constructor(readonly size: number) {
    // the machine reads a Ref as 64 bits, also one to an `int` that is the last there is
    const [address, pages] = allocatePages(size + 4);
    this.address = address;
    this.low = address >>> 0;
    this.high = Math.floor(address / WORD);
    this.bytes = new Uint8Array(pages);
    this.halves = new Uint32Array(pages);
    freeUnseen(address, pages);
  }

  /**
   * Room for `size` bytes, zeroed, at a multiple of 8.
   *
   * @throws {RangeError} where the arena has not so many left
   */
  allocate(size: number, name = "memory"): Memory {
    const start = this.#take(size);
    const bytes = this.bytes.subarray(start, start + size);
    return new Memory(this.address + start, bytes, name, this);
  }

  /**
   * The address of a NUL-terminated UTF-8 copy, one for each text; nobody may write to it.
   *
   * @throws {RangeError} for a text with a NUL, which would cut it short, or one that does not fit
   */
  string(text: string): number {
    return this.address + this.stringAt(text);
  }

  /** As {@linkcode Arena.string}, but gives the place as bytes from the arena's beginning. */
  stringAt(text: string): number {
    let start = this.texts.get(text);
    if (start === undefined) {
      start = this.#copyString(text);
      this.texts.set(text, start);
    }
    return start;
  }

  #copyString(text: string): number {
    const start = this.#take(text.length + 1);
    // a call of Deno's takes as long as forty letters
    if (text.length > 40) return this.#encodeString(text, start);
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      // what is not ASCII, or must not be here, is for the one who knows UTF-8
      if (unit === 0 || unit > 0x7f) return this.#encodeString(text, start);
      this.bytes[start + i] = unit;
    }
    this.bytes[start + text.length] = 0;
    return start;
  }

  #encodeString(text: string, start: number): number {
    if (text.includes("\0")) {
      this.used = start;
      this.bytes.fill(0, start, start + text.length);
      throw new RangeError(`a C string cannot hold NUL: ${JSON.stringify(text)}`);
    }
    const { read, written } = encoder.encodeInto(text, this.bytes.subarray(start, this.size - 1));
    if (read < text.length) {
      this.used = start;
      this.bytes.fill(0, start);
      throw this.#full(encoder.encode(text).length + 1, start);
    }
    this.bytes[start + written] = 0;
    this.used = start + written + 1;
    return start;
  }

  /** The address of a copy of these bytes. */
  copy(bytes: Uint8Array): number {
    const start = this.#take(bytes.length);
    this.bytes.set(bytes, start);
    return this.address + start;
  }

  /**
   * The address of an array of C strings that ends with NULL, as execve(2) wants `argv`.
   *
   * The same array given again is not copied again: each directory of PATH wants the environment.
   */
  strings(texts: readonly string[]): number {
    let address = this.arrays.get(texts);
    if (address === undefined) {
      address = this.address + this.#take((texts.length + 1) * 8);
      for (const [i, text] of texts.entries()) this.setWord(address + i * 8, this.string(text));
      this.setWord(address + texts.length * 8, 0);
      this.arrays.set(texts, address);
    }
    return address;
  }

  /** Writes a 64-bit word at a multiple of 4; a negative number is sign-extended. */
  setWord(address: number, value: number | bigint): void {
    this.put(this.index(address), value);
  }

  /**
   * Where an address is, as an index of 32-bit halves for {@linkcode Arena.put}.
   *
   * A step is written by such indices, because V8 keeps a small number in place and makes an object
   * of each address: the objects of one start were half a megabyte, and twice a collection.
   */
  index(address: number): number {
    return (address - this.address) >>> 2;
  }

  /**
   * Writes a 64-bit word by halves, as both machines have them, the lower first: before V8 has
   * compiled a function for good, an array's element is ten times as quick as a DataView's method.
   */
  put(index: number, value: number | bigint): void {
    if (typeof value === "bigint") {
      this.halves[index] = Number(BigInt.asUintN(32, value));
      this.halves[index + 1] = Number(BigInt.asUintN(32, value >> 32n));
    } else {
      this.halves[index] = value;
      this.halves[index + 1] = value >= 0 && value < WORD ? 0 : Math.floor(value / WORD);
    }
  }

  /** Writes the address of the byte at `start` from the arena's beginning. */
  putPlace(index: number, start: number): void {
    const low = this.low + start;
    this.halves[index] = low;
    // an arena may lie across a multiple of 4 GiB
    this.halves[index + 1] = low < WORD ? this.high : this.high + 1;
  }

  /** Reads a 64-bit word as a number; exact up to 2^53, negative where the top bit is set. */
  word(address: number): number {
    const index = (address - this.address) >>> 2;
    return (this.halves[index + 1] | 0) * WORD + this.halves[index];
  }

  /** Sets bit `bit` of the bits that begin at an address. */
  setBit(address: number, bit: number): void {
    this.halves[(address - this.address + (bit >> 5) * 4) >>> 2] |= 1 << (bit & 31);
  }

  /** Reads a signed 32-bit `int` at a multiple of 4. */
  int(address: number): number {
    return this.halves[(address - this.address) >>> 2] | 0;
  }

  /** How much has been handed out: give it to {@linkcode Arena.reset} to take back what came after. */
  get mark(): number {
    return this.used;
  }

  /** Takes back everything that was handed out after `mark`. */
  reset(mark: number): void {
    this.bytes.fill(0, mark, this.used);
    this.arrays.clear();
    this.texts.clear();
    this.used = mark;
  }

  #take(size: number): number {
    const start = (this.used + 7) & ~7;
    if (start + size > this.size) throw this.#full(size, start);
    this.used = start + size;
    return start;
  }

  #full(size: number, start: number): RangeError {
    return new RangeError(
      `the arena of ${this.size} bytes is full: ${size} more bytes were asked for after ${start}`,
    );
  }
}
