/**
 * Deno's caches in order: what was cached by the first run of a module is where the next one looks.
 *
 * Deno keeps what it knows of a module, and what V8 has compiled of it, in SQLite databases with a
 * write-ahead log (https://sqlite.org/wal.html). Whoever closes such a database as the last folds
 * its log into it. `Deno.exit` closes nothing, so the log stays, and each start reads all of it, in
 * a thousand small reads, before the first look-up.
 *
 * @module
 */

import { later } from "../runtime/later.ts";

/** From so many bytes on, a log is felt. */
const LONG = 1 << 18;

/** The directory that Deno keeps its caches in, as Deno finds it itself. */
export function denoDirectory(): string {
  const { env } = Deno;
  return env.get("DENO_DIR") ||
    `${env.get("XDG_CACHE_HOME") || `${env.get("HOME") || "/root"}/.cache`}/deno`;
}

/** Folds the logs of Deno's caches into their databases, where a start has made them long. */
export async function tidyCache(): Promise<void> {
  try {
    const directory = denoDirectory();
    if (Deno.statSync(`${directory}/v8_code_cache_v2-wal`).size < LONG) return;
    const { foldLogs } = await later<typeof import("./fold_logs.ts")>(
      import.meta,
      "./fold_logs.ts",
    );
    foldLogs(directory);
  } catch {
    // another version's cache has other files, and another process may be at these: a later command
    // is as good, and no reason to fail for this one
  }
}
