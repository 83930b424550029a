/**
 * What only a process itself can tell: calls that it makes unseen before and after one of its own,
 * whose answers stand in the shared memory.
 *
 * /proc shows most of a process to others. Its host name and kernel parameters it shows to those in
 * the same namespaces alone, and some of what prctl(2) sets it shows to nobody.
 *
 * @module
 */

import { IOCTL, KEYCTL, O, PR } from "../../ffi/constants.ts";
import type { Memory, Ref } from "../../ffi/memory.ts";
import type { Program, Step } from "../../ffi/program.ts";
import type { Section } from "./look.ts";

/** A question that has been written down, and where its answer will be. */
export interface Question {
  /** where the answer belongs */
  section: Section;
  /** what was asked */
  name: string;
  /** the answer, once the process has been there */
  read(): string;
}

/** `struct utsname`: six fields of so many bytes; the second is the host name, the last the domain. */
const UTS_FIELD = 65;
/** KEY_SPEC_SESSION_KEYRING */
const SESSION_KEYRING = -3;
/** How much of a kernel parameter is kept. */
const PARAMETER = 256;

/** No answer is no failure: the process goes on as if nobody had asked. */
const ANY = ["EACCES", "EBADF", "EINVAL", "EIO", "EISDIR", "ELOOP", "ENOENT"]
  .concat("ENOKEY", "ENOSYS", "ENOTDIR", "ENOTTY", "EPERM");

/** Writes down what is asked around a call, if anything. */
export function writeQuestions(program: Program, step: Step): Question[] {
  switch (step.name) {
    case "prctl":
    case "capset":
    case "setresuid":
    case "setresgid":
      return askRights(program);
    case "sethostname":
    case "setdomainname":
      return askNames(program);
    case "keyctl":
      return askKeyring(program);
    case "write":
      return askParameter(program, step);
    case "ioctl":
      return askTerminal(program, step);
    default:
      return [];
  }
}

function askRights(program: Program): Question[] {
  const signal = program.arena.allocate(8, "signal");
  program.call("a question", { allow: ANY }).prctl(PR.GET_PDEATHSIG, signal.address, 0, 0, 0);
  const keeps = program.call("a question", { allow: ANY }).prctl(PR.GET_KEEPCAPS, 0, 0, 0, 0);
  const bits = program.call("a question", { allow: ANY }).prctl(PR.GET_SECUREBITS, 0, 0, 0, 0);
  return [
    {
      section: "process",
      name: "signal at the parent's death",
      read: () => String(signal.at(0).value || "none"),
    },
    {
      section: "rights",
      name: "capabilities are kept when the user changes",
      read: () => keeps.value ? "yes" : "no",
    },
    { section: "rights", name: "securebits", read: () => `0x${bits.value.toString(16)}` },
  ];
}

function askNames(program: Program): Question[] {
  const names = program.arena.allocate(6 * UTS_FIELD, "names");
  program.call("a question", { allow: ANY }).uname(names);
  const field = (index: number) => () => text(names, index * UTS_FIELD, UTS_FIELD);
  return [
    { section: "names", name: "host name", read: field(1) },
    { section: "names", name: "domain name", read: field(5) },
  ];
}

function askKeyring(program: Program): Question[] {
  const id = program.call("a question", { allow: ANY })
    .keyctl(KEYCTL.GET_KEYRING_ID, SESSION_KEYRING);
  return [{ section: "process", name: "session keyring", read: () => String(id.value) }];
}

/** A file below /proc/sys is another one for each namespace: whoever writes it reads it, too. */
function askParameter(program: Program, { args }: Step): Question[] {
  const path = originOf(program, args[0])?.args[0];
  if (typeof path !== "string" || !path.startsWith("/proc/sys/")) return [];
  const value = program.arena.allocate(PARAMETER, "value");
  const file = program.call("a question", { allow: ANY }).open(path, O.RDONLY | O.CLOEXEC, 0);
  program.call("a question", { allow: ANY }).read(file, value, PARAMETER - 1);
  program.call("a question", { allow: ANY }).close(file);
  const name = path.slice("/proc/sys/".length).replaceAll("/", ".");
  return [{ section: "parameters", name, read: () => text(value, 0, PARAMETER).trim() }];
}

function askTerminal(program: Program, { args }: Step): Question[] {
  const [fd, request] = args as [Ref, number];
  const answer = program.arena.allocate(16, "answer");
  const ask = (request: number) =>
    program.call("a question", { allow: ANY }).ioctl(fd, request, answer);
  if (request === IOCTL.TIOCSPTLCK) {
    ask(IOCTL.TIOCGPTLCK);
    const read = () => answer.at(0).value ? "locked" : "unlocked";
    return [{ section: "process", name: "the new terminal", read }];
  }
  if (request === IOCTL.TIOCSWINSZ) {
    ask(IOCTL.TIOCGWINSZ);
    const size = new Uint16Array(answer.bytes.buffer, answer.bytes.byteOffset, 2);
    const read = () => `${size[0]} rows, ${size[1]} columns`;
    return [{ section: "process", name: "size of the terminal", read }];
  }
  return [];
}

/** The step whose result an argument is. */
export function originOf(program: Program, argument: unknown): Step | undefined {
  return program.steps.find(({ result }) => result === argument);
}

function text({ bytes }: Memory, start: number, length: number): string {
  const field = bytes.slice(start, start + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}
