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
        [[`${id}:/a`, `${id}:/b`], "needs a container on one side"],
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
