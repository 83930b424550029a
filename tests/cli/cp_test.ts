/**
 * `cp`: what goes where, of containers that run and that do not; and links that are laid as traps.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import { isRoot, needs } from "../helpers/needs.ts";
import { runTiffin } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { anyUser, host, localBox } from "./box.ts";
import { type Detached, detached } from "./detached.ts";

const box = localBox();

/** What the container makes before it says that it is ready; then it waits. */
const MAKES = `
  mkdir -p /srv/d/sub; echo one >/srv/d/one; ln /srv/d/one /srv/d/two; ln -s one /srv/d/link
  chmod 4755 /srv/d/one; echo deep >/srv/d/sub/deep; touch -d 2001-02-03T04:05:06Z /srv/d/sub/deep
  ln -s / /srv/up; ln -s ../../../../../../../../etc/passwd /srv/passwd
  echo ready; trap 'exit 0' TERM; sleep 600 & wait`;

async function container(...flags: string[]): Promise<Detached> {
  const web = await detached(box, ["sh", "-c", MAKES], ...flags);
  while (!(await web.text("logs", web.id)).includes("ready"));
  return web;
}

/** Runs a test with a container that runs, and again when it has ended. */
async function runningAndNot(test: (web: Detached, directory: string) => Promise<void>) {
  await using web = await container();
  for (const state of ["running", "exited"]) {
    if (state === "exited") await web.text("stop", web.id);
    await using directory = await tempRoot();
    await test(web, directory.path);
  }
}

const find = (directory: string) => host("sh", "-c", 'cd "$1" && find . | sort', "sh", directory);

Deno.test({
  ...needs("cp out: files, directories, links, and what they are called there", anyUser),
  async fn() {
    await runningAndNot(async ({ id, text }, directory) => {
      await text("cp", `${id}:/srv/d`, directory);
      assertEquals(
        await find(directory),
        "./d\n./d/link\n./d/one\n./d/sub\n./d/sub/deep\n./d/two\n".replace(/^/, ".\n"),
      );
      const stat = (path: string) => Deno.lstatSync(`${directory}/${path}`);
      assertEquals(stat("d/one").ino, stat("d/two").ino);
      // no set-user-ID program of somebody else's making
      assertEquals(stat("d/one").mode! & 0o7777, 0o755);
      assertEquals(stat("d/one").uid, Deno.uid());
      assertEquals(stat("d/sub/deep").mtime!.toISOString(), "2001-02-03T04:05:06.000Z");
      assertEquals(Deno.readLinkSync(`${directory}/d/link`), "one");
      await text("cp", `${id}:/srv/d/.`, `${directory}/new`);
      assertEquals((await find(`${directory}/new`)).split("\n")[1], "./link");
      await text("cp", `${id}:/srv/d/one`, `${directory}/renamed`);
      await text("cp", "-L", `${id}:/srv/d/link`, `${directory}/followed`);
      for (const name of ["renamed", "followed"]) {
        assertEquals(Deno.readTextFileSync(`${directory}/${name}`), "one\n");
      }
    });
  },
});

Deno.test({
  ...needs(
    "cp in: it belongs to root, a volume gets its part, a directory is not taken away",
    anyUser,
  ),
  async fn() {
    await runningAndNot(async ({ id, text, tiffin }, directory) => {
      Deno.mkdirSync(`${directory}/tree/sub`, { recursive: true });
      Deno.writeTextFileSync(`${directory}/tree/sub/file`, "file\n", { mode: 0o640 });
      await text("cp", `${directory}/tree`, `${id}:/srv`);
      await text("cp", `${directory}/tree/sub/file`, `${id}:/srv/renamed`);
      const tar = await tiffin("cp", `${id}:/srv/tree`, "-");
      assertStringIncludes(tar.stdout, "tree/sub/file");
      await text("cp", "-a", `${id}:/srv/tree/sub/file`, `${directory}/back`);
      const { uid, mode } = Deno.statSync(`${directory}/back`);
      assertEquals([uid, mode! & 0o777], [isRoot ? 0 : Deno.uid(), 0o640]);
      await text("cp", `${id}:/srv/renamed`, `${directory}/again`);
      assertEquals(Deno.readTextFileSync(`${directory}/again`), "file\n");
      const wrong: [string[], string][] = [
        [[`${directory}/tree/sub/file`, `${id}:/no/such/x`], "there is no such directory"],
        [[`${directory}/tree/sub/file`, `${id}:/no/`], "there is no such directory"],
        [[`${directory}/tree`, `${id}:/srv/renamed`], "cannot be copied onto a file"],
        [[`${directory}/nosuch`, `${id}:/srv`], "there is no such file"],
        [[`${id}:/nosuch`, directory], "there is no such file"],
        [[directory, directory], "needs a container on one side"],
        [[`${id}:/a`, `${id}:/b`], "needs this machine on one side"],
        [["nosuch:/a", directory], "no such container: nosuch"],
      ];
      for (const [words, message] of wrong) {
        assertStringIncludes((await tiffin("cp", ...words)).stderr, message);
      }
    });
  },
});

Deno.test({
  ...needs("cp in and out as a tar", anyUser),
  async fn() {
    await using directory = await tempRoot();
    Deno.mkdirSync(`${directory.path}/a/b`, { recursive: true });
    Deno.writeTextFileSync(`${directory.path}/a/b/c`, "c\n");
    await host("tar", "-C", directory.path, "-cf", `${directory.path}/tar`, "a");
    await using web = await container();
    const stdin = Deno.readFileSync(`${directory.path}/tar`);
    const { code, stderr } = await runTiffin(["cp", "-", `${web.id}:/srv`], {
      root: box.path,
      stdin,
    });
    assertEquals(code, 0, stderr);
    assertEquals(await web.text("exec", web.id, "cat", "/srv/a/b/c"), "c\n");
    const program = [Deno.execPath(), "run", "-qA", "mod.ts", "cp", `${web.id}:/srv/a/.`, "-"];
    const script = `TIFFIN_ROOT='${box.path}' "$@" | tar -t`;
    assertEquals(await host("sh", "-c", script, "sh", ...program), "./\nb/\nb/c\n");
  },
});

Deno.test({
  ...needs("cp: links in a container lead nowhere outside it, nor does what lies in wait", anyUser),
  async fn() {
    await runningAndNot(async ({ id, text, tiffin }, directory) => {
      const mark = `${directory}/mark`;
      Deno.writeTextFileSync(mark, "host\n");
      // up is a link to /, and / is the container's
      await text("cp", mark, `${id}:/srv/up/tmp/in`);
      await text("cp", `${id}:/tmp/in`, `${directory}/in`);
      await text("cp", "-L", `${id}:/srv/passwd`, `${directory}/passwd`);
      assertEquals(
        Deno.readTextFileSync(`${directory}/passwd`).includes("tiffin-test"),
        false,
      );
      assertStringIncludes(
        (await tiffin("cp", `${id}:/srv/up${mark}`, directory)).stderr,
        "no such",
      );
      // what was copied first is a link, and what comes then is a directory of the same name
      const victim = `${directory}/victim`;
      Deno.mkdirSync(victim);
      Deno.mkdirSync(`${directory}/out`);
      Deno.symlinkSync(victim, `${directory}/out/d`);
      await text("cp", `${id}:/srv/.`, `${directory}/out`);
      assertEquals([...Deno.readDirSync(victim)], []);
      assertEquals(Deno.lstatSync(`${directory}/out/d`).isDirectory, true);
    });
  },
});

Deno.test({
  ...needs("cp: what is mounted is written into, and stays mounted", anyUser),
  async fn() {
    await using directory = await tempRoot();
    const [mounted, other] = ["mounted", "other"].map((name) => `${directory.path}/${name}`);
    Deno.writeTextFileSync(mounted, "old\n", { mode: 0o640 });
    Deno.writeTextFileSync(other, "new\n", { mode: 0o600 });
    await using web = await container("-v", `${mounted}:/srv/file`, "-v", "/srv/volume");
    await web.text("cp", other, `${web.id}:/srv/file`);
    assertEquals(Deno.readTextFileSync(mounted), "new\n");
    assertEquals(Deno.statSync(mounted).mode! & 0o777, 0o640);
    assertEquals(await web.text("exec", web.id, "cat", "/srv/file"), "new\n");
    Deno.symlinkSync("other", `${directory.path}/link`);
    const { stderr } = await web.tiffin("cp", `${directory.path}/link`, `${web.id}:/srv/file`);
    assertStringIncludes(stderr, "EBUSY");
    // and what lies on another file system is not left out without a word
    const out = await web.tiffin("cp", `${web.id}:/srv/.`, `${directory.path}/out`);
    assertStringIncludes(out.stderr, "is left out: another file system is mounted on it");
    assertEquals(Deno.readTextFileSync(`${directory.path}/out/file`), "new\n");
    await web.text("stop", "-t", "0", web.id);
    await web.text("cp", "-a", `${directory.path}/out/d/one`, `${web.id}:/srv/file`);
    assertEquals(Deno.readTextFileSync(mounted), "one\n");
  },
});

Deno.test({
  ...needs("cp: no device is taken away, and no capability comes out", { root: true }),
  async fn() {
    await using directory = await tempRoot();
    const device = `${directory.path}/null`;
    await host("mknod", device, "c", "1", "3");
    const program = `${directory.path}/program`;
    Deno.writeTextFileSync(program, "");
    await host("setfattr", "-n", "security.capability", "-v", CAPABILITY, program);
    await using web = await container();
    const { stderr } = await web.tiffin("cp", `${web.id}:/srv/d/one`, device);
    assertStringIncludes(stderr, "a device is in its place, and is not taken away");
    assertEquals(Deno.lstatSync(device).isCharDevice, true);
    await web.text("cp", "-a", program, `${web.id}:/srv/program`);
    const attributes = (path: string) => host("getfattr", "-d", "-m", "-", path);
    await web.text("cp", `${web.id}:/srv/program`, `${directory.path}/plain`);
    assertEquals(await attributes(`${directory.path}/plain`), "");
    await web.text("cp", "-a", `${web.id}:/srv/program`, `${directory.path}/kept`);
    assertStringIncludes(await attributes(`${directory.path}/kept`), "security.capability");
  },
});

/** cap_net_raw=ep, as `struct vfs_cap_data` of <linux/capability.h>. */
const CAPABILITY = "0x0100000200200000000000000000000000000000";
