/**
 * `commit` and `export`: what a container has changed becomes an image, and what it sees a tar.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { ImageStore } from "../../runtime/images/store.ts";
import { isRoot, needs } from "../helpers/needs.ts";
import { runTiffin } from "../helpers/run_tiffin.ts";
import { readTar, run } from "../runtime/images/tarballs.ts";
import { anyUser, localBox } from "./box.ts";

const box = localBox();
const tiffin = (...words: string[]) => runTiffin(words, { root: box.path });

/** A container that has changed this and that, and waits for a line. */
async function changed(...flags: string[]) {
  const script = `mkdir /made; echo new >/made/file; chown 5:6 /made/file; rm /etc/shells
    rm -r /opt; mkdir /opt; echo opt >/opt/only; ln /made/file /made/linked
    echo up; read line; cat /made/file; echo $TOLD`;
  const talk = box.start([...flags, "local", "sh", "-c", script]);
  await talk.hear(/up/);
  const [{ name: id }] = [...Deno.readDirSync(`${box.path}/containers`)];
  return { id, talk };
}

Deno.test({
  ...needs("commit makes an image of a running container, which goes on", anyUser),
  async fn() {
    const { id, talk } = await changed("-e", "TOLD=yes", "-w", "/made");
    await using _ = talk;
    const options = ["-m", "a message", "-a", "me", "-c", "LABEL a=b", "-c", "ENV MORE=1"];
    const committed = await tiffin("commit", ...options, id.slice(0, 8), "mine:2");
    assertEquals(committed.code, 0, committed.stderr);
    assertMatch(committed.stdout, /^sha256:[0-9a-f]{64}\n$/);
    await talk.say("\n");
    assertEquals((await talk.end()).stdout, "new\nyes\n", "it was let go on");

    const store = new ImageStore(box.path);
    const [local, mine] = [
      await store.image("local"),
      await store.image("docker.io/library/mine:2"),
    ];
    assertEquals(`${mine!.id}\n`, committed.stdout);
    assertEquals(mine!.config.rootfs.diff_ids.slice(0, 1), local!.config.rootfs.diff_ids);
    assertEquals(mine!.layers.length, 2);
    const { Env, WorkingDir, Labels, Cmd } = mine!.config.config!;
    assertEquals(Env!.slice(-2), ["TOLD=yes", "MORE=1"]);
    assertEquals([WorkingDir, Labels, Cmd![0]], ["/made", { a: "b" }, "sh"]);
    const step = mine!.config.history!.at(-1)!;
    assertEquals([step.author, step.comment], ["me", "a message"]);

    const look =
      "stat -c '%u:%g %h' file; pwd; ls /opt; ls /etc/shells 2>/dev/null; echo $TOLD$MORE";
    const { code, stdout, stderr } = await box.run(["mine:2", "sh", "-c", look]);
    assertEquals([code, stdout], [0, "5:6 2\n/made\nonly\nyes1\n"], stderr);
    await tiffin("rmi", "mine:2");
  },
});

Deno.test({
  ...needs("commit without a name, twice, on top of what was committed", anyUser),
  async fn() {
    const { id, talk } = await changed();
    await using _ = talk;
    const first = await tiffin("commit", "--pause=false", id);
    assertEquals(first.code, 0, first.stderr);
    const listed = (await tiffin("images", "-q", "--no-trunc")).stdout;
    assertStringIncludes(listed, first.stdout.trim());
    const short = first.stdout.slice("sha256:".length, "sha256:".length + 12);
    assertEquals((await tiffin("tag", short, "named:1")).code, 0);
    await talk.end();
    await using again = box.start([
      "named:1",
      "sh",
      "-c",
      "echo two >/made/file; echo up; read line",
    ]);
    await again.hear(/up/);
    const [{ name: second }] = [...Deno.readDirSync(`${box.path}/containers`)];
    assertEquals((await tiffin("commit", second, "named:2")).code, 0);
    await again.end();
    assertEquals((await box.run(["named:2", "cat", "/made/linked"])).stdout, "new\n");
    assertEquals((await box.run(["named:2", "cat", "/made/file"])).stdout, "two\n");
    const layers = (await tiffin("image", "layers", "--format", "json", "named:2")).stdout;
    assertEquals(layers.trim().split("\n").length, 3);
    for (const name of ["named:2", short]) await tiffin("rmi", "-f", name);
  },
});

Deno.test({
  ...needs("export writes all that a container sees, to a file or a pipe", {
    ...anyUser,
    programs: ["tar"],
  }),
  async fn() {
    const { id, talk } = await changed();
    await using _ = talk;
    const path = `${box.path}/exported.tar`;
    assertEquals((await tiffin("export", "-o", path, id)).code, 0);
    const entries = new Map(
      readTar(await Deno.readFile(path), 60_000).map((entry) => [entry.name, entry]),
    );
    const file = entries.get("made/file")!;
    assertEquals([file.content, file.uid, file.gid], ["new\n", 5, 6]);
    assertEquals(entries.get("made/linked")?.linkname, "made/file");
    assertEquals(entries.has("etc/shells"), false);
    assertEquals([...entries.keys()].filter((name) => name.startsWith("opt/")), [
      "opt/",
      "opt/only",
    ]);
    assertEquals(entries.get("etc/nsswitch.conf")?.type, "file", "of the image");
    assertEquals(entries.has("proc/self"), false, "what is mounted is not there");

    assertEquals((await tiffin("import", path, "exported:1")).code, 0);
    assertEquals((await box.run(["exported:1", "cat", "/made/file"])).stdout, "new\n");
    Deno.removeSync(path);
    const piped = new TextDecoder().decode(
      await run(
        "sh",
        "-c",
        `TIFFIN_ROOT=${box.path} ${Deno.execPath()} run -A mod.ts export ${id} | tar -t`,
      ),
    );
    assertStringIncludes(piped, "made/linked\n");
    await tiffin("rmi", "exported:1");
  },
});

Deno.test({
  ...needs("commit and export refuse what they cannot do, and leave nothing", anyUser),
  async fn() {
    const line = async (...words: string[]) => {
      const { code, stdout, stderr } = await tiffin(...words);
      assertEquals(stdout, "");
      return `${code}: ${stderr.split("\n")[0]}`;
    };
    assertEquals(
      await line("commit"),
      "1: tiffin: commit needs a container, and may have a name: commit box mine:2",
    );
    assertMatch(await line("commit", "nosuch"), /^1: tiffin: no such container: nosuch/);
    assertMatch(await line("export", "nosuch"), /^1: tiffin: no such container: nosuch/);
    assertEquals(await line("export"), "1: tiffin: export needs one container: export -o FILE box");
    const { id, talk } = await changed();
    await using _ = talk;
    const before = (await tiffin("images", "-q", "--no-trunc")).stdout;
    assertMatch(await line("commit", "-c", "RUN ls", id, "x:1"), /^1: tiffin: change "RUN ls": /);
    assertMatch(await line("commit", id, "X/Y"), /^1: tiffin: image name "X\/Y": .*capital/);
    assertMatch(await line("commit", "--nosuch", id), /^125: tiffin: unknown flag "--nosuch"/);
    assertMatch(
      await line("export", "-o", box.path, id),
      /^1: tiffin: --output: .* is a directory: name a file in it$/,
    );
    assertEquals((await tiffin("images", "-q", "--no-trunc")).stdout, before);
    await talk.say("\n");
    assertMatch((await talk.end()).stdout, /^new\n/, "it is not paused");
    if (isRoot) {
      const { layers: [layer] } = (await new ImageStore(box.path).image("local"))!;
      const words = ["--rootfs", layer.directory, "sh", "-c", "echo up; read line"];
      await using plain = box.start(words);
      await plain.hear(/up/);
      const [{ name }] = [...Deno.readDirSync(`${box.path}/containers`)];
      assertMatch(await line("commit", name, "x:1"), /was made from a directory, not an image/);
      await plain.end();
    }
  },
});
