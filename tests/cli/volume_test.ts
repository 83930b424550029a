/**
 * `volume`: made, listed, looked at, used by containers, and removed.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { needs } from "../helpers/needs.ts";
import { runTiffin } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { anyUser } from "./box.ts";

/** Commands in a data root of their own. */
async function fresh() {
  const root = await tempRoot();
  const text = async (...words: string[]) => {
    const { code, stdout, stderr } = await runTiffin(words, { root: root.path });
    assertEquals(code, 0, `${words.join(" ")}: ${stderr}`);
    return stdout;
  };
  const complaint = async (...words: string[]) => {
    const { code, stderr } = await runTiffin(words, { root: root.path });
    return `${code}: ${stderr.split("\n")[0]}`;
  };
  return { root, text, complaint, [Symbol.asyncDispose]: root[Symbol.asyncDispose] };
}

Deno.test("volumes are made, listed, filtered, looked at, removed", async () => {
  await using it = await fresh();
  assertEquals(await it.text("volume", "create", "--label", "of=me", "data"), "data\n");
  const nameless = (await it.text("volume", "create")).trim();
  assertMatch(nameless, /^[0-9a-f]{64}$/);
  assertEquals(
    await it.text("volume", "ls"),
    `DRIVER   VOLUME NAME\n${
      [nameless, "data"].sort().map((name) => `local    ${name}\n`).join("")
    }`,
  );
  assertEquals(await it.text("volume", "list", "-q", "-f", "label=of=me"), "data\n");
  assertEquals(
    await it.text("volume", "ls", "-q", "-f", "name=at", "-f", "dangling=true"),
    "data\n",
  );
  assertEquals(await it.text("volume", "ls", "-q", "-f", "dangling=false"), "");
  const line = JSON.parse(await it.text("volume", "ls", "--format", "json", "-f", "name=data"));
  const [known] = JSON.parse(await it.text("volume", "inspect", "data"));
  assertEquals([line.Name, line.Labels], ["data", "of=me"]);
  assertEquals([known.Mountpoint, known.Labels], [line.Mountpoint, { of: "me" }]);
  assert(Deno.statSync(known.Mountpoint).isDirectory);
  const pruned = await it.text("volume", "prune", "-f");
  assertMatch(pruned, new RegExp(`^Deleted Volumes:\n${nameless}\nTotal reclaimed space: \\S+\n$`));
  assertEquals(await it.text("volume", "rm", "data"), "data\n");
  assertEquals(await it.text("volume", "rm", "-f", "data"), "");
});

Deno.test("what is wrong with a volume is said", async () => {
  await using it = await fresh();
  assertEquals(
    await it.complaint("volume", "create", "a/b"),
    '1: tiffin: "a/b" is not a volume\'s name: two or more letters, digits, _ . and -, a letter or ' +
      "digit first",
  );
  assertMatch(await it.complaint("volume", "create", "-d", "nfs", "data"), /^125: .*only driver/);
  assertMatch(await it.complaint("volume", "create", "-o", "type=nfs"), /^125: tiffin: -o: /);
  assertMatch(await it.complaint("volume", "ls", "-f", "size=1"), /^125: .* is not name=…/);
  assertEquals(
    await it.complaint("volume", "rm", "data"),
    "1: tiffin: no such volume: data: tiffin volume ls lists those there are",
  );
  assertMatch(await it.complaint("volume", "inspect"), /^1: .*needs a volume/);
  assertMatch(
    await it.complaint("build", "."),
    /^125: .*unknown command "build": images are built/,
  );
});

Deno.test({
  ...needs("a volume that a container uses stays; all that was written goes with it", anyUser),
  async fn() {
    await using it = await fresh();
    const script = "mkdir -p /data/a/b; echo x >/data/a/b/c; chmod 0 /data/a";
    await it.text(
      "run",
      "--name",
      "user",
      "--rm=false",
      "-v",
      "data:/data",
      "local",
      "sh",
      "-c",
      script,
    );
    assertMatch(
      await it.complaint("volume", "rm", "data"),
      /^1: .*data is in use by the container/,
    );
    assertEquals((await it.text("volume", "prune", "-af")).includes("data"), false);
    const [{ Containers: [id] }] = JSON.parse(await it.text("volume", "inspect", "data"));
    const [{ Id }] = JSON.parse(await it.text("inspect", "user"));
    assertEquals(id, Id);
    await it.text("rm", "user");
    assertMatch(await it.text("volume", "prune", "-af"), /^Deleted Volumes:\ndata\n/);
    assertEquals([...Deno.readDirSync(`${it.root.path}/volumes`)], []);
    assertEquals([...Deno.readDirSync(`${it.root.path}/tmp`)], []);
  },
});
