#!/usr/bin/env -S deno run --allow-all --v8-flags=--no-lazy,--min-semi-space-size=4
/**
 * Tiffin: a container runtime to read and to use.
 *
 * Run, this module is the command line: `deno run -A mod.ts run alpine sh`. Imported, it is a
 * library with the same functions.
 *
 * ```ts
 * import { run } from "./mod.ts";
 *
 * const code = await run({ image: "local", args: ["sh", "-c", "exit 7"] });
 * console.log(code); // 7
 * ```
 *
 * @module
 */

import type { Exit } from "./runtime/container.ts";

export type { Exit };

/** What {@linkcode run} runs. */
export interface RunRequest {
  /** an image's name, as `docker run` takes it; `local` needs no network */
  image: string;
  /** the command and its arguments; unless given, the image's own */
  args?: string[];
  /** the data root; unless given, the one that the command line uses */
  root?: string;
}

/**
 * Runs a container to its end, with this process's standard input and output.
 *
 * @returns its exit code, as `docker run` gives it
 */
export async function run({ image, args, root }: RunRequest): Promise<number> {
  const [{ findImage, prepare, start }, { dataRoot }] = await Promise.all([
    import("./runtime/plain_start.ts"),
    import("./runtime/data_root.ts"),
  ]);
  const where = root ?? dataRoot();
  const from = await findImage(where, image);
  const prepared = await prepare({ dataRoot: where, from, options: { command: args } });
  const container = await start(prepared);
  return (await container.wait()).code;
}

if (import.meta.main) {
  const { main } = await import("./cli/main.ts");
  Deno.exit(await main(Deno.args));
}
