/**
 * Layers made of what a container has changed: umoci, and overlayfs itself, make the same tree of them.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { attempt, libc } from "../../../ffi/libc.ts";
import { concatenate } from "../../../ffi/structs.ts";
import { diffLayer, wholeTree } from "../../../runtime/images/diff_layer.ts";
import { decodeName, nameArgument } from "../../../runtime/images/names.ts";
import { TarError } from "../../../runtime/images/tar_entry.ts";
import { needs } from "../../helpers/needs.ts";
import { layerRoot, readTar, run, snapshot, tarball, umociUnpack, unpack } from "./tarballs.ts";

const options = { userxattr: false };

/** What is below before the container changes it. */
const LOWER = tarball(
  { name: "./", type: "directory", mode: 0o755, mtime: 100 },
  { name: "etc/", type: "directory", mode: 0o755, mtime: 100 },
  { name: "etc/kept", type: "file", content: "kept", mtime: 100 },
  { name: "etc/gone", type: "file", content: "gone", mtime: 100 },
  { name: "etc/changed", type: "file", content: "before", mode: 0o600, mtime: 100 },
  { name: "hidden/", type: "directory", mode: 0o755, mtime: 100 },
  { name: "hidden/old", type: "file", content: "old", mtime: 100 },
  { name: "hidden/deep/", type: "directory", mode: 0o755, mtime: 100 },
  { name: "hidden/deep/old", type: "file", content: "old", mtime: 100 },
  { name: "was-directory/", type: "directory", mode: 0o755, mtime: 100 },
  { name: "was-directory/inner", type: "file", content: "i", mtime: 100 },
  { name: "was-file", type: "file", content: "f", mtime: 100 },
  { name: "removed/", type: "directory", mode: 0o755, mtime: 100 },
  { name: "removed/inner", type: "file", content: "i", mtime: 100 },
);

/** Every kind of change. */
const CHANGES = `
set -e
rm etc/gone; echo after >etc/changed; chown 5:6 etc/changed; chmod 4711 etc/changed
rm -r hidden; mkdir hidden; echo new >hidden/new; mkdir hidden/deep; echo new >hidden/deep/new
rm -r was-directory; echo now >was-directory; rm was-file; mkdir was-file; echo i >was-file/inner
rm -r removed
mkdir -m 1777 added; echo one >added/one; ln added/one added/two; ln added/two linked
ln -s ../outside added/symlink; ln added/symlink added/symlink-too; chown -h 7:8 added/symlink
mkfifo -m 622 added/fifo; mknod -m 620 added/char c 5 1; mknod added/block b 8 300
echo x >added/attributes; setfattr -n user.a -v 1 added/attributes
setfattr -n trusted.b -v 2 added/attributes; setfattr -n user.d -v 3 added
truncate -s 300000 added/holes; head -c 700000 /dev/urandom >added/large
: >added/empty; chmod 0 added/empty; mkdir -p added/closed/inner; chmod 500 added/closed
touch -d @1.123456789 added/one`;

/** Mounts an overlay at `merged` and does something there. */
async function inOverlay<T>(
  root: string,
  lower: string[],
  upper: string | undefined,
  work: (merged: string) => Promise<T>,
): Promise<T> {
  const merged = `${root}/merged`;
  Deno.mkdirSync(merged, { recursive: true });
  const own = upper === undefined ? "" : `,upperdir=${upper},workdir=${root}/work`;
  if (upper) {
    for (const path of [upper, `${root}/work`]) {
      Deno.mkdirSync(path, { recursive: true });
    }
  }
  await run("mount", "-t", "overlay", "-o", `lowerdir=${lower.join(":")}${own}`, "overlay", merged);
  try {
    return await work(merged);
  } finally {
    await run("umount", merged);
  }
}

function collect(pieces: Iterable<Uint8Array>): Uint8Array<ArrayBuffer> {
  return concatenate([...pieces].map((piece) => piece.slice()));
}

Deno.test({
  ...needs("a changed container: overlayfs, umoci and tar make the same tree of its layer", {
    root: true,
    programs: ["umoci", "setfattr", "find"],
  }),
  async fn() {
    await using root = await layerRoot();
    const lower = (await unpack(root.path, LOWER)).directory;
    const upper = `${root.path}/upper`;
    const truth = await inOverlay(root.path, [lower], upper, async (merged) => {
      await run("sh", "-c", `cd ${merged}; ${CHANGES}`);
      libc.mkdir(`${merged}/added/${"n".repeat(200)}`, 0o755);
      Deno.writeTextFileSync(`${merged}/added/${"n".repeat(200)}/${"m".repeat(250)}`, "long");
      return await snapshot(merged, { directoryTimes: false });
    });
    const layer = collect(diffLayer(upper, options));

    // overlayfs over our own unpacked layers
    const { directory } = await unpack(root.path, layer);
    const ours = await inOverlay(root.path, [directory, lower], undefined, (merged) => {
      return snapshot(merged, { directoryTimes: false });
    });
    assertEquals(ours, truth);

    // umoci takes a hard link to a symbolic link for one to its target
    const strange = "added/symlink-too";
    const isUsual = (line: string) => !line.startsWith("added/symlink");
    const theirs = layerWithout(layer, strange);
    await umociUnpack(`${root.path}/umoci`, [LOWER, theirs].map((tar) => ({ blob: tar, tar })));
    assertEquals(
      (await snapshot(`${root.path}/umoci/bundle/rootfs`, { directoryTimes: false }))
        .filter(isUsual),
      truth.filter(isUsual),
    );

    // and the whole of it, as `export` writes it
    const whole = `${root.path}/whole`;
    Deno.mkdirSync(whole);
    Deno.writeFileSync(`${whole}.tar`, collect(wholeTree([upper, lower], options)));
    const flags = ["--xattrs", "--xattrs-include=*", "--numeric-owner"];
    await run("tar", "-xpf", `${whole}.tar`, ...flags, "-C", whole);
    assertEquals(await snapshot(whole, { directoryTimes: false }), truth);
  },
});

/** The layer with one entry less. */
function layerWithout(layer: Uint8Array, name: string): Uint8Array {
  const entries = readTar(layer, 60_000).filter((entry) => entry.name !== name);
  return tarball(...entries.map(({ content, ...entry }) => ({
    ...entry,
    content: Uint8Array.from(content, (character) => character.charCodeAt(0)),
  })));
}

Deno.test("what is in a layer, in which order, and what cannot be", async () => {
  await using root = await layerRoot();
  const upper = `${root.path}/upper`;
  const notText = decodeName(Uint8Array.of(0x61, 0xff));
  Deno.mkdirSync(`${upper}/b/c`, { recursive: true });
  Deno.writeTextFileSync(`${upper}/b/c/file`, "f");
  Deno.writeTextFileSync(`${upper}/a`, "a");
  Deno.linkSync(`${upper}/a`, `${upper}/b/linked`);
  Deno.writeTextFileSync(`${upper}/.wh.trick`, "");
  libc.close(libc.openat(libc.open(upper, 0, 0), nameArgument(notText), 0o101, 0o644));
  using _listener = Deno.listen({ transport: "unix", path: `${upper}/socket` });
  const skipped: string[] = [];
  const layer = collect(
    diffLayer(upper, {
      ...options,
      onSkipped: (name, why) => void skipped.push(`${name}: ${why}`),
    }),
  );
  assertEquals(
    readTar(layer).map(({ name, type, linkname }) => [name, type, linkname]),
    [
      ["./", "directory", ""],
      ["a", "file", ""],
      [notText, "file", ""],
      ["b/", "directory", ""],
      ["b/c/", "directory", ""],
      ["b/linked", "hardlink", "a"],
      ["b/c/file", "file", ""],
    ].sort(([a], [b]) => order(a) - order(b)),
  );
  assertEquals(skipped, [
    ".wh.trick: in a layer, its name takes another file away",
    "socket: it is a socket",
  ]);
  function order(name: string) {
    return ["./", "a", notText, "b/", "b/c/", "b/linked", "b/c/file"].indexOf(name);
  }
});

Deno.test("a path that no layer may have is refused, however it was made", async () => {
  await using root = await layerRoot();
  const upper = `${root.path}/upper`;
  Deno.mkdirSync(upper);
  let directory = libc.open(upper, 0o200000, 0);
  for (let depth = 0; depth < 2100; depth++) {
    assert(attempt.mkdirat(directory, "d", 0o755) === 0);
    const next = libc.openat(directory, "d", 0o200000, 0);
    libc.close(directory);
    directory = next;
  }
  libc.close(directory);
  assertThrows(() => collect(diffLayer(upper, options)), TarError, "longer than 4095 bytes");
});

Deno.test("a file that shrinks while it is read is told, and the archive stays whole", async () => {
  await using root = await layerRoot();
  const upper = `${root.path}/upper`;
  Deno.mkdirSync(upper);
  Deno.writeFileSync(`${upper}/log`, new Uint8Array(1_000_000).fill(1));
  Deno.writeTextFileSync(`${upper}/next`, "next");
  const skipped: string[] = [];
  const pieces: Uint8Array[] = [];
  const onSkipped = (name: string, why: string) => void skipped.push(`${name}: ${why}`);
  for (const piece of diffLayer(upper, { ...options, onSkipped })) {
    pieces.push(piece.slice());
    if (piece[0] === 1) Deno.truncateSync(`${upper}/log`, 300_000);
  }
  const entries = readTar(concatenate(pieces), 60_000);
  assertEquals(entries.map(({ name }) => name), ["./", "log", "next"]);
  assertEquals(entries[1].content.length, 1_000_000);
  assertEquals(entries[2].content, "next");
  assertEquals(skipped, [
    "log: it became 700000 bytes shorter while it was read: zeros stand there",
  ]);
});

Deno.test({
  ...needs("a link that is put where a file was leads nowhere", { root: true }),
  async fn() {
    await using root = await layerRoot();
    const upper = `${root.path}/upper`;
    Deno.mkdirSync(`${upper}/d`, { recursive: true });
    Deno.writeTextFileSync(`${root.path}/secret`, "secret");
    Deno.writeTextFileSync(`${upper}/file`, "x".repeat(6));
    const pieces: Uint8Array[] = [];
    const walk = () => {
      for (const piece of diffLayer(upper, options)) {
        pieces.push(piece.slice());
        if (!new TextDecoder().decode(piece.subarray(-512)).startsWith("file\0")) continue;
        Deno.removeSync(`${upper}/file`);
        Deno.symlinkSync(`${root.path}/secret`, `${upper}/file`);
      }
    };
    assertThrows(walk, Error, "it is no file any more");
    assert(!new TextDecoder().decode(concatenate(pieces)).includes("secret"));
  },
});
