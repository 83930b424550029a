/**
 * Metadata of files in a directory that somebody else may be writing to.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { O } from "../../../ffi/constants.ts";
import { libc } from "../../../ffi/libc.ts";
import { FileMetadata } from "../../../runtime/images/file_metadata.ts";
import { tempRoot } from "../../helpers/temp_root.ts";

Deno.test("a link that has taken a fifo's place does not lead its mode to another file", async () => {
  await using root = await tempRoot();
  const victim = `${root.path}/victim`;
  Deno.writeTextFileSync(victim, "", { mode: 0o600 });
  const tree = `${root.path}/tree`;
  Deno.mkdirSync(tree);
  Deno.symlinkSync(victim, `${tree}/fifo`);
  const directory = libc.open(tree, O.PATH | O.DIRECTORY | O.CLOEXEC, 0);
  const metadata = new FileMetadata(directory, { userxattr: false, owners: "ignore" });
  const entry = {
    ...{ name: "fifo", type: "fifo" as const, mode: 0o1666, uid: 0, gid: 0, size: 0 },
    ...{ mtime: 0, mtimeNanoseconds: 0, linkname: "", major: 0, minor: 0 },
  };
  assertThrows(() => metadata.ofName(directory, "fifo", entry));
  libc.close(directory);
  assertEquals(Deno.statSync(victim).mode! & 0o7777, 0o600);
});
