/**
 * What somebody types who knows Docker: other names of commands and flags, and commands that are
 * not here.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { elsewhere } from "../../cli/elsewhere.ts";
import { COMMANDS } from "../../cli/main.ts";
import { createVolume } from "../../runtime/named_volumes.ts";
import { needs } from "../helpers/needs.ts";
import { project, runTiffin } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { anyUser, localBox } from "./box.ts";
import { detached, IDLE } from "./detached.ts";

const box = localBox();

/** A command that has to fail: its code, and what it says. */
async function complaint(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await runTiffin(words, { root: box.path });
  assertEquals(stdout, "");
  return `${code}: ${stderr.trimEnd()}`;
}

Deno.test("the second words have Docker's other names, and say where their help is", async () => {
  await using root = await tempRoot();
  const run = (...words: string[]) => runTiffin(words, { root: root.path });
  for (const [one, other] of [["ls", "list"], ["ls", "ps"]]) {
    assertEquals(await run("container", one, "-a"), await run("container", other, "-a"));
  }
  assertEquals(await run("image", "rm", "no"), await run("image", "remove", "no"));
  assertEquals(
    await complaint("image", "pull"),
    "1: tiffin: pull needs an image's name, as in: pull alpine\n" +
      "tiffin image pull --help shows its flags",
  );
  assertEquals(
    await complaint("image", "build", "."),
    '125: tiffin: image has no command "build": images are built by others: docker build or ' +
      "buildah, then save and load; or commit\ntiffin image --help lists its commands",
  );
});

Deno.test("what is said to be elsewhere is not here", () => {
  for (const word of ["build", "compose", "info", "swarm"]) {
    assert(elsewhere(word)?.startsWith(": "));
    assert(!Object.hasOwn(COMMANDS, word));
  }
  assertEquals([elsewhere("run"), elsewhere("constructor")], [undefined, undefined]);
});

Deno.test("what cannot be done says what can", async () => {
  const first = async (...words: string[]) => (await complaint(...words)).split("\n")[0];
  assertEquals(
    await first("cp", "one:/etc", "two:/etc"),
    "1: tiffin: cp needs this machine on one side: cp one:/etc - | tiffin cp - two:/etc",
  );
  assertEquals(
    await first("rename", "one", "x"),
    '125: tiffin: rename: "x" is not a name: two or more letters, digits, _ . and -, a letter or ' +
      "digit first",
  );
  assertEquals(
    await first("push", "local"),
    "1: tiffin: local names no registry: tag local HOST/NAME:TAG, and push that",
  );
  assertEquals(
    await first("ps", "--format", "{{.ID}}"),
    '125: tiffin: --format: "{{.ID}}" is not table or json; Go\'s templates are not read: jq takes ' +
      "json apart",
  );
  for (
    const words of [["logs", "--details"], ["rm", "-l"], ["images", "--tree"], [
      "rmi",
      "--no-prune",
    ]]
  ) {
    assertMatch(await first(...words, "one"), /^125: tiffin: -\S+: (?!.*unknown)/);
  }
  const { code, stderr } = await runTiffin(["load"], { root: box.path, stdin: "" });
  assertEquals(code, 1);
  assertMatch(stderr, /^tiffin: the standard input is empty: load reads an archive: load -i FILE/);
});

Deno.test("version as JSON", async () => {
  const { stdout } = await runTiffin(["version", "-f", "json"], { root: box.path });
  const { Deno: version, KernelVersion } = JSON.parse(stdout);
  assertEquals([version, KernelVersion], [Deno.version.deno, Deno.osRelease()]);
});

Deno.test({
  ...needs("a full disk behind the standard output is not taken for the data root's", anyUser),
  async fn() {
    await using web = await detached(box, IDLE);
    const ways = ["help", "ps", "save local", `export ${web.id}`, `cp ${web.id}:/etc -`];
    for (const line of ways) {
      const script =
        `exec "${Deno.execPath()}" run --quiet -A "${project}/mod.ts" ${line} >/dev/full`;
      const { stderr } = await new Deno.Command("sh", {
        args: ["-c", script],
        env: { TIFFIN_ROOT: box.path, NO_COLOR: "1" },
      }).output();
      assertEquals(
        new TextDecoder().decode(stderr),
        "tiffin: write to the standard output: no space left on device\n",
        line,
      );
    }
  },
});

Deno.test({
  ...needs("ps -s and inspect -s: what a container has written, and with its image", anyUser),
  async fn() {
    await using web = await detached(box, IDLE, "--name", "sized");
    const line = JSON.parse(await web.text("ps", "-s", "--format", "json"));
    assertMatch(line.Size, /^0B \(virtual \d+(\.\d+)?MB\)$/);
    assertMatch(await web.text("ps", "-s"), /SIZE *\n.*0B \(virtual .*MB\)\n$/);
    assert(!(await web.text("ps")).includes("SIZE"));
    await web.text("exec", web.id, "sh", "-c", "head -c 100000 /dev/zero >/file");
    const [known] = JSON.parse(await web.text("inspect", "-s", "sized"));
    assert(known.SizeRw >= 100_000 && known.SizeRw < 200_000, String(known.SizeRw));
    assert(known.SizeRootFs > 1_000_000 + known.SizeRw);
    assert(!("SizeRw" in JSON.parse(await web.text("inspect", "sized"))[0]));
    await web.text("stop", "--timeout", "1", "sized");
  },
});

Deno.test({
  ...needs("inspect finds whatever has the name, and says what it has looked for", anyUser),
  async fn() {
    await box.run(["local", "true"]); // where this test runs alone
    createVolume(box.path, { name: "data" });
    const found = async (...words: string[]) => {
      const { stdout, stderr } = await runTiffin(["inspect", ...words], { root: box.path });
      assertEquals(stderr, "");
      return JSON.parse(stdout);
    };
    const [image, network, volume] = await found("local", "bridge", "data");
    assertEquals([image.RepoTags, network.Driver, volume.Driver], [["local"], "bridge", "local"]);
    assertEquals(await found("--type", "volume", "data"), [volume]);
    const { stdout } = await runTiffin(["history", "-q", "local"], { root: box.path });
    assertEquals(stdout, `${image.Id.slice("sha256:".length).slice(0, 12)}\n`);
    assertEquals(
      await complaint("inspect", "nosuch"),
      "1: tiffin: no container, image, network or volume is called nosuch: tiffin ps -a and tiffin " +
        "images list those there are",
    );
    assertMatch(await complaint("inspect", "--type", "image", "data"), /^1: .*no image is called/);
    await Deno.remove(`${box.path}/volumes`, { recursive: true });
  },
});

Deno.test({
  ...needs("system prune removes what nobody uses, and asks first", anyUser),
  async fn() {
    await using root = await tempRoot();
    const run = (words: string[], stdin = "") => runTiffin(words, { root: root.path, stdin });
    await run(["create", "--name", "idle", "local", "true"]);
    const nameless = createVolume(root.path);
    createVolume(root.path, { name: "named" });
    const prune = async (...words: string[]) => (await run(["system", "prune", ...words])).stdout;
    const unsure = await run(["system", "prune", "--volumes"]);
    assertEquals([unsure.code, unsure.stdout], [0, ""]);
    assertMatch(
      unsure.stderr,
      /containers[^]*volumes[^]*images[^]*networks[^]*Go on\? \[y\/N\] \n$/,
    );
    const first = await prune("-f");
    assertMatch(first, /^[0-9a-f]{64}\nTotal reclaimed space: \S+\n$/);
    const second = await prune("-af", "--volumes");
    assertMatch(second, new RegExp(`^Deleted Volumes:\n${nameless}\nuntagged: local\n`));
    assertEquals(await prune("-af", "--volumes"), "Total reclaimed space: 0B\n");
    const { stdout } = await run(["system", "df"]);
    assertMatch(stdout, /^Images +0 .*\nContainers +0 .*\nLocal Volumes +1 /m);
  },
});
