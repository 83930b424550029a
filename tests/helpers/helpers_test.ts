/**
 * The helpers notice what they are there to notice.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertRejects } from "@std/assert/rejects";
import { assertStringIncludes } from "@std/assert/string-includes";
import { assertUnchanged, differences, hostSnapshot } from "./host.ts";
import { needs } from "./needs.ts";
import { tempRoot } from "./temp_root.ts";

Deno.test("needs says in the test's name what is missing", () => {
  assertEquals(needs("a", {}), { name: "a", ignore: false });
  assertEquals(needs("a", { programs: ["sh"], files: ["/proc"] }), { name: "a", ignore: false });
  assertEquals(
    needs("a", { programs: ["no-such-program"], libraries: ["libnosuch.so.1"] }),
    { name: "a (needs no-such-program, libnosuch.so.1)", ignore: true },
  );
  assertEquals(needs("a", { arch: "x86_64" }).ignore, Deno.build.arch !== "x86_64");
});

Deno.test("a temporary root is removed with all that is in it", async () => {
  let path: string;
  {
    await using root = await tempRoot();
    path = root.path;
    await Deno.mkdir(`${path}/a/b`, { recursive: true });
    await Deno.writeTextFile(`${path}/a/b/c`, "text");
  }
  await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
});

Deno.test("a new file and a new process of the root are seen, and that they went", async () => {
  await using root = await tempRoot();
  const before = hostSnapshot(root.path);
  await Deno.writeTextFile(`${root.path}/left`, "text");
  const child = new Deno.Command("sleep", { args: ["60"], env: { TIFFIN_ROOT: root.path } })
    .spawn();
  const error = await assertRejects(() => assertUnchanged(before, 100), Error);
  assertStringIncludes(error.message, `files: new: ${root.path}/left 100644 4`);
  assertMatch(error.message, new RegExp(`processes: new: ${child.pid} .*sleep 60`));
  child.kill();
  await child.status;
  await Deno.remove(`${root.path}/left`);
  await assertUnchanged(before);
});

Deno.test("an equal line that appears twice is a difference", async () => {
  await using root = await tempRoot();
  const once = { ...hostSnapshot(root.path), mounts: ["a /mnt"] };
  const twice = { ...once, mounts: ["a /mnt", "a /mnt"] };
  assertEquals(differences(once, twice), ["mounts: new: a /mnt"]);
  assertEquals(differences(twice, once), ["mounts: gone: a /mnt"]);
});

Deno.test({
  ...needs("a mount left behind is seen, and its root is not removed through it", { root: true }),
  async fn() {
    const root = await tempRoot();
    const before = hostSnapshot(root.path);
    await command("mount", "-t", "tmpfs", "tiffin-test", root.path);
    try {
      const error = await assertRejects(() => assertUnchanged(before, 100), Error);
      assertStringIncludes(error.message, "mounts: new:");
      await assertRejects(() => root[Symbol.asyncDispose](), Error, "still mounted");
    } finally {
      await command("umount", root.path);
    }
    await assertUnchanged(before);
    await root[Symbol.asyncDispose]();
  },
});

async function command(program: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(program, { args }).output();
  assertEquals(success, true, `${program} ${args.join(" ")}`);
}
