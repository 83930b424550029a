/**
 * `attach`: this terminal, or these streams, joined to a detached container.
 *
 * @module
 */

import { IOCTL } from "../ffi/constants.ts";
import { attempt } from "../ffi/libc.ts";
import { winsize } from "../ffi/structs.ts";
import { type Ends, takeEnds } from "../runtime/attach.ts";
import { type ContainerInfo, findContainer } from "../runtime/containers.ts";
import { sendSignal } from "../runtime/lifecycle/send_signal.ts";
import { StateError } from "../runtime/lifecycle/state_error.ts";
import { waitForEnd } from "../runtime/lifecycle/wait.ts";
import { followLog } from "../runtime/log_follow.ts";
import { hasLog, LogReader } from "../runtime/logs.ts";
import { DetachKeys, parseDetachKeys } from "./detach_keys.ts";
import { ATTACH_FLAGS, DETACH_KEYS } from "./flags/attach_table.ts";
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import { onGap } from "./logs.ts";
import type { Context } from "./main.ts";
import { OutputClosed, printBytes, printError } from "./output.ts";
import { lendKeyboard, watchKeyboard, windowSize, writeAll } from "./terminal.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  ...ATTACH_FLAGS,
  "no-stdin": { help: "only show what it writes" },
} as const satisfies FlagTable;

/** The help of `attach`. */
export const help: Help = {
  usage: "attach [FLAGS] CONTAINER",
  summary: "see what a detached container writes, and type to it",
  about: [
    `Ctrl-P Ctrl-Q leaves it to itself. Without that, attach ends when the container does, with ` +
    "its exit code.",
    "Ctrl-C goes to the container. One that has an input and no terminal (-i without -t) gets lines, " +
    "and Ctrl-P Ctrl-Q among them: --sig-proxy=false has Ctrl-C leave it then.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "attach web", does: "its terminal in this one" },
    { command: "attach --detach-keys ctrl-x,x web", does: "the same with another way out" },
  ],
};

/** How a container is joined. */
export interface AttachOptions {
  /** the keys that leave it, as they are typed at a terminal */
  detachKeys?: string;
  /** whether signals are passed on to a container without a terminal. Default true */
  passesSignals?: boolean;
  /** whether this process's input goes to it. Default true */
  hasInput?: boolean;
  /** where in its log its output begins, of one just started; unless given, with what comes now */
  log?: LogReader;
}

/** Joins a container. */
export async function attach(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  const [name] = operands;
  if (operands.length !== 1) throw new UsageError("attach needs one container, as in: attach web");
  const info = await findContainer(root, name);
  if (info.state === "paused") {
    throw new StateError(`${name} is paused: tiffin unpause ${name} lets it go on`);
  }
  if (info.state !== "running") {
    throw new StateError(`${name} is not running: tiffin start -a ${name} starts and joins it`);
  }
  return await attachTo(root, info, {
    detachKeys: flags["detach-keys"],
    passesSignals: flags["sig-proxy"],
    hasInput: !flags["no-stdin"],
  });
}

/**
 * Joins a container that runs, until it ends or the keys are typed that leave it.
 *
 * @returns its exit code; 0 where it was left
 */
export async function attachTo(
  root: string,
  info: ContainerInfo,
  { detachKeys = DETACH_KEYS, passesSignals = true, hasInput = true, log }: AttachOptions = {},
): Promise<number> {
  const filter = new DetachKeys(parseDetachKeys(detachKeys));
  const left = new AbortController();
  assertHasLog(info);
  using ends = endsOf(info, log !== undefined);
  const isInForeground = ends.terminal === undefined && !hasLog(info);
  if (isInForeground) {
    throw new StateError(
      `${info.record.name ?? info.id.slice(0, 12)} runs in the foreground of another command, ` +
        "which has its streams: start it with -d to attach to it",
    );
  }
  const isTyped = hasInput && Deno.stdin.isTerminal();
  const giveBack = isTyped && ends.terminal !== undefined
    ? lend(ends.terminal, filter, left)
    : passInput(ends, info, { hasInput, passesSignals, left });
  // where no input is wanted, the keys that leave it can be typed all the same
  const keyboard = isTyped && ends.terminal === undefined && ends.input === undefined
    ? watchKeyboard(filter, () => left.abort())
    : undefined;
  try {
    using own = log ? undefined : new LogReader(info, { fromEnd: true, onGap });
    const output = followLog(root, info, log ?? own!, left.signal);
    for await (const { stream, bytes } of output) {
      if (await writeAll(stream, bytes)) continue;
      // written once more, it is said why it cannot be
      printBytes(stream === 2 ? Deno.stderr : Deno.stdout, bytes);
      throw new OutputClosed();
    }
  } finally {
    keyboard?.close();
    giveBack();
  }
  if (left.signal.aborted) {
    printError(`\ntiffin: left ${info.record.name ?? info.id.slice(0, 12)}, which goes on\n`);
    return 0;
  }
  const after = await waitForEnd(root, info);
  return after?.status?.exit.code ?? 0;
}

/** One that was just started may have ended already: then there is only its log. */
function endsOf(info: ContainerInfo, isJustStarted: boolean): Ends {
  try {
    return takeEnds(info);
  } catch (error) {
    if (!isJustStarted || !(error instanceof StateError)) throw error;
    return { [Symbol.dispose]() {} };
  }
}

/** What it writes comes out of its log. @throws {StateError} where it was told to keep none */
export function assertHasLog({ id, record }: ContainerInfo): void {
  if (record.request.log?.driver !== "none") return;
  throw new StateError(
    `${record.name ?? id.slice(0, 12)} was made with --log-driver none: what it writes is kept ` +
      "nowhere, and nobody can look at it",
  );
}

/** Lends it this terminal's keyboard, and has whatever runs in it draw itself anew. */
function lend(terminal: number, filter: DetachKeys, left: AbortController): () => void {
  const { rows, columns } = windowSize();
  // a program is told of a new size only where it is another one
  attempt.ioctl(terminal, IOCTL.TIOCSWINSZ, winsize(rows + 1, columns));
  const leave = () => left.abort();
  const keyboard = lendKeyboard(terminal, leave, { filter, onLeave: leave });
  return () => keyboard.close();
}

/** What is passed on to a container from a pipe, or to one that has no terminal. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;
const NUMBERS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1, SIGQUIT: 3, SIGUSR1: 10, SIGUSR2: 12 };

/** Passes this process's input and signals on. */
function passInput(
  ends: Ends,
  { process }: ContainerInfo,
  { hasInput, passesSignals, left }: {
    hasInput: boolean;
    passesSignals: boolean;
    left: AbortController;
  },
): () => void {
  const to = ends.terminal ?? ends.input;
  if (hasInput && to !== undefined) void copyInput(to);
  const listeners = SIGNALS.map((name) => {
    const listener = () => {
      if (passesSignals && process) sendSignal(process, NUMBERS[name]);
      else left.abort();
    };
    Deno.addSignalListener(name, listener);
    return [name, listener] as const;
  });
  return () => {
    for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
  };
}

async function copyInput(to: number): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (;;) {
    const count = await Deno.stdin.read(buffer).catch(() => null);
    if (count === null || !await writeAll(to, buffer.subarray(0, count))) return;
  }
}
