/**
 * Tiffin as a contestant, and the root file system that it runs.
 *
 * @module
 */

import type { Contestant } from "./measure.ts";

/** The project's directory, without a slash at its end. */
export const project = new URL("..", import.meta.url).pathname.replace(/\/$/, "");

/** How mod.ts is started. */
export type Way =
  /** by its first line, which says how V8 shall compile */
  | "mod.ts"
  /** with Deno's defaults */
  | "deno run -A mod.ts";

/** The words of mod.ts's first line: Deno and what it is told. */
export function firstLine(): string[] {
  const [line] = Deno.readTextFileSync(`${project}/mod.ts`).split("\n", 1);
  return line.slice(line.indexOf("deno")).split(" ");
}

/**
 * `run local true` with every default on but the network, which the others have none of either:
 * the environment says so, and `--network` can say otherwise.
 *
 * Each way has a cache of its own: V8 throws away what was compiled with other settings.
 */
export function tiffin(
  directory: string,
  way: Way = "mod.ts",
  flags: string[] = [],
): Contestant {
  const cache = `${directory}/${way === "mod.ts" ? "deno" : "deno-plain"}`;
  const start = way === "mod.ts" ? [] : [Deno.execPath(), "run", "-A"];
  return {
    name: [way, "run", ...flags].join(" "),
    command: [...start, `${project}/mod.ts`, "run", ...flags, "local", "true"],
    env: {
      TIFFIN_ROOT: dataRoot(directory),
      TIFFIN_NETWORK: "none",
      DENO_DIR: cache,
      DENO_NO_UPDATE_CHECK: "1",
    },
  };
}

/** The whole command line of a Tiffin command, as mod.ts's first line has it. */
export function tiffinWords(...words: string[]): string[] {
  return [...firstLine(), `${project}/mod.ts`, ...words];
}

/** Runs a Tiffin command to its end. */
export async function tiffinRun(
  ...words: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [program, ...args] = tiffinWords(...words);
  const { code, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" })
    .output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Where Tiffin keeps its state during the bench. */
export function dataRoot(directory: string): string {
  return `${directory}/tiffin`;
}

/**
 * A copy of the image `local`, as one tree. It must have been run before, which unpacks it.
 *
 * @throws If it has more than one layer: stacking them is the runtime's work, not the bench's.
 */
export async function localRootfs(directory: string): Promise<string> {
  const layers: string[] = [];
  for await (const entry of Deno.readDir(`${dataRoot(directory)}/layers`)) layers.push(entry.name);
  if (layers.length !== 1) throw new Error(`${layers.length} layers, where local has one`);
  const rootfs = `${directory}/rootfs`;
  const from = `${dataRoot(directory)}/layers/${layers[0]}`;
  const copy = new Deno.Command("cp", { args: ["-a", from, rootfs] });
  if (!(await copy.output()).success) throw new Error(`cannot copy ${from}`);
  return rootfs;
}
