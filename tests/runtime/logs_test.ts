/**
 * The log of a container, read where a full disk has cut it.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { FRAME, FRAME_MAGIC } from "../../runtime/birth/output.ts";
import { LogReader } from "../../runtime/logs.ts";
import { tempRoot } from "../helpers/temp_root.ts";

function frame(text: string, length = text.length): Uint8Array {
  const bytes = new Uint8Array(FRAME.size + text.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(FRAME.magic, FRAME_MAGIC, true);
  view.setUint32(FRAME.stream, 1, true);
  view.setUint32(FRAME.length, length, true);
  bytes.set(new TextEncoder().encode(text), FRAME.size);
  return bytes;
}

Deno.test("a head that a container has written does not swallow what comes after it", async () => {
  await using root = await tempRoot();
  const path = `${root.path}/log`;
  // the beginning of the frame that these bytes were in was lost
  const forged = frame("forged", 0xffff_fff0);
  Deno.writeFileSync(path, new Uint8Array([...forged, ...frame("true")]));
  using reader = new LogReader(path);
  const texts = [...reader.read()].map(({ bytes }) => new TextDecoder().decode(bytes));
  assertEquals(texts, ["true"]);
});
