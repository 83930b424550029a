/**
 * Users and groups of an image: Docker's rules, overlayfs's layers, and files that lie.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import { assertThrows } from "@std/assert/throws";
import { AT, S } from "../../ffi/constants.ts";
import { libc } from "../../ffi/libc.ts";
import { resolveUser, UserError } from "../../runtime/users.ts";
import { ImageFileError } from "../../runtime/merged_tree.ts";
import { needs } from "../helpers/needs.ts";
import { tempRoot } from "../helpers/temp_root.ts";

const PASSWD = [
  "root:x:0:0:root:/root:/bin/sh",
  "bob:x:1000:1001:Bob,,,:/home/bob:/bin/sh",
  "bob:x:7:7:the second of this name:/:/bin/sh",
  "1000:x:0:0:a number for a name:/:/bin/sh",
  "minus:x:-5:0::/:",
  "huge:x:4294967296:0::/:",
  "words:x:5:none::/:",
  "short:x",
  "homeless:x:42:42",
  "",
].join("\n");
const GROUP = [
  "root:x:0:root",
  "wheel:x:10:root,bob",
  "audio:x:29:eve,bob",
  "again:x:29:bob",
  "bob:x:1001:",
  "bad:x:lots:mallory",
  "mallory:x:12",
  "",
].join("\n");

/** Layers on the disk, topmost first, from their files' texts by path. */
async function layers(root: string, ...trees: Record<string, string>[]): Promise<string[]> {
  const paths = trees.map((_, i) => `${root}/${i}`);
  for (const [i, files] of trees.entries()) {
    await Deno.mkdir(paths[i], { recursive: true });
    for (const [path, text] of Object.entries(files)) {
      const file = `${paths[i]}/${path}`;
      await Deno.mkdir(file.replace(/\/[^/]*$/, ""), { recursive: true });
      if (text.startsWith("-> ")) await Deno.symlink(text.slice(3), file);
      else await Deno.writeTextFile(file, text);
    }
  }
  return paths;
}

const IMAGE = { "etc/passwd": PASSWD, "etc/group": GROUP };

Deno.test("a user as Docker would find it", async (context) => {
  await using root = await tempRoot();
  const image = await layers(root.path, IMAGE);
  const cases: [string, [number, number, number[], string]][] = [
    ["", [0, 0, [0, 10], "/root"]],
    ["root", [0, 0, [0, 10], "/root"]],
    ["0", [0, 0, [0, 10], "/root"]],
    ["bob", [1000, 1001, [10, 29], "/home/bob"]],
    ["1000", [1000, 1001, [10, 29], "/home/bob"]],
    ["01000", [1000, 1001, [10, 29], "/home/bob"]],
    ["bob:", [1000, 1001, [10, 29], "/home/bob"]],
    ["bob:audio", [1000, 29, [], "/home/bob"]],
    ["bob:77", [1000, 77, [], "/home/bob"]],
    ["4711", [4711, 0, [], "/"]],
    ["4711:wheel", [4711, 10, [], "/"]],
    ["2147483647:2147483647", [2147483647, 2147483647, [], "/"]],
    [":wheel", [0, 10, [], "/root"]],
    ["homeless", [42, 42, [], "/"]],
  ];
  for (const [word, [uid, gid, additionalGids, home]] of cases) {
    await context.step(JSON.stringify(word), () => {
      assertEquals(resolveUser(image, word).user, { uid, gid, additionalGids, home });
    });
  }
});

Deno.test("groups that are added by name or number", async () => {
  await using root = await tempRoot();
  const image = await layers(root.path, IMAGE);
  assertEquals(resolveUser(image, "bob", ["audio", "4000"]).groupAdd, [29, 4000]);
  const error = assertThrows(() => resolveUser(image, "bob", ["video"]), UserError);
  assertStringIncludes(error.message, "unable to find group video: no matching entries");
  assertThrows(() => resolveUser(image, "", ["-1"]), UserError, "group -1: ids are numbers");
});

Deno.test("a user that cannot be had is an error that says why", async (context) => {
  await using root = await tempRoot();
  const image = await layers(root.path, IMAGE);
  const cases: [string, string][] = [
    ["eve", "unable to find user eve: no matching entries in the image's /etc/passwd"],
    ["eve", "which begins with root, bob,"],
    ["bob:nogroup", "unable to find group nogroup: no matching entries in the image's /etc/group"],
    ["-1", "user -1: ids are numbers from 0 to 2147483647"],
    ["2147483648", "user 2147483648: ids are numbers from 0 to 2147483647"],
    ["99999999999999999999999", "ids are numbers from 0 to 2147483647"],
    ["0:-1", "group -1: ids are numbers"],
    ["a:b:c", 'user "a:b:c": expected NAME or UID, then :GROUP at most'],
    ["minus", 'the image\'s /etc/passwd gives "minus" the user id "-5"'],
    ["huge", 'gives "huge" the user id "4294967296"'],
    ["words", 'gives "words" the group id "none"'],
    ["5", 'gives "words" the group id "none"'],
    ["short", "unable to find user short"],
    ["0:bad", 'the image\'s /etc/group gives "bad" the group id "lots"'],
    ["\x1b[2J", "unable to find user \\u001b[2J:"],
  ];
  for (const [word, message] of cases) {
    await context.step(JSON.stringify(word), () => {
      assertThrows(() => resolveUser(image, word), UserError, message);
    });
  }
});

Deno.test("an image without passwd and group has root and numbers", async () => {
  await using root = await tempRoot();
  const image = await layers(root.path, {});
  assertEquals(resolveUser(image, "").user, { uid: 0, gid: 0, additionalGids: [], home: "/" });
  assertEquals(resolveUser(image, "5:6").user, { uid: 5, gid: 6, additionalGids: [], home: "/" });
  assertThrows(() => resolveUser(image, "bob"), UserError, "/etc/passwd, which has none");
});

Deno.test("the topmost layer that has a file counts, file by file", async () => {
  await using root = await tempRoot();
  const image = await layers(
    root.path,
    { "usr/bin/x": "" },
    { "etc/passwd": "bob:x:5:5::/above:\n" },
    IMAGE,
  );
  assertEquals(resolveUser(image, "bob").user.home, "/above");
  assertEquals(resolveUser(image, "bob").user.additionalGids, [10, 29]);
});

Deno.test("a file where the directory was hides the directories below", async () => {
  await using root = await tempRoot();
  const image = await layers(root.path, { "etc": "a file" }, IMAGE);
  assertEquals(resolveUser(image, "1000").user.home, "/");
  const split = await layers(`${root.path}/split`, { "etc/x": "" }, { "etc": "a file" }, IMAGE);
  assertEquals(resolveUser(split, "1000").user.home, "/");
});

Deno.test("links are followed over all layers, and end in the image", async (context) => {
  await using root = await tempRoot();
  let number = 0;
  const home = async (...trees: Record<string, string>[]) =>
    resolveUser(await layers(`${root.path}/${number++}`, ...trees), "bob").user.home;
  const store = { "usr/share/passwd": PASSWD };
  await context.step("absolute, from one layer into another", async () => {
    assertEquals(await home({ "etc/passwd": "-> /usr/share/passwd" }, store), "/home/bob");
    assertEquals(await home(store, { "etc/passwd": "-> /usr/share/passwd" }), "/home/bob");
  });
  await context.step("relative, and up beyond the root", async () => {
    const upwards = { "etc/passwd": "-> ../../../../../usr/./share//passwd" };
    assertEquals(await home(upwards, store), "/home/bob");
  });
  await context.step("a directory", async () => {
    const linked = { "etc": "-> usr/etc", "usr/etc/passwd": "-> ../share/passwd" };
    assertEquals(await home(linked, store), "/home/bob");
  });
  await context.step("never to a file of the host's", async () => {
    const outside = `${root.path}/outside`;
    await Deno.writeTextFile(outside, PASSWD);
    for (const target of [outside, `/proc/self/root${outside}`, `../../../..${outside}`]) {
      const image = await layers(`${root.path}/${number++}`, { "etc/passwd": `-> ${target}` });
      assertThrows(() => resolveUser(image, "bob"), UserError, "which has none");
    }
  });
  await context.step("a circle", async () => {
    const image = await layers(`${root.path}/circle`, {
      "etc/passwd": "-> a",
      "etc/a": "-> passwd",
    });
    assertThrows(() => resolveUser(image, ""), ImageFileError, "a circle of symbolic links");
  });
});

Deno.test("what is no text file of a sensible size is refused", async (context) => {
  await using root = await tempRoot();
  await context.step("too large", async () => {
    const image = await layers(`${root.path}/large`, {});
    await Deno.mkdir(`${image[0]}/etc`);
    // a terabyte that is not there
    await Deno.truncate(await touch(`${image[0]}/etc/passwd`), 1e12);
    assertThrows(() => resolveUser(image, ""), ImageFileError, "1000000000000 bytes, more than");
  });
  await context.step("a fifo, which nobody writes to", async () => {
    const image = await layers(`${root.path}/fifo`, { "etc/x": "" });
    libc.mknodat(AT.FDCWD, `${image[0]}/etc/passwd`, S.IFIFO | 0o644, 0);
    assertThrows(() => resolveUser(image, ""), ImageFileError, "/etc/passwd is a fifo");
  });
  await context.step("a directory", async () => {
    const image = await layers(`${root.path}/directory`, { "etc/passwd/x": "" });
    assertThrows(() => resolveUser(image, ""), ImageFileError, "/etc/passwd is a directory");
  });
  await context.step("NUL", async () => {
    const image = await layers(`${root.path}/nul`, { "etc/passwd": "root:x:0:0:\0:/:\n" });
    assertThrows(() => resolveUser(image, ""), UserError, "holds NUL");
  });
  await context.step("one line of a mebibyte, and one byte more", async () => {
    const line = "x".repeat(2 ** 20);
    const image = await layers(`${root.path}/line`, { "etc/passwd": line, "etc/group": "" });
    assertEquals(resolveUser(image, "").user.home, "/");
    await Deno.writeTextFile(`${image[0]}/etc/passwd`, line + "x");
    assertThrows(() => resolveUser(image, ""), ImageFileError, "1048577 bytes");
  });
  await context.step("more groups than the kernel takes", async () => {
    const group = Array.from({ length: 65537 }, (_, i) => `a::${i}:bob`).join("\n");
    const image = await layers(`${root.path}/groups`, { "etc/passwd": PASSWD, "etc/group": group });
    assertThrows(() => resolveUser(image, "bob"), UserError, "65537 groups, the kernel allows");
  });
});

Deno.test({
  ...needs("whiteouts and opaque directories hide what is below", { root: true }),
  async fn(context) {
    await using root = await tempRoot();
    const hidden = { uid: 1000, gid: 0, additionalGids: [], home: "/" };
    await context.step("a whiteout of the file", async () => {
      const image = await layers(`${root.path}/file`, { "etc/x": "" }, IMAGE);
      libc.mknodat(AT.FDCWD, `${image[0]}/etc/passwd`, S.IFCHR, 0);
      assertEquals(resolveUser(image, "1000").user, hidden);
    });
    await context.step("a whiteout of the directory", async () => {
      const image = await layers(`${root.path}/directory`, {}, IMAGE);
      libc.mknodat(AT.FDCWD, `${image[0]}/etc`, S.IFCHR, 0);
      assertEquals(resolveUser(image, "1000").user, hidden);
    });
    for (const attribute of ["trusted.overlay.opaque", "user.overlay.opaque"]) {
      await context.step(attribute, async () => {
        const image = await layers(`${root.path}/${attribute}`, { "etc/x": "" }, IMAGE);
        assertEquals(resolveUser(image, "1000").user.home, "/home/bob");
        libc.lsetxattr(`${image[0]}/etc`, attribute, new TextEncoder().encode("y"), 1, 0);
        assertEquals(resolveUser(image, "1000").user, hidden);
      });
    }
    await context.step("a device is not opened", async () => {
      const image = await layers(`${root.path}/device`, { "etc/x": "" });
      libc.mknodat(AT.FDCWD, `${image[0]}/etc/passwd`, S.IFCHR | 0o644, 0x105);
      assertThrows(() => resolveUser(image, ""), ImageFileError, "is a character device");
    });
  },
});

Deno.test({
  ...needs("the same users are found as in a mounted overlay", { root: true, programs: ["mount"] }),
  async fn() {
    await using root = await tempRoot();
    const image = await layers(
      root.path,
      { "etc/group": "-> ../usr/share/group", "usr/x": "" },
      { "usr/share/group": GROUP, "opt/passwd": "bob:x:9:9::/opt:" },
      { "etc/passwd": "-> /opt/passwd", "usr/share/group": "wheel:x:3:bob" },
      { ...IMAGE, "opt/passwd": PASSWD },
    );
    const mounted = `${root.path}/mounted`;
    await Deno.mkdir(mounted);
    const options = `lowerdir=${image.join(":")}`;
    await command("mount", "-t", "overlay", "-o", options, "overlay", mounted);
    try {
      assertEquals(resolveUser(image, "bob"), resolveUser([mounted], "bob"));
      assertEquals(resolveUser(image, "bob").user.home, "/opt");
    } finally {
      await command("umount", mounted);
    }
  },
});

Deno.test("nothing stays open", async () => {
  await using root = await tempRoot();
  const image = await layers(root.path, { "etc/x": "" }, IMAGE);
  const open = () => [...Deno.readDirSync("/proc/self/fd")].length;
  const before = open();
  for (let i = 0; i < 10; i++) resolveUser(image, "bob", ["audio"]);
  assertThrows(() => resolveUser(image, "eve"));
  assertEquals(open(), before);
});

async function touch(path: string): Promise<string> {
  await Deno.writeTextFile(path, "");
  return path;
}

async function command(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args }).output();
  assertEquals(success, true, new TextDecoder().decode(stderr));
}
