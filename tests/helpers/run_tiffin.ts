/**
 * The command line as a person runs it: `deno run -A mod.ts …` in a process of its own.
 *
 * @module
 */

/** The project's directory, without a slash at its end. */
export const project = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

/** How the command is run. */
export interface RunOptions {
  /** The data root (`TIFFIN_ROOT`). */
  root: string;
  /** What the command reads from its standard input; nothing otherwise. */
  stdin?: string | Uint8Array<ArrayBuffer>;
  /** Environment variables beside the test's own. */
  env?: Record<string, string>;
  /** After so many seconds the command is killed and the test fails; 60 otherwise. */
  timeout?: number;
}

/** What came of a command. */
export interface Outcome {
  /** The exit code; 128 and the signal's number where a signal ended it. */
  code: number;
  /** Everything it wrote to its standard output. */
  stdout: string;
  /** Everything it wrote to its standard error. */
  stderr: string;
}

/** Otherwise Deno asks now and then, also through a proxy of a test's, for a newer one of itself. */
const DENO_ALONE = { DENO_NO_UPDATE_CHECK: "1" };

/**
 * Run one Tiffin command to its end.
 *
 * @throws If it takes longer than the timeout.
 */
export async function runTiffin(args: string[], options: RunOptions): Promise<Outcome> {
  const { root, stdin, env, timeout = 60 } = options;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", `${project}/mod.ts`, ...args],
    env: { ...DENO_ALONE, NO_COLOR: "1", TIFFIN_NETWORK: "none", ...env, TIFFIN_ROOT: root },
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, timeout * 1000);
  const [{ code, stdout, stderr }] = await Promise.all([
    child.output(),
    stdin === undefined ? undefined : feed(child.stdin, stdin),
  ]).finally(() => clearTimeout(timer));
  const outcome = { code, stdout: text(stdout), stderr: text(stderr) };
  if (late) {
    throw new Error(`tiffin ${args.join(" ")}: not done after ${timeout} s: ${outcome.stderr}`);
  }
  return outcome;
}

async function feed(
  stream: WritableStream<Uint8Array<ArrayBuffer>>,
  input: string | Uint8Array<ArrayBuffer>,
): Promise<void> {
  const writer = stream.getWriter();
  try {
    await writer.write(typeof input === "string" ? new TextEncoder().encode(input) : input);
    await writer.close();
  } catch (error) {
    // A command may end without reading all of its input.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
