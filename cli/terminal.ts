/**
 * A container's terminal shown on this one: keys go in, output comes out, the size follows.
 *
 * Both directions wait on threads of their own. A container that writes and does not read must be
 * read from while it is written to, or the two would wait for each other for ever.
 *
 * @module
 */

import { IOCTL, POLL } from "../ffi/constants.ts";
import { attempt, libc, offthread } from "../ffi/libc.ts";
import { isErrno } from "../ffi/errno.ts";
import { pollfd, winsize } from "../ffi/structs.ts";

/** This terminal's keyboard, lent to a container; closing gives it back as it was. */
export interface Keyboard {
  /** takes it back */
  close(): void;
}

/** A terminal that is being shown; {@linkcode Relay.close} gives this terminal back as it was. */
export interface Relay extends Keyboard {
  /** settles when everything that was written to the container's terminal has been shown */
  drained: Promise<void>;
}

/** What is looked for among the keys. */
export interface KeyFilter {
  /** what of these keys goes on to the container; `undefined` where the person wants to go */
  take(keys: Uint8Array): Uint8Array | undefined;
}

/** How large this terminal is; 24 by 80 where it does not say. */
export function windowSize(): { rows: number; columns: number } {
  try {
    return Deno.consoleSize();
  } catch {
    return { rows: 24, columns: 80 };
  }
}

/** A way out of a container that Ctrl-C does not end. */
export interface WayOut {
  /** its first process, as the host counts */
  pid: number;
  /** ends it */
  kill(): void;
}

/**
 * Shows the container's terminal on this process's one, in raw mode.
 *
 * @param master the master of the container's terminal; it is closed in the end
 * @param onHangUp called when this terminal is gone: its window was closed, or its connection broke
 * @param wayOut taken at the third Ctrl-C in a row that nothing in the container can hear
 */
export function relay(master: number, onHangUp: () => void, wayOut?: WayOut): Relay {
  const keyboard = lendKeyboard(
    master,
    onHangUp,
    wayOut && { filter: new Interrupts(master, wayOut.pid), onLeave: wayOut.kill },
  );
  return {
    drained: outputOut(master, onHangUp),
    close() {
      keyboard.close();
      attempt.close(master);
    },
  };
}

/**
 * Has this terminal's keys go to a container's one, in raw mode, and its size too.
 *
 * @param master the master of the container's terminal
 * @param onHangUp called when this terminal is gone
 * @param leaving keys that end it, and what is called then
 */
export function lendKeyboard(
  master: number,
  onHangUp: () => void,
  leaving?: { filter: KeyFilter; onLeave: () => void },
): Keyboard {
  const follow = () => {
    const { rows, columns } = windowSize();
    attempt.ioctl(master, IOCTL.TIOCSWINSZ, winsize(rows, columns));
  };
  const restore = makeRaw();
  Deno.addSignalListener("SIGWINCH", follow);
  follow();
  keysIn(master, leaving?.filter).then((end) => {
    if (end === "hung up") onHangUp();
    if (end === "left") leaving!.onLeave();
  });
  return {
    close() {
      Deno.removeSignalListener("SIGWINCH", follow);
      restore();
    },
  };
}

/**
 * Has keys looked at that go nowhere else: Ctrl-C still is a signal, and nothing is shown.
 *
 * @param onLeave called when the filter says that the person wants to go
 */
export function watchKeyboard(filter: KeyFilter, onLeave: () => void): Keyboard {
  const restore = makeRaw({ input: IXON, output: 0, control: 0, local: ICANON | ECHO | IEXTEN });
  void (async () => {
    const buffer = new Uint8Array(4096);
    for (;;) {
      const count = await Deno.stdin.read(buffer).catch(() => null);
      if (count === null) return;
      if (!filter.take(buffer.subarray(0, count))) return onLeave();
    }
  })();
  return { close: restore };
}

const CTRL_C = 0x03;
/** How many of them in a row are taken for despair. */
const DESPAIR = 3;

/**
 * Looks for the third Ctrl-C in a row, where none is heard: the kernel keeps a signal from PID 1
 * that has no handler for it, pid_namespaces(7).
 */
class Interrupts implements KeyFilter {
  #count = 0;

  constructor(private readonly master: number, private readonly pid: number) {}

  take(keys: Uint8Array): Uint8Array | undefined {
    this.#count = keys.every((key) => key === CTRL_C) ? this.#count + keys.length : 0;
    return this.#count >= DESPAIR && isDeaf(this.pid, this.master) ? undefined : keys;
  }
}

/** Whether a Ctrl-C at a terminal goes to a PID 1 that has no handler for it. */
function isDeaf(pid: number, master: number): boolean {
  const termios = new Uint8Array(TERMIOS.size);
  if (attempt.ioctl(master, IOCTL.TCGETS, termios) < 0) return false;
  // to a program that has asked for it, Ctrl-C is a key like others
  if ((new DataView(termios.buffer).getUint32(TERMIOS.local, true) & ISIG) === 0) return false;
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const caught = BigInt(`0x${/^SigCgt:\s*(\S+)/m.exec(status)![1]}`);
    const isFirst = /^NSpid:.*\s1$/m.test(status);
    return isFirst && group === foreground && (caught & (1n << BigInt(SIGINT - 1))) === 0n;
  } catch {
    // it is just ending
    return false;
  }
}

/** `struct termios` of the kernel's: four words of flags, the line discipline, 19 characters. */
const TERMIOS = { size: 36, input: 0, output: 4, control: 8, local: 12, characters: 17 } as const;

/** What cfmakeraw(3) takes from each word, as the octal numbers of asm-generic/termbits.h. */
const COOKED = { input: 0o2753, output: 0o1, control: 0o460, local: 0o100113 } as const;
const CS8 = 0o60;
/** Some of them, by their names. */
const [ISIG, ICANON, ECHO, IEXTEN, IXON] = [0o1, 0o2, 0o10, 0o100000, 0o2000];
const SIGINT = 2;
const VTIME = 5;
const VMIN = 6;

/**
 * Leaves to the container's terminal what this one did: echo, line editing, Ctrl-C, and `\r` before
 * each `\n`, which would come twice. Deno's own `setRaw` keeps the last.
 *
 * @param cleared the flags that are taken away
 * @returns what puts it back
 */
function makeRaw(cleared: Record<keyof typeof COOKED, number> = COOKED): () => void {
  const before = new Uint8Array(TERMIOS.size);
  libc.ioctl(0, IOCTL.TCGETS, before);
  const raw = before.slice();
  const view = new DataView(raw.buffer);
  for (const word of ["input", "output", "control", "local"] as const) {
    const kept = view.getUint32(TERMIOS[word], true) & ~cleared[word];
    view.setUint32(TERMIOS[word], word === "control" ? kept | CS8 : kept, true);
  }
  raw[TERMIOS.characters + VMIN] = 1;
  raw[TERMIOS.characters + VTIME] = 0;
  libc.ioctl(0, IOCTL.TCSETS, raw);
  return () => attempt.ioctl(0, IOCTL.TCSETS, before);
}

/**
 * Passes keys on; a read that still waits ends with the process.
 *
 * @returns why no more are passed on: this terminal is gone, the container's is, or the person left
 */
async function keysIn(
  master: number,
  filter?: KeyFilter,
): Promise<"hung up" | "ended" | "left"> {
  const buffer = new Uint8Array(4096);
  for (;;) {
    // in raw mode no key means "end of file"
    const count = await Deno.stdin.read(buffer).catch(() => null);
    if (count === null) return "hung up";
    const keys = buffer.subarray(0, count);
    const passed = filter ? filter.take(keys) : keys;
    if (!passed) return "left";
    if (!await writeAll(master, passed)) return "ended";
  }
}

/** Shows what is written until nobody has the other end open any more, which reads as EIO. */
async function outputOut(master: number, onHangUp: () => void): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  let isSeen = true;
  for (;;) {
    let count: number;
    try {
      count = await offthread.read(master, buffer, buffer.length);
    } catch (error) {
      if (isErrno(error, "EIO")) return;
      throw error;
    }
    if (count === 0) return;
    if (!isSeen) continue;
    isSeen = await writeAll(1, buffer.subarray(0, count));
    if (!isSeen) onHangUp();
  }
}

/** Writes to a terminal or a pipe; false where it is gone. */
export async function writeAll(fd: number, bytes: Uint8Array): Promise<boolean> {
  for (let sent = 0; sent < bytes.length;) {
    try {
      sent += await offthread.write(fd, bytes.subarray(sent), bytes.length - sent);
    } catch (error) {
      // whoever has used this terminal before may have left it O_NONBLOCK
      if (!isErrno(error, "EAGAIN")) return false;
      await offthread.poll(pollfd(fd, POLL.OUT), 1, -1);
    }
  }
  return true;
}
