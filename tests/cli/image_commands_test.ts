/**
 * The commands for images that send, look and clear up: `push`, `save`, `search`, `login`, `image
 * layers`, `image diff`, `image prune`, `system df`, `system check`.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { hostPlatform } from "../../runtime/images/platform.ts";
import { FaultyRegistry } from "../helpers/faulty_registry.ts";
import { needs } from "../helpers/needs.ts";
import { project, runTiffin } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { type Content, readTar, tarball } from "../runtime/images/tarballs.ts";
import { UploadRegistry } from "../runtime/images/upload_registry.ts";
import { anyUser } from "./box.ts";

const file = (name: string, content: string): Content => ({ name, type: "file", content });
const LAYERS = [
  tarball(file("etc/one", "1"), file("etc/gone", "12345")),
  tarball(file("etc/one", "22"), file("etc/.wh.gone", ""), file("etc/two", "2")),
];

/** A data root with the images `a:1` of both layers and `b:1` of the first. */
async function filled() {
  const root = await tempRoot();
  const run = (...args: string[]) => runTiffin(args, { root: root.path });
  await using registry = new FaultyRegistry();
  const history = [{ created_by: "ADD one" }, { created_by: "RUN two" }];
  await registry.addImage("a", "1", LAYERS, hostPlatform(), { history });
  await registry.addImage("b", "1", LAYERS.slice(0, 1), hostPlatform());
  const [a, b] = [`${registry.host}/a:1`, `${registry.host}/b:1`];
  assertEquals((await run("pull", "-q", a, b)).code, 0);
  await run("tag", a, "a:1");
  await run("tag", b, "b:1");
  await run("rmi", a);
  await run("rmi", b);
  /** The first line of what an unsuccessful command says, after its exit code. */
  const line = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(...args);
    assertEquals(stdout, "");
    return `${code}: ${stderr.split("\n")[0]}`;
  };
  return { root, run, line, [Symbol.asyncDispose]: root[Symbol.asyncDispose] };
}

Deno.test({
  ...needs("push sends, says what, and sends nothing the second time; -a sends all tags", anyUser),
  async fn() {
    await using it = await filled();
    await using registry = new UploadRegistry();
    const name = `${registry.host}/deep/a`;
    for (const tag of ["1", "2"]) await it.run("tag", "a:1", `${name}:${tag}`);
    const first = await it.run("push", `${name}:1`);
    assertEquals(first.code, 0, first.stderr);
    const { bytes } = registry.manifests.get("deep/a:1")!;
    assertMatch(
      first.stdout,
      new RegExp(`^1: digest: sha256:[0-9a-f]{64} size: ${bytes.length}\n$`),
    );
    const lines = first.stderr.trim().split("\n");
    assertEquals(lines[0], `${name}:1: 2 layers, 6.66kB`);
    assertEquals(lines.filter((line) => /^[0-9a-f]{12}: pushed$/.test(line)).length, 2);

    const all = await it.run("push", "-a", name);
    assertEquals(all.stdout.split("\n").map((line) => line.slice(0, 10)), [
      "1: digest:",
      "2: digest:",
      "",
    ]);
    assertEquals(
      all.stderr.trim().split("\n").filter((line) => /: already there$/.test(line)).length,
      4,
    );
    assertEquals(registry.count("POST "), 3, "two layers and a config, once");
    assertEquals((await it.run("push", "-q", `${name}:2`)).stdout, `${name}:2\n`);

    assertMatch(
      await it.line("push", "-a", `${name}:1`),
      /^1: tiffin: --all-tags takes a repository/,
    );
    assertMatch(await it.line("push", "-a", `${registry.host}/none`), /no image is called/);
    assertMatch(await it.line("push", `${name}:none`), /^1: tiffin: no image is called/);
    assertMatch(await it.line("push"), /^1: tiffin: push needs one image/);
    assertMatch(await it.line("push", "--nosuch", name), /^125: tiffin: unknown flag/);
    registry.fault = () => new Response(null, { status: 403 });
    assertMatch(
      await it.line("push", "-q", `${name}:1`),
      /it answered 403: this account may not write/,
    );
    await registry[Symbol.asyncDispose]();
    assertMatch(await it.line("push", "-q", `${name}:1`), /no connection could be made/);
  },
});

Deno.test({
  ...needs("save writes an archive, whole or not at all", anyUser),
  async fn() {
    await using it = await filled();
    const path = `${it.root.path}/saved.tar`;
    assertEquals(await it.run("save", "-o", path, "a:1", "b:1"), {
      code: 0,
      stdout: "",
      stderr: "",
    });
    const manifest = readTar(await Deno.readFile(path)).find(({ name }) =>
      name === "manifest.json"
    )!;
    const tags = JSON.parse(manifest.content).map(({ RepoTags }: { RepoTags: string[] }) =>
      RepoTags
    );
    assertEquals(tags, [["docker.io/library/a:1"], ["docker.io/library/b:1"]]);
    const command =
      `TIFFIN_ROOT=${it.root.path} ${Deno.execPath()} run -A mod.ts save a:1 b:1 >${path}2`;
    const shell = await new Deno.Command("sh", { args: ["-c", command], cwd: project }).output();
    assertEquals(shell.success, true);
    assertEquals(await Deno.readFile(`${path}2`), await Deno.readFile(path));
    await it.run("rmi", "a:1");
    assertEquals((await it.run("load", "-q", "-i", path)).stdout, "a:1\nb:1\n");

    await Deno.writeTextFile(path, "as it was");
    assertMatch(
      await it.line("save", "-o", path, "a:1", "none:1"),
      /^1: tiffin: no image is called none:1/,
    );
    assertEquals(await Deno.readTextFile(path), "as it was");
    assertMatch(
      await it.line("save", "-o", "/nosuch/x", "a:1"),
      /^1: tiffin: \/nosuch\/x cannot be written: no such/,
    );
    assertMatch(
      await it.line("save", "-o", it.root.path, "a:1"),
      /is a directory: name a file in it$/,
    );
    assertMatch(await it.line("save"), /^1: tiffin: save needs an image/);
    assertEquals((await it.run("save", "-o", "/dev/null", "a:1")).code, 0);
    assertEquals([...Deno.readDirSync(`${it.root.path}/tmp`)], []);
  },
});

Deno.test({
  ...needs("a full disk: save and commands that write say so, and leave nothing half made", {
    root: true,
    programs: ["unshare", "mount"],
  }),
  async fn() {
    await using it = await filled();
    const script = `
      set -e
      mount -t tmpfs -o size=64k tiffin-full ${it.root.path}/small
      cd ${project}
      ${Deno.execPath()} run --quiet -A mod.ts save -o ${it.root.path}/small/x.tar a:1 b:1 || echo "code $?"
      ls -A ${it.root.path}/small
      ${Deno.execPath()} run --quiet -A mod.ts save a:1 >/dev/full || echo "code $?"
      TIFFIN_ROOT=${it.root.path}/small ${Deno.execPath()} run --quiet -A mod.ts import ${it.root.path}/layer.tar x:1 || echo "code $?"
      find ${it.root.path}/small -type f ! -name index.json ! -name oci-layout ! -name lock`;
    await Deno.mkdir(`${it.root.path}/small`);
    // More than fits there.
    await Deno.writeFile(`${it.root.path}/layer.tar`, tarball(file("large", "x".repeat(100_000))));
    await it.run("import", `${it.root.path}/layer.tar`, "b:1");
    const { stdout, stderr } = await new Deno.Command("unshare", {
      args: ["--mount", "--propagation", "private", "sh", "-c", script],
      env: { TIFFIN_ROOT: it.root.path, NO_COLOR: "1" },
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim().split("\n");
    assertEquals(text(stdout), ["code 1", "code 1", "code 1"], text(stderr).join("\n"));
    assertMatch(text(stderr)[0], /small\/x\.tar cannot be written: no space left on device$/);
    assertStringIncludes(text(stderr).join("\n"), "No space left on device".toLowerCase());
  },
});

Deno.test({
  ...needs("image layers and image diff show what is in images", anyUser),
  async fn() {
    await using it = await filled();
    const table = (await it.run("image", "layers", "a:1")).stdout.split("\n");
    assertEquals(table.map((line) => line.split(/ {3,}/).slice(1)), [
      ["SIZE", "ADDED", "CHANGED", "REMOVED", "CREATED BY"],
      ["3.07kB", "3, 6B", "-", "-", "ADD one"],
      ["3.58kB", "1, 1B", "1, 2B", "1, 5B", "RUN two"],
      [],
      [],
    ]);
    assertEquals(table[3], "hidden by later layers: 2 files, 6B");
    const files = (await it.run("image", "layers", "-f", "a:1")).stdout;
    assertStringIncludes(
      files,
      "\n  D      5B /etc/gone\n  C      2B /etc/one\n  A      1B /etc/two\n",
    );
    const [, second] = (await it.run("image", "layers", "--format", "json", "a:1")).stdout
      .trim().split("\n").map((line) => JSON.parse(line));
    assertEquals([second.Added, second.Changed, second.Removed, second.CreatedBy], [
      { Files: 1, Bytes: 1 },
      { Files: 1, Bytes: 2 },
      { Files: 1, Bytes: 5 },
      "RUN two",
    ]);
    assert(table.every((line) => line.length <= 80));

    assertEquals((await it.run("image", "diff", "b:1", "a:1")).stdout.split("\n"), [
      "D      -5B /etc/gone",
      "C      +1B /etc/one (content)",
      "A      +1B /etc/two",
      "1 added, 1 changed, 1 removed: 3B less",
      "",
    ]);
    const json = (await it.run("image", "diff", "--format=json", "b:1", "a:1")).stdout.split("\n");
    assertEquals(JSON.parse(json[1]), {
      Kind: "C",
      Path: "/etc/one",
      Before: 1,
      After: 2,
      What: ["content"],
    });
    assertEquals(
      (await it.run("image", "diff", "a:1", "a:1")).stdout,
      "the images have the same files\n",
    );
    assertMatch(await it.line("image", "diff", "a:1"), /^1: tiffin: image diff needs two images/);
    assertMatch(await it.line("image", "layers", "none"), /^1: tiffin: no image is called none/);
    assertMatch(await it.line("image", "layer", "a:1"), /^125: .*did you mean "layers"\?$/);
    const help = (await it.run("image", "layers", "--help")).stdout;
    assertStringIncludes(help, "Usage: tiffin image layers [FLAGS] IMAGE");
  },
});

Deno.test({
  ...needs(
    "image prune removes what no name leads to; -a the rest; filters; and asks first",
    anyUser,
  ),
  async fn() {
    await using it = await filled();
    const prune = async (...args: string[]) => (await it.run("image", "prune", ...args)).stdout;
    assertEquals(await prune("-f"), "Total reclaimed space: 0B\n");
    await it.run("tag", "b:1", "a:1");
    const unsure = await it.run("image", "prune");
    assertEquals(unsure.stdout, "");
    assertStringIncludes(unsure.stderr, "Go on? [y/N]");
    const sure = await runTiffin(["image", "prune"], { root: it.root.path, stdin: "y\n" });
    // manifest, config, one layer, unpacked too
    assertEquals(sure.stdout.split("\n").filter((line) => line.startsWith("deleted: ")).length, 4);
    assertEquals(await prune("-af", "--filter", "until=1h"), "Total reclaimed space: 0B\n");
    assertEquals(await prune("-af", "--filter", "label=none"), "Total reclaimed space: 0B\n");
    const rest = (await prune("-af", "--filter", "label!=none")).split("\n");
    assertEquals(rest.slice(0, 2), ["untagged: b:1", "untagged: a:1"]);
    assertMatch(rest.at(-2)!, /^Total reclaimed space: \d+(\.\d+)?kB$/);
    assertEquals([...Deno.readDirSync(`${it.root.path}/images/blobs/sha256`)], []);
    assertEquals([...Deno.readDirSync(`${it.root.path}/layers`)], []);

    assertMatch(
      await it.line("image", "prune", "-f", "--filter", "until=1h"),
      /--filter needs --all$/,
    );
    assertMatch(
      await it.line("image", "prune", "-af", "--filter", "until=x"),
      /^125: .*is no time/,
    );
    assertMatch(
      await it.line("image", "prune", "-af", "--filter", "color=x"),
      /^125: .*is none of until/,
    );
    assertMatch(await it.line("image", "prune", "a:1"), /image prune takes no names/);
  },
});

Deno.test({
  ...needs("system df counts, system check finds and mends", anyUser),
  async fn() {
    await using it = await filled();
    const table = (await it.run("system", "df")).stdout.split("\n");
    assertMatch(table[0], /^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE$/);
    assertMatch(table[1], /^Images +2 +0 +\d+(\.\d+)?kB +\d+(\.\d+)?kB \(100%\)$/);
    assertMatch(table[2], /^Containers +0 +0 +0B +0B$/);
    assertMatch(table[3], /^Local Volumes +0 +0 +0B +0B$/);
    const kinds = (await it.run("system", "df", "--format", "json")).stdout.trim().split("\n")
      .map((line) => JSON.parse(line).Type);
    assertEquals(kinds, ["Images", "Containers", "Local Volumes", "Cache"]);
    const each = (await it.run("system", "df", "-v")).stdout;
    assertMatch(each, /^Images:\n\nREPOSITORY .*\na +1 +[0-9a-f]{12} /);
    assertMatch(await it.line("system", "df", "-v", "--format", "json"), /^1: /);

    const good = await it.run("system", "check");
    assertEquals(good.code, 0, good.stdout);
    assertMatch(
      good.stdout,
      /^2 images, 6 blobs of [\d.]+kB, 2 unpacked layers: nothing is wrong\n$/,
    );
    const [blob] = [...Deno.readDirSync(`${it.root.path}/images/blobs/sha256`)]
      .map(({ name }) => `${it.root.path}/images/blobs/sha256/${name}`)
      .filter((path) => Deno.statSync(path).size > 3000);
    await Deno.chmod(blob, 0o644);
    await Deno.writeTextFile(blob, "damaged");
    const bad = await it.run("system", "check");
    assertEquals(bad.code, 1);
    assertMatch(bad.stdout, /^blob sha256:[0-9a-f]{64}: its bytes hash to .*\n {2}remove .*\n/);
    const json = (await it.run("system", "check", "--format", "json")).stdout.split("\n");
    assertEquals(JSON.parse(json[0]).Repaired, false);
    const mended = await it.run("system", "check", "--repair");
    assertEquals(mended.code, 0);
    assertStringIncludes(mended.stdout, "\n  taken away\n");
    assertMatch(await it.line("system", "check", "x"), /^1: tiffin: system check takes no names/);
    assertMatch(await it.line("system", "chekc"), /^125: .*did you mean "check"\?$/);
  },
});

Deno.test({
  ...needs("search shows a table; a registry that offers no search says so", anyUser),
  async fn() {
    await using it = await filled();
    await using registry = new FaultyRegistry();
    const results = [
      { name: "app", description: "A long\n\x1b[31mdescription", star_count: 5, is_official: true },
      { name: "me/app", star_count: 2 },
    ];
    registry.fault("GET /v1/search", () => Response.json({ results }), 3);
    const search = (...args: string[]) => it.run("search", ...args, `${registry.host}/app`);
    const { stdout, stderr } = await search();
    assertEquals(stdout.split("\n").map((line) => line.split(/ {3,}/)), [
      ["NAME", "DESCRIPTION", "STARS", "OFFICIAL"],
      [`${registry.host}/app`, "A long [31mdescription", "5", "[OK]"],
      [`${registry.host}/me/app`, "2"],
      [""],
    ], stderr);
    assertEquals((await search("--format", "json", "-f", "stars=3")).stdout.split("\n").length, 2);
    assertEquals(
      (await search("-f", "is-official=false", "--format=json")).stdout.split("\n").length,
      2,
    );
    assertMatch(
      await it.line("search", `${registry.host}/app`),
      /^1: tiffin: 127\.0\.0\.1:\d+: asked for its catalogue .* this registry offers no search/,
    );
    assertMatch(await it.line("search"), /^1: tiffin: search needs one term/);
    assertMatch(await it.line("search", "--limit", "0", "x"), /^125: tiffin: --limit/);
    assertMatch(await it.line("search", "-f", "color=red", "x"), /^125: .*is neither is-official/);
  },
});

Deno.test("login keeps what the registry takes, logout forgets it", async () => {
  await using root = await tempRoot();
  await using registry = new FaultyRegistry();
  registry.fault("GET /v2/", (request) => {
    const isRight = request.headers.get("authorization") === `Basic ${btoa("me:right")}`;
    if (isRight) return new Response("{}");
    return new Response(null, { status: 401, headers: { "www-authenticate": "Basic realm=x" } });
  });
  const env = { DOCKER_CONFIG: `${root.path}/docker` };
  const run = (args: string[], stdin?: string) => runTiffin(args, { root: root.path, env, stdin });
  const config = `${root.path}/docker/config.json`;
  const words = ["login", "-u", "me", "--password-stdin", registry.host];
  const wrong = await run(words, "wrong\n");
  assertEquals([wrong.code, wrong.stdout], [1, ""]);
  assertStringIncludes(wrong.stderr, "it does not take this name with this password");
  assertEquals([...Deno.readDirSync(root.path)].length, 0, "nothing was kept");

  const right = await run(words, "right\n");
  assertEquals([right.code, right.stdout], [0, "Login Succeeded\n"], right.stderr);
  assertEquals(
    JSON.parse(await Deno.readTextFile(config)).auths[registry.host].auth,
    btoa("me:right"),
  );
  assertEquals(Deno.statSync(config).mode! & 0o777, 0o600);
  const insecure = await run(["login", "-u", "me", "-p", "right", registry.host]);
  assertEquals(insecure.code, 0);
  assertStringIncludes(insecure.stderr, "--password-stdin keeps it away");
  const out = () => run(["logout", registry.host]);
  assertEquals((await out()).stdout, `Removing login credentials for ${registry.host}\n`);
  assertEquals((await out()).stdout, `Not logged in to ${registry.host}\n`);

  const first = async (...args: string[]) => {
    const { code, stderr } = await run(args);
    return `${code}: ${stderr.split("\n")[0]}`;
  };
  assertMatch(await first("login", "-p", "a", "--password-stdin"), /^125: .*give one of them$/);
  assertMatch(await first("login", "--password-stdin"), /^125: .*needs --username$/);
  assertMatch(await first("login", registry.host), /^1: .*no terminal to ask at: give --username$/);
  assertMatch(await first("login", "-u", "me", registry.host), /^1: .*give --password-stdin$/);
  assertMatch(await first("login", "-u", "a:b", "-p", "x", registry.host), /has no colon$/);
  assertMatch(
    await first("login", "-u", "me", "-p", "x", "nohost"),
    /nohost is no registry's host/,
  );
  assertMatch(await first("logout", "a", "b"), /^1: tiffin: logout takes one registry$/);
});
