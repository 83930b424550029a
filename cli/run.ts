/**
 * `run`: a container from an image, in the foreground; `--explain` and `--trace` show its birth.
 *
 * @module
 */

import { later } from "../runtime/later.ts";
import {
  type Container,
  type ContainerRequest,
  findImage,
  prepare,
  type PullObserver,
  start,
} from "../runtime/plain_start.ts";
import type { Context } from "./main.ts";
import type { RunCommand } from "./run_flags.ts";

/** Runs the command. @returns the container's exit code */
export async function run(args: string[], { root }: Context): Promise<number> {
  const command = await parse(args);
  const request = await toRequest(command, root);
  if (command.explain) return await showBirth(request, command.explain);
  if (command.trace) return await traceBirth(request);
  const { detach, restart, name, cidfile } = command;
  if (detach || restart || name !== undefined || cidfile !== undefined) {
    const { runKnown } = await later<typeof import("./run_known.ts")>(
      import.meta,
      "./run_known.ts",
    );
    return await runKnown(request, command, attend);
  }
  const prepared = await prepare(request);
  if (prepared.warning) await write(Deno.stderr, `tiffin: ${prepared.warning}\n`);
  return await attend(await start(prepared));
}

/** Reads the words of the command line; where there are no flags, there is nothing to load for it. */
export async function parse(args: string[]): Promise<Partial<RunCommand>> {
  const [image, ...command] = args;
  if (image && !image.startsWith("-")) return { image, command };
  const { parseRunFlags } = await later<typeof import("./run_flags.ts")>(
    import.meta,
    "./run_flags.ts",
  );
  return await parseRunFlags(args);
}

/** `explain`: as `run --explain`. */
export function explain(args: string[], context: Context): Promise<number> {
  return run(["--explain", ...args], context);
}

/**
 * What a command line asks for; its image is fetched where that is missing.
 *
 * @param stays whether the container outlives this command: it gets nothing of this terminal then
 */
export async function toRequest(
  command: Partial<RunCommand>,
  root: string,
  stays = command.detach ?? false,
): Promise<ContainerRequest> {
  const { image, rootfs, name, user, options } = command;
  const from = rootfs ?? await findImage(root, image!, {
    pull: command.pull,
    platform: command.platform,
    watch: command.quiet ? undefined : watchPull,
  });
  const isAtOne = !stays && Deno.stdin.isTerminal();
  const terminal = command.terminal ?? (isAtOne && Deno.stdout.isTerminal());
  if (terminal && !isAtOne && !stays) {
    throw new Error("-t: standard input is not a terminal: leave -t away, or run this in one");
  }
  return {
    dataRoot: root,
    from,
    name,
    user,
    groups: command.groups,
    network: command.network,
    extraHosts: command.extraHosts,
    seccomp: await profile(command),
    cgroupParent: command.cgroupParent,
    labels: command.labels,
    volumes: command.volumes,
    makeDirectories: command.makeDirectories,
    swapIsDefault: command.swapIsDefault,
    hasInput: command.interactive ?? (stays ? false : undefined),
    keep: stays ? !command.rm : command.rm === false || undefined,
    restart: command.restart,
    stopTimeout: command.stopTimeout,
    health: command.health,
    log: command.log,
    options: {
      ...options,
      command: command.command?.length ? command.command : undefined,
      terminal,
      consoleSize: terminal && isAtOne ? await size() : undefined,
    },
  };
}

/** Shows a pull; the code for it is loaded once there is one. */
async function watchPull(): Promise<PullObserver> {
  const { PullWatch } = await later<typeof import("./pull_watch.ts")>(
    import.meta,
    "./pull_watch.ts",
  );
  return new PullWatch();
}

/** How large this terminal is. */
export async function size(): Promise<{ height: number; width: number }> {
  const { windowSize } = await later<typeof import("./terminal.ts")>(import.meta, "./terminal.ts");
  const { rows, columns } = windowSize();
  return { height: rows, width: columns };
}

async function profile({ seccomp }: Partial<RunCommand>): Promise<ContainerRequest["seccomp"]> {
  if (!seccomp || seccomp === "unconfined") return seccomp;
  const { file } = seccomp;
  try {
    return JSON.parse(await Deno.readTextFile(file));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Error(`--security-opt seccomp=${file}: this is no JSON: ${error.message}`);
  }
}

async function showBirth(request: ContainerRequest, form: "text" | "json"): Promise<number> {
  const { draft, record } = await prepare(request);
  const [{ explain }, { listing, listingJson }] = await Promise.all([
    later<typeof import("../runtime/birth/trace.ts")>(import.meta, "../runtime/birth/trace.ts"),
    later<typeof import("./explain.ts")>(import.meta, "./explain.ts"),
  ]);
  const lines = await explain(draft);
  const colour = await welcomesColour(Deno.stdout);
  await write(
    Deno.stdout,
    form === "json" ? listingJson(lines) : listing(lines, { id: record.id, colour }),
  );
  return 0;
}

async function traceBirth(request: ContainerRequest): Promise<number> {
  const [{ Stopwatch }, { listing }] = await Promise.all([
    later<typeof import("../runtime/birth/trace.ts")>(import.meta, "../runtime/birth/trace.ts"),
    later<typeof import("./explain.ts")>(import.meta, "./explain.ts"),
  ]);
  const stopwatch = new Stopwatch();
  const prepared = await prepare(request, stopwatch);
  const container = await start(prepared);
  const colour = await welcomesColour(Deno.stderr);
  await write(
    Deno.stderr,
    listing(stopwatch.lines(prepared.draft), { id: prepared.record.id, colour }),
  );
  return await attend(container);
}

async function welcomesColour(stream: { isTerminal(): boolean }): Promise<boolean> {
  const { hasColour } = await later<typeof import("./output.ts")>(import.meta, "./output.ts");
  return hasColour(stream);
}

async function write(stream: { write(bytes: Uint8Array): Promise<number> }, text: string) {
  const bytes = new TextEncoder().encode(text);
  for (let sent = 0; sent < bytes.length;) sent += await stream.write(bytes.subarray(sent));
}

/** What is stayed with: a container, or a further process in one. */
export type Attended =
  & Pick<Container, "terminal" | "signal" | "wait">
  & Partial<Pick<Container, "pid">>;

/** Stays with a container until it ends: its terminal, its signals, its exit code. */
export async function attend(container: Attended): Promise<number> {
  const stop = forwardSignals(container);
  let hangUp: ReturnType<typeof setTimeout> | undefined;
  const relay = container.terminal === undefined
    ? undefined
    : (await later<typeof import("./terminal.ts")>(import.meta, "./terminal.ts")).relay(
      container.terminal,
      () => hangUp = setTimeout(() => container.signal(9), GRACE),
      container.pid === undefined
        ? undefined
        : { pid: container.pid, kill: () => container.signal(9) },
    );
  try {
    const [exit] = await Promise.all([container.wait(), relay?.drained]);
    if (exit.isOutOfMemory) {
      await write(Deno.stderr, "tiffin: the container was killed: it reached its memory limit\n");
    }
    return exit.code;
  } finally {
    // Deno loads its timers when one is first touched, which takes 3 ms
    if (hangUp !== undefined) clearTimeout(hangUp);
    relay?.close();
    stop();
  }
}

/**
 * How long a container may go on, in milliseconds, whose terminal is gone. Its end was announced by
 * SIGHUP, as to every program at that terminal.
 */
const GRACE = 5000;

/** What a person or a service manager sends to end or to prod a command. */
const FORWARDED = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;
const NUMBERS = { SIGTERM: 15, SIGINT: 2, SIGHUP: 1, SIGQUIT: 3, SIGUSR1: 10, SIGUSR2: 12 };
/** After so many requests to end that changed nothing, the container is killed. */
const PATIENCE = 3;

/**
 * Passes signals on to the container.
 *
 * The kernel keeps a signal from PID 1 that has no handler for it (pid_namespaces(7)), so Ctrl-C
 * may have no effect on a plain program; the third one kills.
 */
function forwardSignals(container: Pick<Container, "signal">): () => void {
  let requests = 0;
  const listeners = FORWARDED.map((name) => {
    const listener = () => {
      const isRequest = name === "SIGTERM" || name === "SIGINT";
      if (isRequest && ++requests >= PATIENCE) container.signal(9);
      else container.signal(NUMBERS[name]);
    };
    Deno.addSignalListener(name, listener);
    return [name, listener] as const;
  });
  return () => {
    for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
  };
}
