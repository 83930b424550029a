/**
 * Where a lesson works: a scratch directory, commands, and the certainty that all of it goes again.
 *
 * Everything that is started here is a descendant of this process and stays one, whoever leaves
 * whom: prctl(2), `PR_SET_CHILD_SUBREAPER`. So at the end all of it can be found and killed.
 *
 * @module
 */

import { PR, SIG } from "../ffi/constants.ts";
import { attempt, libc } from "../ffi/libc.ts";
import { readHostFile } from "../runtime/host_files.ts";
import { removeTree } from "../runtime/remove_tree.ts";
import type { Language } from "./lesson.ts";

/** The project's directory, without a slash at its end. */
export const project: string = decodeURIComponent(new URL("..", import.meta.url).pathname).slice(
  0,
  -1,
);

/** What a command wrote, on both of its outputs in the order of writing, and how it ended. */
export interface Outcome {
  /** 0 to 255; 128 and the signal's number for a process that was killed by one */
  code: number;
  /** everything that it wrote */
  output: string;
}

/** How a command is run. */
export interface CommandOptions {
  /** where; the scratch directory unless given */
  cwd?: string;
  /** variables beside this process's own */
  env?: Record<string, string>;
  /** seconds until it is killed; 60 unless given */
  timeout?: number;
  /** whether {@linkcode Running.write} shall reach it; else its input is at its end */
  hasInput?: boolean;
}

/** Where a lesson works; {@linkcode openWorkshop} makes it. */
export interface Workshop extends AsyncDisposable {
  /** the reader's language */
  readonly language: Language;
  /** the data root */
  readonly root: string;
  /** an empty directory, gone in the end; commands run in it */
  readonly scratch: string;
  /** has `undo` called in the end, before what was deferred earlier */
  defer(undo: () => unknown): void;
  /** Runs a program to its end. `tiffin` is one of them. */
  run(command: readonly string[], options?: CommandOptions): Promise<Outcome>;
  /** Starts a program that goes on; it is killed in the end. */
  start(command: readonly string[], options?: CommandOptions): Running;
  /** Asks again and again until the answer is truthy; `undefined` after so many seconds, 10 unless given. */
  until<T>(ask: () => T | Promise<T>, seconds?: number): Promise<T | undefined>;
}

/** A program that goes on. */
export interface Running {
  /** its process id */
  readonly pid: number;
  /** what it has written so far */
  output(): string;
  /** writes to its input, if it has one */
  write(text: string): Promise<void>;
  /** how it ended, when it has */
  readonly ended: Promise<Outcome>;
  /** kills it and everything that it started, and waits for its end */
  stop(): Promise<Outcome>;
}

/** Opens a workshop. @param root the data root that `tiffin` uses in it */
export function openWorkshop(language: Language, root: string): Workshop {
  libc.prctl(PR.SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  const scratch = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "tiffin-lesson-" }));
  // what an ordinary user's namespaces are to see may not be closed to them
  Deno.chmodSync(scratch, 0o755);
  const tools = Deno.makeTempDirSync({ prefix: "tiffin-lesson-" });
  writeTiffin(tools);
  const strangers = new Set(descendants(Deno.pid));
  const undos: (() => unknown)[] = [];
  const environment = {
    PATH: `${tools}:${Deno.env.get("PATH") ?? ""}:/usr/sbin:/sbin`,
    TIFFIN_ROOT: root,
    // a bridge would stay on the host; a lesson that wants a network says which
    TIFFIN_NETWORK: "none",
    NO_COLOR: "1",
    LC_ALL: "C.UTF-8",
  };

  const start = (command: readonly string[], options: CommandOptions = {}): Running => {
    const { cwd = scratch, env, hasInput } = options;
    return spawn(command, { cwd, env: { ...environment, ...env }, hasInput });
  };
  let closing: Promise<void> | undefined;
  const close = async () => {
    const problems: unknown[] = [];
    for (const undo of undos.toReversed()) {
      try {
        await undo();
      } catch (error) {
        problems.push(error);
      }
    }
    await killAll(() => descendants(Deno.pid).filter((pid) => !strangers.has(pid)));
    for (const directory of [scratch, tools]) removeTree(directory);
    if (problems.length > 0) throw problems[0];
  };

  return {
    language,
    root,
    scratch,
    defer: (undo) => void undos.push(undo),
    start,
    run: async (command, options = {}) => {
      const running = start(command, options);
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        running.stop();
      }, (options.timeout ?? 60) * 1000);
      const outcome = await running.ended.finally(() => clearTimeout(timer));
      if (!isLate) return outcome;
      const note = `[killed after ${options.timeout ?? 60} seconds]\n`;
      return { ...outcome, output: outcome.output + note };
    },
    until: async (ask, seconds = 10) => {
      const end = Date.now() + seconds * 1000;
      for (;;) {
        const answer = await ask();
        if (answer) return answer;
        if (Date.now() > end) return undefined;
        await pause(20);
      }
    },
    [Symbol.asyncDispose]: () => closing ??= close(),
  };
}

/** Puts a program `tiffin` into a directory: this project's command line. */
function writeTiffin(directory: string): void {
  const quote = (path: string) => `'${path.replaceAll("'", "'\\''")}'`;
  const script = `#!/bin/sh\nexec ${quote(Deno.execPath())} run -A --quiet ` +
    `${quote(`${project}/mod.ts`)} "$@"\n`;
  Deno.writeTextFileSync(`${directory}/tiffin`, script, { mode: 0o755 });
}

/** Starts a program with both outputs on one pipe, so that their lines keep their order. */
function spawn(
  command: readonly string[],
  { hasInput = false, ...options }: {
    cwd: string;
    env: Record<string, string>;
    hasInput?: boolean;
  },
): Running {
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", 'exec "$@" 2>&1', "sh", ...command],
    ...options,
    stdin: hasInput ? "piped" : "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const input = hasInput ? child.stdin.getWriter() : undefined;
  let text = "";
  // what holds the pipe open after the program's end is no reason to wait
  const reading = (async () => {
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) text += chunk;
  })();
  const ended = (async () => {
    const { code } = await child.status;
    await Promise.race([reading, pause(200)]);
    return { code, output: text };
  })();
  return {
    pid: child.pid,
    output: () => text,
    write: async (text) => await input?.write(new TextEncoder().encode(text)),
    ended,
    stop: async () => {
      await killAll(() => [...descendants(child.pid), child.pid]);
      return await ended;
    },
  };
}

/** Every process below this one; those of a process that has ended are its subreaper's. */
export function descendants(pid: number): number[] {
  const found: number[] = [];
  const tasks = readDirectory(`/proc/${pid}/task`);
  for (const task of tasks) {
    const children = readHostFile(`/proc/${pid}/task/${task}/children`) ?? "";
    for (const child of children.split(" ").filter(Boolean).map(Number)) {
      found.push(child, ...descendants(child));
    }
  }
  return found;
}

/** Kills processes until all are dead; a zombie is, and goes with this process at the latest. */
async function killAll(list: () => number[]): Promise<void> {
  await endContainers(list());
  for (let round = 0; round < 200; round++) {
    const left = list().filter((pid) => !isZombie(pid));
    if (left.length === 0) return;
    for (const pid of left) attempt.kill(pid, SIG.KILL);
    await pause(10);
  }
}

/**
 * Kills what runs in PID namespaces of its own, and gives whoever waits for it two seconds to clear
 * away after it: a `tiffin run` that is killed itself leaves that to the next one.
 */
async function endContainers(pids: number[]): Promise<void> {
  const inside = pids.filter((pid) => pidNamespace(pid) !== pidNamespace(Deno.pid));
  const waiting = new Set(inside.map(parentOf).filter((pid) => !inside.includes(pid)));
  waiting.delete(Deno.pid);
  for (const pid of inside) attempt.kill(pid, SIG.KILL);
  for (let round = 0; round < 200; round++) {
    if ([...waiting].every(isZombie)) return;
    await pause(10);
  }
}

function pidNamespace(pid: number): string {
  try {
    return Deno.readLinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    // a zombie has none any more, and nothing is lost if it is killed
    return "";
  }
}

/** The process that a process is a child of, proc_pid_stat(5). */
function parentOf(pid: number): number {
  const stat = readHostFile(`/proc/${pid}/stat`) ?? "";
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

function isZombie(pid: number): boolean {
  const stat = readHostFile(`/proc/${pid}/stat`);
  return stat === undefined || stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
}

function readDirectory(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map(({ name }) => name);
  } catch {
    return [];
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
