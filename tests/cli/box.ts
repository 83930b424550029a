/**
 * Containers of the image `local` for the tests of `run`: the data root that a file's tests share,
 * and commands that are talked to while they run.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { differences, type HostSnapshot, hostSnapshot } from "../helpers/host.ts";
import { isRoot, needs, type Requirements } from "../helpers/needs.ts";
import { type Outcome, project, type RunOptions, runTiffin } from "../helpers/run_tiffin.ts";
import { type TempRoot, tempRoot } from "../helpers/temp_root.ts";

/** What a test needs that starts containers, as root or as an ordinary user. */
export const anyUser: Requirements = isRoot ? { root: true } : { ordinaryUser: true };

/** Whether this user can start containers here. */
export const canRun: boolean = !needs("", anyUser).ignore;

/** A data root that holds the image `local`. */
export interface Box {
  /** the data root */
  readonly path: string;
  /** runs `tiffin run` with these words */
  run(words: string[], options?: Partial<RunOptions>): Promise<Outcome>;
  /** runs a shell script in a container of the image `local`, with these flags of `run` */
  sh(script: string, ...flags: string[]): Promise<Outcome>;
  /** {@linkcode Box.sh} of a script that has to succeed; what it prints */
  text(script: string, ...flags: string[]): Promise<string>;
  /** `tiffin run` with these words, talked to while it runs; `before` is put in front of it */
  start(words: string[], before?: string[]): Talk;
}

/** Makes the data root before the first test of a file, and removes it after the last. */
export function localBox(): Box {
  let root: TempRoot;
  let before: HostSnapshot;
  Deno.test.beforeAll(async () => {
    root = await tempRoot();
    if (!canRun) return;
    const { code, stderr } = await runTiffin(["run", "local", "true"], { root: root.path });
    assertEquals(code, 0, stderr);
    before = hostSnapshot(root.path);
  });
  Deno.test.afterAll(async () => {
    if (canRun) await assertNothingLeft(before);
    await root[Symbol.asyncDispose]();
  });
  const run = (words: string[], options: Partial<RunOptions> = {}) =>
    runTiffin(["run", ...words], { root: root.path, ...options });
  const sh = (script: string, ...flags: string[]) => run([...flags, "local", "sh", "-c", script]);
  return {
    get path() {
      return root.path;
    },
    run,
    sh,
    async text(script, ...flags) {
      const { code, stdout, stderr } = await sh(script, ...flags);
      assertEquals(code, 0, stderr);
      return stdout;
    },
    start: (words, before) => new Talk([...before ?? [], ...tiffin("run", ...words)], root.path),
  };
}

/**
 * Waits until nothing new is there. What comes and goes meanwhile is another's, on a machine that
 * does more than this test; a leftover stays.
 */
async function assertNothingLeft(before: HostSnapshot): Promise<void> {
  const fresh = () =>
    differences(before, hostSnapshot(before.directory)).filter((line) => line.includes(": new: "))
      // what is kept there can be made again, and is there for the next run
      .filter((line) => !line.startsWith(`files: new: ${before.directory}/cache/`))
      // the directory of names stays when the last name has gone
      .filter((line) => !/\/names \d+$/.test(line));
  let left = fresh();
  await until(() => {
    const now = new Set(fresh());
    left = left.filter((line) => now.has(line));
    return left.length === 0;
  }, () => `nothing is left: ${left.join("\n")}`);
}

/** The words that start Tiffin's command line in a process of its own. */
export function tiffin(...words: string[]): string[] {
  return [Deno.execPath(), "run", "--quiet", "-A", `${project}/mod.ts`, ...words];
}

/** How long a command may take to say what is expected of it, in milliseconds. */
const PATIENCE = 10_000;

/** A command that runs; `await using` kills it if it still does. */
export class Talk implements AsyncDisposable {
  private readonly child: Deno.ChildProcess;
  private readonly input: WritableStreamDefaultWriter<Uint8Array>;
  private readonly output: ReadableStreamDefaultReader<string>;
  private readonly errors: Promise<string>;
  private heard = "";
  /** how it ended */
  readonly status: Promise<Deno.CommandStatus>;

  /**
   * Starts it.
   *
   * @param command a program and its arguments
   * @param root the data root that it is given
   */
  constructor([program, ...args]: string[], root: string) {
    this.child = new Deno.Command(program, {
      args,
      env: { TIFFIN_ROOT: root, NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.input = this.child.stdin.getWriter();
    this.output = this.child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.errors = new Response(this.child.stderr).text();
    this.status = this.child.status;
  }

  /** The process id. */
  get pid(): number {
    return this.child.pid;
  }

  /** Waits for output that matches, and returns all output since the last one that was waited for. */
  async hear(pattern: RegExp): Promise<string> {
    const timer = setTimeout(() => this.kill("SIGKILL"), PATIENCE);
    try {
      while (!pattern.test(this.heard)) {
        const { value, done } = await this.output.read();
        if (done) {
          throw new Error(`${pattern}: ended after ${this.heard}\n${await this.errors}`);
        }
        this.heard += value;
      }
    } finally {
      clearTimeout(timer);
    }
    const text = this.heard;
    this.heard = "";
    return text;
  }

  /** Writes to its standard input. */
  async say(text: string): Promise<void> {
    await this.input.write(new TextEncoder().encode(text));
  }

  /** Sends it a signal. */
  kill(signal: Deno.Signal): void {
    this.child.kill(signal);
  }

  /** Closes its standard input and waits for its end. */
  async end(): Promise<Outcome> {
    await this.input.close().catch(() => {});
    const timer = setTimeout(() => this.kill("SIGKILL"), PATIENCE);
    for (let part; !(part = await this.output.read()).done;) this.heard += part.value;
    const [{ code }, stderr] = await Promise.all([this.status, this.errors]);
    clearTimeout(timer);
    return { code, stdout: this.heard, stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.kill("SIGKILL");
    } catch {
      // it has ended already
    }
    await this.end();
  }
}

/** Waits until something is so; `what` says what was waited for. */
export async function until(isSo: () => boolean, what: () => string): Promise<void> {
  for (const end = Date.now() + PATIENCE; !isSo();) {
    if (Date.now() > end) throw new Error(`not within ${PATIENCE} ms: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Waits until a `run` passes signals on, which it does a moment after its container has begun. */
export async function passesSignals(pid: number): Promise<void> {
  const caught = () => {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return BigInt(`0x${/^SigCgt:\s*(\S+)/m.exec(status)![1]}`);
  };
  const [hup, int, term, usr2] = [1n, 2n, 15n, 12n].map((signal) => 1n << (signal - 1n));
  const all = hup | int | term | usr2;
  await until(() => (caught() & all) === all, () => `${pid} passes signals on`);
}

/** Runs a program of the host's that has to succeed. @returns what it printed */
export async function host(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  if (!success) {
    throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
  return new TextDecoder().decode(stdout);
}
