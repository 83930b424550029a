/**
 * Removing what a container has left: deep, wide, with any names and modes, and nothing else.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { O } from "../../ffi/constants.ts";
import { SyscallError } from "../../ffi/errno.ts";
import { libc } from "../../ffi/libc.ts";
import { removeTree } from "../../runtime/remove_tree.ts";
import { needs } from "../helpers/needs.ts";
import { tempRoot } from "../helpers/temp_root.ts";

/** Makes directories in one another. */
function makeDeep(path: string, levels: number): void {
  Deno.mkdirSync(path);
  let directory = libc.open(path, O.RDONLY | O.DIRECTORY, 0);
  for (let i = 0; i < levels; i++) {
    libc.mkdirat(directory, "d", 0o755);
    const inner = libc.openat(directory, "d", O.RDONLY | O.DIRECTORY, 0);
    libc.close(directory);
    directory = inner;
  }
  libc.close(directory);
}

Deno.test("a tree that is deeper than a path can be long", async () => {
  await using root = await tempRoot();
  makeDeep(`${root.path}/tree`, 12_000);
  removeTree(`${root.path}/tree`);
  assertEquals([...Deno.readDirSync(root.path)], []);
});

Deno.test("links are removed and not followed, and nothing outside is touched", async () => {
  await using root = await tempRoot();
  await Deno.mkdir(`${root.path}/outside/inner`, { recursive: true });
  await Deno.writeTextFile(`${root.path}/outside/inner/file`, "kept");
  await Deno.chmod(`${root.path}/outside`, 0o500);
  await Deno.mkdir(`${root.path}/tree/a/b`, { recursive: true });
  for (const directory of ["", "/a", "/a/b"]) {
    await Deno.symlink(`${root.path}/outside`, `${root.path}/tree${directory}/link`);
    await Deno.symlink("../../..", `${root.path}/tree${directory}/up`);
    await Deno.link(`${root.path}/outside/inner/file`, `${root.path}/tree${directory}/hard`);
  }
  removeTree(`${root.path}/tree`);
  assertEquals(await Deno.readTextFile(`${root.path}/outside/inner/file`), "kept");
  assertEquals((await Deno.stat(`${root.path}/outside`)).mode! & 0o777, 0o500);
  assertTop(root.path, ["outside"]);
  // and not even if the directory itself is one
  await Deno.symlink(`${root.path}/outside`, `${root.path}/tree`);
  assertThrows(() => removeTree(`${root.path}/tree`), SyscallError, "ENOTDIR");
  await Deno.chmod(`${root.path}/outside`, 0o700);
});

Deno.test("names of any bytes, names that are taken, and many of them", async () => {
  await using root = await tempRoot();
  const tree = `${root.path}/tree`;
  for (const name of ["a/removed-0/x", "b/removed-1/x", "removed-0", "removed-2/full", "c/d/e/f"]) {
    await Deno.mkdir(`${tree}/${name}`, { recursive: true });
  }
  await Deno.writeTextFile(`${tree}/removed-1`, "a file of this name");
  const directory = libc.open(tree, O.RDONLY | O.DIRECTORY | O.CLOEXEC, 0);
  for (const bytes of [[0xff, 0xfe, 0], [0x2e, 0x2e, 0x2e, 0], [0x0a, 0], [0x2e, 0xc3, 0]]) {
    const name = new Uint8Array(bytes);
    libc.mkdirat(directory, name, 0o755);
    const inner = libc.openat(directory, name, O.RDONLY | O.DIRECTORY | O.CLOEXEC, 0);
    libc.mkdirat(inner, name, 0o755);
    libc.close(libc.openat(inner, new Uint8Array([0xfd, 0]), O.CREAT | O.WRONLY, 0o600));
    libc.close(inner);
  }
  libc.close(directory);
  for (let i = 0; i < 3000; i++) {
    await Deno.mkdir(`${tree}/many/directory-${i}/full`, { recursive: true });
    await Deno.writeTextFile(`${tree}/many/file-${i}`, "");
  }
  removeTree(tree);
  assertTop(root.path, []);
});

Deno.test("directories whose modes forbid it", async () => {
  await using root = await tempRoot();
  for (const mode of [0o000, 0o500, 0o300]) {
    const path = `${root.path}/tree/${mode}/inner`;
    await Deno.mkdir(`${path}/deep`, { recursive: true });
    await Deno.writeTextFile(`${path}/file`, "");
    await Deno.chmod(path, mode);
    await Deno.chmod(`${root.path}/tree/${mode}`, mode);
  }
  removeTree(`${root.path}/tree`);
  assertTop(root.path, []);
});

Deno.test({
  ...needs("what belongs to somebody else is an error, and stays", { ordinaryUser: true }),
  fn() {
    assertThrows(() => removeTree("/etc/ssl"), SyscallError, "EACCES");
  },
});

Deno.test("what is not there is no error", () => {
  removeTree("/no/such/directory");
});

Deno.test({
  ...needs("a mount in the tree is an error, and what is mounted stays", { root: true }),
  async fn() {
    await using root = await tempRoot();
    await Deno.mkdir(`${root.path}/tree/a/mounted`, { recursive: true });
    libc.mount("tiffin-test", `${root.path}/tree/a/mounted`, "tmpfs", 0, null);
    await Deno.writeTextFile(`${root.path}/tree/a/mounted/file`, "kept");
    try {
      assertThrows(() => removeTree(`${root.path}/tree`), SyscallError, "EBUSY");
      assertEquals(await Deno.readTextFile(`${root.path}/tree/a/mounted/file`), "kept");
    } finally {
      libc.umount2(`${root.path}/tree/a/mounted`, 0);
    }
    removeTree(`${root.path}/tree`);
  },
});

function assertTop(path: string, names: string[]): void {
  assertEquals([...Deno.readDirSync(path)].map(({ name }) => name), names);
}
