/**
 * Archives on their way out: whole in their file, or not there.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { writeOutput } from "../../cli/file_output.ts";
import { tempRoot } from "../helpers/temp_root.ts";

const PIECE = new Uint8Array(1000).fill(7);

Deno.test("an output that is stopped, or fails, leaves what was there before", async () => {
  await using root = await tempRoot();
  const path = `${root.path}/out.tar`;
  const stop = new AbortController();
  const stopped = function* () {
    yield PIECE;
    stop.abort(new Error("enough"));
    yield PIECE;
  };
  await assertRejects(() => writeOutput(path, stopped(), stop.signal), Error, "enough");
  assertEquals([...Deno.readDirSync(root.path)], []);

  await writeOutput(path, [PIECE, PIECE]);
  assertEquals(Deno.statSync(path).size, 2000);
  const failing = function* () {
    yield PIECE;
    throw new Error("a blob is damaged");
  };
  await assertRejects(() => writeOutput(path, failing()), Error, "damaged");
  assertEquals([...Deno.readDirSync(root.path)].map(({ name }) => name), ["out.tar"]);
  assertEquals(Deno.statSync(path).size, 2000);
});

Deno.test("an output that never pauses can be stopped all the same", async () => {
  await using root = await tempRoot();
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error("enough")), 5);
  const endless = function* () {
    for (;;) yield PIECE;
  };
  const path = `${root.path}/out.tar`;
  await assertRejects(() => writeOutput(path, endless(), stop.signal), Error, "enough");
  assertEquals([...Deno.readDirSync(root.path)], []);
});
