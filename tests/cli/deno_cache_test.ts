/**
 * Deno's caches, put in order after a run that has filled them.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { DatabaseSync } from "node:sqlite";
import { foldLogs } from "../../cli/fold_logs.ts";
import { project } from "../helpers/run_tiffin.ts";

Deno.test("a log is folded into its database while others have that open, and nothing is lost", async () => {
  const directory = await Deno.makeTempDir({ prefix: "tiffin-test-" });
  const other = new DatabaseSync(`${directory}/cache`);
  try {
    other.exec("PRAGMA journal_mode=WAL; CREATE TABLE kept(number)");
    for (let i = 0; i < 100; i++) other.exec(`INSERT INTO kept VALUES (${i})`);
    assert(size(`${directory}/cache-wal`) > 0);
    await Deno.writeTextFile(`${directory}/not-a-log`, "");

    foldLogs(directory);

    assertEquals(size(`${directory}/cache-wal`), 0);
    assertEquals(other.prepare("SELECT count(*) AS n FROM kept").get()?.n, 100);
    other.exec("INSERT INTO kept VALUES (100)");
  } finally {
    other.close();
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("what a first command has cached, the second does not read from a log", async () => {
  const cache = await Deno.makeTempDir({ prefix: "tiffin-test-" });
  try {
    // help reads every command's module
    for (const _ of ["first", "second"]) {
      const { code } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--allow-all", `${project}/mod.ts`, "help"],
        env: { DENO_DIR: cache, DENO_NO_UPDATE_CHECK: "1" },
        stdin: "null",
      }).output();
      assertEquals(code, 0);
    }
    const logs = [...Deno.readDirSync(cache)].filter(({ name }) => name.endsWith("-wal"));
    assert(logs.length > 0);
    for (const { name } of logs) assert(size(`${cache}/${name}`) < 1 << 18, name);
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
});

function size(path: string): number {
  return Deno.statSync(path).size;
}
