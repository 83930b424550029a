/**
 * A program of libc calls, kept as data: written here, walked by the machine, read by people.
 *
 * `program.call("why").mount(...)` writes down what `libc.mount(...)` would do now, and gives a
 * {@linkcode Ref} to the result, which later calls can take as an argument. A program can be
 * printed before it runs, followed while it runs, and compared with another in a test.
 *
 * ```ts
 * import { Arena } from "./memory.ts";
 * import { Program } from "./program.ts";
 *
 * const program = new Program(new Arena(1 << 16), {}, 8);
 * const copy = program.call("another number for it", { name: "copy" }).dup(0);
 * program.call("which is not needed").close(copy);
 * console.log(program.format(program.steps[1])); // close(copy)
 * program.walk();
 * ```
 *
 * @module
 */

import { type AnyArgument, type Callee, type Calls, formatArguments, writeCall } from "./calls.ts";
import { E, SyscallError } from "./errno.ts";
import { asNamed, libcAddress } from "./libc.ts";
import { FLAG, HEADER, LARGEST_ALLOWED_ERRNO, STEP } from "./machine.ts";
import { type Arena, type Memory, Ref } from "./memory.ts";
import { functionAddress, walk, walkOffThread } from "./native.ts";
import { signatures } from "./signatures.ts";

/** A function of libc by name. */
export type FunctionName = keyof typeof signatures;

/** A group of steps with one subject, and the lesson that teaches it. */
export interface Phase {
  /** what its calls do together, as a heading */
  title: string;
  /** the lesson's number */
  lesson?: number;
}

/** A place in a program that steps can jump to. */
export interface Label {
  /** the step that it stands before, once it has been placed */
  address?: number;
  /** addresses of the steps that wait to be told where it is */
  jumps: number[];
}

/** What may be said of a call beside its arguments. */
export interface CallOptions {
  /** errno names that are not a failure here */
  allow?: readonly string[];
  /** what the result is, for a reader: `fd = open(...)` */
  name?: string;
  /** the call makes a child, which goes on with the next step; the parent goes on at `parent` */
  fork?: { parent?: Label };
  /** where to go on when the call succeeds */
  onSuccess?: Label;
  /** where to go on when the call succeeds with something other than 0 */
  onNonzero?: Label;
}

/** Nothing more to say of a call, as of most. */
const NO_OPTIONS: CallOptions = {};

/** One call of a program. */
export interface Step {
  /** the function */
  name: FunctionName;
  /** its arguments as they were given; earlier results are {@linkcode Ref}s */
  args: readonly AnyArgument[];
  /** one line for the reader */
  why: string;
  /** the group that it belongs to */
  phase: Phase;
  /** what else was said of it */
  options: CallOptions;
  /** where the step is in the arena */
  address: number;
  /** the result, as later steps see it */
  result: Ref;
}

/** What came of a step. */
export interface Outcome {
  /** how many times the call returned; 0 for one that was not reached, and for a good execve(2) */
  count: number;
  /** what it returned */
  result: number;
  /** errno where it returned -1, else 0 */
  errno: number;
}

/** Steps put in before or after each call, unseen by the reader: clocks, and a debugger's gates. */
export interface Weave {
  /** writes down what comes before a call; the step has no address and no result yet */
  before?(program: Program, step: Step): void;
  /** writes down what comes after a call; not reached where the call jumps */
  after?(program: Program, step: Step): void;
}

/** How many steps a program has room for unless told otherwise. */
const CAPACITY = 512;

/** The exit status of a child that fails, unless told otherwise: as a shell's for "not found". */
const FAILED_CHILD = 127;

/** The program that was asked last, and has not written its call down yet. */
let asked: Program | undefined;

/** libc's functions, each of which is written down instead of called. */
const recorder: Calls<Ref> = asNamed(signatures, (name) => (...args) => {
  const program = asked;
  asked = undefined;
  if (program) return program.record(name, args);
  throw new Error(`call("why") comes before ${name}(...), each time, and not inside its arguments`);
});

const callees = new Map<FunctionName, Callee>();

/** A function of libc as it stands in a step. */
function calleeOf(name: FunctionName): Callee {
  let callee = callees.get(name);
  if (!callee) {
    callee = { name, signature: signatures[name], address: libcAddress(name) };
    callees.set(name, callee);
  }
  return callee;
}

/** A list of calls in shared memory. */
export class Program {
  /** the calls, in the order in which they were written */
  readonly steps: Step[] = [];
  private readonly header: Memory;
  private readonly room: Memory;
  private next = 0;
  private currentPhase: Phase = { title: "" };
  private why = "";
  private options = NO_OPTIONS;
  private weaving = false;
  private readonly copyIn = (bytes: Uint8Array): number => this.arena.copy(bytes);

  /**
   * Takes the room for the steps from the arena.
   *
   * @param arena where steps, strings and structs are put
   * @param weave steps to put around each call
   * @param capacity how many steps there is room for, woven ones included
   */
  constructor(readonly arena: Arena, private weave: Weave = {}, private capacity = CAPACITY) {
    this.header = arena.allocate(HEADER.size, "header");
    this.room = arena.allocate((capacity + 1) * STEP.size, "steps");
    arena.setWord(
      this.header.address + HEADER.errnoLocation,
      functionAddress("__errno_location"),
    );
    arena.setWord(this.header.address + HEADER.exit, functionAddress("_exit"));
    arena.setWord(this.header.address + HEADER.status, FAILED_CHILD);
  }

  /** Begins a group of steps. */
  phase(title: string, lesson?: number): void {
    this.currentPhase = { title, lesson };
  }

  /**
   * Writes down the call that is named next: `program.call("why").chdir("/")`.
   *
   * @param why one line for the reader of the program
   * @throws {RangeError} where the call does not fit: the steps' room or the arena is full
   */
  call(why: string, options: CallOptions = NO_OPTIONS): Calls<Ref> {
    this.why = why;
    this.options = options;
    asked = this;
    return recorder;
  }

  /** A place that is not known yet; {@linkcode Program.place} says where it is. */
  label(): Label {
    return { jumps: [] };
  }

  /** Puts a label in front of the step that is written next. */
  place(label: Label): void {
    label.address = this.#nextAddress;
    for (const step of label.jumps) this.arena.setWord(step + STEP.jump, label.address);
  }

  /** Ends a list: a walk that comes here stops. What is written after it is reached by jumps. */
  end(): void {
    this.#reserve();
  }

  /** What a failing child walks before it exits with `status`: another program in the same arena. */
  onFailure(tail: Program, status: number): void {
    this.arena.setWord(this.header.address + HEADER.tail, tail.room.address);
    this.arena.setWord(this.header.address + HEADER.status, status);
  }

  /**
   * Walks the program in this process, as far as it goes.
   *
   * @param from where to begin, unless that is the first step
   * @throws {SyscallError} what the failed call says
   */
  walk(from?: Step): void {
    const start = from ? from.address : this.room.address;
    const failed = walk(BigInt(start), BigInt(this.header.address));
    if (failed) throw this.error(this.#stepAt(failed));
  }

  /**
   * As {@linkcode Program.walk}, on another thread: for a program that waits on its way.
   *
   * @throws {SyscallError} what the failed call says
   */
  async walkOffThread(): Promise<void> {
    const failed = await walkOffThread(BigInt(this.room.address), BigInt(this.header.address));
    if (failed) throw this.error(this.#stepAt(failed));
  }

  /** The step that failed in a child, if one did. */
  get failed(): Step | undefined {
    const address = this.arena.word(this.header.address + HEADER.failed);
    return address === 0 ? undefined : this.#stepAt(address);
  }

  /** The step at which a child stands. */
  get current(): Step | undefined {
    return this.#find(this.arena.word(this.header.address + HEADER.current));
  }

  /** Whether a child stands at the call that this is the result of, a woven one perhaps. */
  isAt(result: Ref): boolean {
    return this.arena.word(this.header.address + HEADER.current) + STEP.result === result.address;
  }

  /** What came of a step. */
  outcome(step: Step): Outcome {
    return {
      count: this.arena.word(step.address + STEP.count),
      result: this.arena.word(step.address + STEP.result),
      errno: this.arena.int(step.address + STEP.errno),
    };
  }

  /** The errno of a step, as steps that come after it see it. */
  errnoOf({ address, name }: Step): Ref {
    return new Ref(address + STEP.errno, `errno of ${name}`, this.arena);
  }

  /** The error that a failed step stands for. */
  error(step: Step, hint?: string): SyscallError {
    const { errno } = this.outcome(step);
    const args = formatArguments(signatures[step.name], step.args, true);
    return new SyscallError(step.name, args, errno, hint);
  }

  /** A step as a person would write it; results of earlier steps by name, or by value if `known`. */
  format(step: Step, known = false): string {
    const call = `${step.name}(${formatArguments(signatures[step.name], step.args, known)})`;
    return step.options.name ? `${step.options.name} = ${call}` : call;
  }

  get #nextAddress(): number {
    return this.room.address + this.next * STEP.size;
  }

  /** The address of a fresh step; the one after the last stays zero, which ends the list. */
  #reserve(): number {
    if (this.next >= this.capacity) {
      throw new RangeError(`a program of ${this.capacity} steps is full`);
    }
    const address = this.#nextAddress;
    this.next++;
    return address;
  }

  /** Writes a call down by its function's name; {@linkcode Program.call} has said why it is made. */
  record(name: FunctionName, args: readonly AnyArgument[]): Ref {
    const { why, options, weaving } = this;
    const step: Step = {
      name,
      args,
      why,
      phase: this.currentPhase,
      options,
      address: 0,
      result: undefined as unknown as Ref,
    };
    if (!weaving) this.#weaveIn(this.weave.before, step);
    step.address = this.#reserve();
    step.result = new Ref(step.address + STEP.result, options.name ?? name, this.arena);
    this.#write(step);
    if (!weaving) {
      this.steps.push(step);
      this.#weaveIn(this.weave.after, step);
    }
    return step.result;
  }

  #weaveIn(part: Weave["after"], step: Step): void {
    this.weaving = true;
    part?.call(this.weave, this, step);
    this.weaving = false;
  }

  #write({ name, args, options, address }: Step): void {
    const { arena } = this;
    let flags = 0;
    const target = options.fork?.parent ?? options.onSuccess ?? options.onNonzero;
    if (options.fork) flags |= FLAG.fork | FLAG.jumpIfNonzero;
    if (options.onNonzero) flags |= FLAG.jumpIfNonzero;
    if (options.onSuccess) flags |= FLAG.jumpIfOk;
    writeCall(arena, address, calleeOf(name), args, this.copyIn, flags);
    if (target?.address) arena.setWord(address + STEP.jump, target.address);
    else target?.jumps.push(address);
    if (options.allow) this.#allow(address, options.allow);
  }

  #allow(address: number, codes: readonly string[]): void {
    for (let i = 0; i < codes.length; i++) {
      const errno = E[codes[i]];
      if (errno === undefined || errno > LARGEST_ALLOWED_ERRNO) {
        throw new RangeError(`${codes[i]} is not the name of an errno`);
      }
      this.arena.setBit(address + STEP.allowed, errno);
    }
  }

  #find(address: number): Step | undefined {
    return this.steps.find((step) => step.address === address);
  }

  #stepAt(address: number): Step {
    const step = this.#find(address);
    if (!step) throw new Error(`no step of this program is at 0x${address.toString(16)}`);
    return step;
  }
}
