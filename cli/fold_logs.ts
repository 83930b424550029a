/**
 * The logs of Deno's caches folded into their databases, see deno_cache.ts.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";

const LOG = "-wal";

/**
 * Folds every log into its database, and leaves it empty.
 *
 * @param directory where Deno's caches are
 * @throws where somebody else has a database to himself just then; nothing is lost by that
 */
export function foldLogs(directory: string): void {
  for (const { name } of Deno.readDirSync(directory)) {
    if (!name.endsWith(LOG)) continue;
    const database = new DatabaseSync(`${directory}/${name.slice(0, -LOG.length)}`);
    try {
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } finally {
      database.close();
    }
  }
}
