/**
 * `oci install`: the file that an engine executes.
 *
 * @module
 */

import { denoDirectory } from "../deno_cache.ts";
import { parseFlags, UsageError } from "../flags/grammar.ts";
import { print } from "../output.ts";
import type { Help } from "../usage.ts";
import { absolute } from "./context.ts";

/** Where it is written unless told otherwise. */
const DEFAULT_PATH = "/usr/local/bin/tiffin-oci";

/** The help of `oci install`. */
export const help: Help = {
  usage: "oci install [PATH]",
  summary: "write the file that engines execute",
  about: [
    "It is a script that starts this checkout with this Deno. Docker, Podman and containerd are " +
    "given its path: see docs/engines.md.",
  ],
  examples: [{ command: "oci install", does: DEFAULT_PATH }],
};

/** Writes the launcher. */
// deno-lint-ignore require-await -- a command is a promise of its exit code
export async function command(args: string[]): Promise<number> {
  const { operands: [path = DEFAULT_PATH, ...more] } = parseFlags(args, {});
  if (more.length) throw new UsageError("install takes one path");
  const file = absolute(path);
  Deno.writeTextFileSync(`${file}.new`, launcher(), { mode: 0o755 });
  Deno.chmodSync(`${file}.new`, 0o755);
  Deno.renameSync(`${file}.new`, file);
  print(`${file}\n`);
  return 0;
}

/** Engines start it with an environment of their own: what Deno wants of one is written down. */
function launcher(): string {
  const project = decodeURIComponent(new URL("../..", import.meta.url).pathname).slice(0, -1);
  // mod.ts says itself how it is run best; what V8 has compiled is kept for these words alone
  const [line] = Deno.readTextFileSync(`${project}/mod.ts`).split("\n", 1);
  const words = line.slice(line.indexOf("deno run") + "deno run".length);
  return `#!/bin/sh
# Tiffin as an OCI runtime; written by: tiffin oci install
export DENO_DIR=${quote(denoDirectory())} DENO_NO_UPDATE_CHECK=1 DENO_NO_PROMPT=1
exec ${quote(Deno.execPath())} run --quiet --cached-only${words} \\
  ${quote(`${project}/cli/oci.ts`)} "$@"
`;
}

/** A word of sh(1). */
function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
