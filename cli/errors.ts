/**
 * Errors as a person reads them: what went wrong, what to do about it, and the exit code.
 *
 * An expected error has a class of its own and says all there is to say. What the language throws
 * by itself is a mistake of Tiffin's, and is shown with its stack.
 *
 * @module
 */

import { harmless } from "./printable.ts";
import { hasColour, OutputClosed, printError } from "./output.ts";

/** Where an error came up. */
export interface Occasion {
  /** The command, if the command line names one. */
  command?: string;
  /** The data root; empty if it is not known yet. */
  root: string;
}

/** What a person is told. */
export interface Complaint {
  /** What went wrong; empty where the exit code says it all. */
  message: string;
  /** What to do about it, a line each. */
  hints: string[];
  /** What the process exits with. */
  exitCode: number;
}

/** The parts of an error that some classes have. */
type Details =
  & Error
  & Partial<Record<"code" | "call" | "kind" | "limit" | "exitCode" | "hint", unknown>>;

/** What a process exits with that wrote into a closed pipe: 128 and SIGPIPE's 13. */
const BROKEN_PIPE = 141;

/** Docker's exit code where `run` itself fails, and not the command in the container. */
const RUN_FAILED = 125;

/** Commands whose exit code is that of a command in a container. */
const RUNNING = new Set(["run", "explain", "exec"]);

/**
 * Prints an error.
 *
 * @returns the exit code
 */
export function report(error: unknown, occasion: Occasion): number {
  // Whoever read our output has gone: there is nobody to tell.
  if (error instanceof OutputClosed || error instanceof Deno.errors.BrokenPipe) return BROKEN_PIPE;
  const { message, hints, exitCode } = complaintOf(error, occasion);
  const name = hasColour(Deno.stderr) ? "\x1b[1;31mtiffin:\x1b[0m" : "tiffin:";
  const lines = [...(message === "" ? [] : [`${name} ${message}`]), ...hints];
  try {
    printError(lines.map((line) => `${line}\n`).join(""));
  } catch (error) {
    // Nobody is left to be told.
    if (!(error instanceof OutputClosed)) throw error;
  }
  return exitCode;
}

/** What a person is told about an error. */
export function complaintOf(error: unknown, occasion: Occasion): Complaint {
  const { command } = occasion;
  const usual = command === undefined || RUNNING.has(command) ? RUN_FAILED : 1;
  if (!(error instanceof Error) || MISTAKES.has(error.name)) {
    return { ...mistake(error), exitCode: usual };
  }
  const { exitCode } = error as Details;
  return {
    message: harmless(plainMessage(error)),
    hints: hintsOf(error, occasion).map(harmless),
    exitCode: typeof exitCode === "number" ? exitCode : usual,
  };
}

/** The names of the errors that the language throws by itself. */
const MISTAKES = new Set([
  "TypeError",
  "ReferenceError",
  "RangeError",
  "SyntaxError",
  "URIError",
  "AssertionError",
]);

function mistake(error: unknown): Pick<Complaint, "message" | "hints"> {
  const stack = error instanceof Error ? error.stack ?? error.message : Deno.inspect(error);
  return {
    message: "this is a mistake in Tiffin: please report it, with all of these lines",
    hints: [stack, `Deno ${Deno.version.deno}, Linux ${Deno.osRelease()}, ${Deno.build.arch}`],
  };
}

/** Deno's `No such file (os error 2): open '/x'` in the order of all other messages. */
function plainMessage({ message }: Error): string {
  const [, meaning, call] = /^(.*) \(os error \d+\)(?:: (.*))?$/s.exec(message) ?? [];
  if (meaning === undefined) return message;
  const cause = meaning.charAt(0).toLowerCase() + meaning.slice(1);
  return call === undefined ? cause : `${call}: ${cause}`;
}

/** Calls whose ENOSPC tells of a limit of the kernel's, and of no disk. */
const NO_DISK = new Set<unknown>(["mount", "move_mount", "open_tree", "clone3", "unshare", "bpf"]);

/** Commands that want something else of a registry than an image. */
const NO_FETCH = new Set(["push", "login", "search"]);

/** What follows from the kind of an error. */
function hintsOf(error: Details, { command, root }: Occasion): string[] {
  const { name, message, code, call, kind, limit, hint } = error;
  if (name === "UsageError") {
    return typeof hint === "string" ? [hint] : [
      command ? `tiffin ${command} --help shows its flags` : "tiffin help shows the commands",
    ];
  }
  if (name === "RegistryError" && kind === "unreachable" && !NO_FETCH.has(command ?? "")) {
    return ["no registry answers; without a network there is the image local: tiffin run local sh"];
  }
  if (typeof limit === "string" && /^(Layer|Tar|Decompress)Error$/.test(name)) {
    const flag = limit === "bytes" ? "--max-layer-size" : "--max-layer-entries";
    const again = command === "load" || command === "import" ? command : "pull";
    return [`if you trust the image, tiffin ${again} ${flag} raises the limit`];
  }
  if (code === "ENOSPC" && !NO_DISK.has(call)) {
    return [
      `the disk of ${root} is full: see df -h and df -i; tiffin image prune and tiffin rmi make room`,
    ];
  }
  if ((code === "EACCES" || code === "EROFS") && root !== "" && message.includes(root)) {
    const whose = Deno.uid() === 0 ? "root" : "this user";
    return [
      `${root} is not ${whose}'s to write to: choose another place with --root or TIFFIN_ROOT`,
    ];
  }
  // in /proc no directory can be made, which is told as ENOENT
  const isNoPlace = code === "ENOTDIR" || (code === "ENOENT" && message.includes(": mkdir"));
  if (isNoPlace && root !== "" && message.includes(root)) {
    return [`nothing can be kept in ${root}: choose another directory with --root or TIFFIN_ROOT`];
  }
  return [];
}
