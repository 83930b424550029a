/**
 * The commands for images: `pull`, `images`, `history`, `tag`, `rmi`, `load`, `import`.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { hostPlatform } from "../../runtime/images/platform.ts";
import { FaultyRegistry, stall } from "../helpers/faulty_registry.ts";
import { needs } from "../helpers/needs.ts";
import { project, runTiffin } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { type Content, tarball } from "../runtime/images/tarballs.ts";
import { anyUser, localBox, tiffin } from "./box.ts";

const box = localBox();

/** A data root of the test's own, and the commands in it. */
async function fresh() {
  const root = await tempRoot();
  const run = (...args: string[]) => runTiffin(args, { root: root.path });
  return { root, run, [Symbol.asyncDispose]: () => root[Symbol.asyncDispose]() };
}

function file(name: string, content: string): Content {
  return { name, type: "file", content };
}

const LAYERS = [tarball(file("etc/one", "1")), tarball(file("etc/two", "2"))];

const DETAILS = {
  created: "2020-01-02T03:04:05Z",
  history: [
    { created: "2020-01-01T00:00:00Z", created_by: "ADD one\n\x1b[31m /" },
    { created: "2020-01-02T03:04:05Z", created_by: 'CMD ["sh"]', empty_layer: true },
    { created: "2020-01-02T03:04:05Z", created_by: "ADD two /", comment: "the second" },
  ],
};

Deno.test({
  ...needs("pull fetches, says so, and fetches nothing the second time", anyUser),
  async fn() {
    await using registry = new FaultyRegistry();
    await using it = await fresh();
    const { descriptor } = await registry.addImage("box", "1", LAYERS, hostPlatform(), DETAILS);
    const name = `${registry.host}/box:1`;

    const first = await it.run("pull", name);
    const result = `Digest: ${descriptor.digest}\nStatus: Downloaded newer image for ${name}\n`;
    assertEquals([first.code, first.stdout], [0, `${result}${name}\n`], first.stderr);
    const lines = first.stderr.trim().split("\n");
    assertEquals(lines[0], `${name}: 2 layers, 4.1kB`);
    assertEquals(lines.filter((line) => /^[0-9a-f]{12}: done$/.test(line)).length, 2);

    const blobs = registry.count("GET /v2/box/blobs/");
    const second = await it.run("pull", name);
    assertMatch(second.stdout, /\nStatus: Image is up to date for /);
    assertEquals(
      second.stderr.trim().split("\n").filter((line) => /already here$/.test(line)).length,
      2,
    );
    assertEquals(registry.count("GET /v2/box/blobs/"), blobs);

    assertEquals(await it.run("pull", "-q", name), { code: 0, stdout: `${name}\n`, stderr: "" });
  },
});

Deno.test({
  ...needs("images and history show what there is", anyUser),
  async fn() {
    await using registry = new FaultyRegistry();
    await using it = await fresh();
    const { config, diffIds } = await registry.addImage(
      "box",
      "1",
      LAYERS,
      hostPlatform(),
      DETAILS,
    );
    const name = `${registry.host}/box`;
    await it.run("pull", "-q", `${name}:1`);
    await it.run("tag", `${name}:1`, "own");
    const id = config.digest.slice("sha256:".length, "sha256:".length + 12);

    const table = (await it.run("images")).stdout.replace(/\d+ years/g, "N years");
    const width = Math.max(name.length, "REPOSITORY".length) + 3;
    const line = (first: string, ...rest: string[]) => first.padEnd(width) + rest.join("   ");
    assertEquals(
      table.split("\n"),
      [
        line("REPOSITORY", "TAG   ", "IMAGE ID    ", "CREATED      ", "SIZE"),
        line(name, "1     ", id, "N years ago", "4.1kB"),
        line("own", "latest", id, "N years ago", "4.1kB"),
        "",
      ].map((text, i) => i === 0 ? text.replace("CREATED      ", "CREATED    ") : text),
    );

    const rows = (await it.run("images", "--format", "json", "own")).stdout.trim().split("\n");
    assertEquals(rows.length, 1);
    const { CreatedSince: _, Digest, ...row } = JSON.parse(rows[0]);
    assertEquals(row, {
      Repository: "own",
      Tag: "latest",
      ID: id,
      CreatedAt: DETAILS.created,
      Size: "4.1kB",
    });
    assertMatch(Digest, /^sha256:[0-9a-f]{64}$/);
    assertEquals((await it.run("images", "-q")).stdout, `${id}\n`);
    assertEquals(
      (await it.run("images", "-q", "--no-trunc", "own:latest")).stdout,
      `${config.digest}\n`,
    );
    assertEquals((await it.run("images", "-q", "other")).stdout, "");

    const [known] = JSON.parse((await it.run("image", "inspect", "own")).stdout);
    const compact = (await it.run("image", "inspect", "-f", "json", "own")).stdout;
    assertEquals([compact.split("\n").length, JSON.parse(compact)], [2, known]);
    assertEquals(known.RepoTags, [`${name}:1`, "own:latest"]);
    assertEquals([known.Id, known.Created, known.Size], [config.digest, DETAILS.created, 4096]);
    assertEquals([known.RootFS.Layers, known.Config], [diffIds, { Cmd: ["sh"] }]);
    const directories = known.GraphDriver.Data.LowerDir.split(":");
    assertEquals(directories.map((path: string) => [...Deno.readDirSync(`${path}/etc`)][0].name), [
      "two",
      "one",
    ]);
    assertEquals(await it.run("image", "ls", "-q"), await it.run("images", "-q"));

    const steps = (await it.run("history", id.slice(0, 6))).stdout.replace(/\d+ years/g, "N years");
    assertEquals(steps.split("\n").map((line) => line.split(/ {3,}/)), [
      ["IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"],
      [id, "N years ago", "ADD two /", "2.05kB", "the second"],
      ["<missing>", "N years ago", 'CMD ["sh"]', "0B"],
      // What the image's author wrote must not act on the terminal.
      ["<missing>", "N years ago", "ADD one [31m /", "2.05kB"],
      [""],
    ]);
  },
});

Deno.test({
  ...needs("rmi removes an image with its last name, and what others need stays", anyUser),
  async fn() {
    await using registry = new FaultyRegistry();
    await using it = await fresh();
    const [common, own] = LAYERS;
    const first = await registry.addImage("a", "1", [common, own], hostPlatform());
    await registry.addImage("b", "1", [common], hostPlatform());
    const [a, b] = ["a", "b"].map((name) => `${registry.host}/${name}:1`);
    await it.run("pull", "-q", a, b);
    await it.run("tag", a, "other:name");

    assertEquals((await it.run("rmi", "other:name")).stdout, "Untagged: other:name\n");
    const removed = (await it.run("rmi", a)).stdout.trim().split("\n");
    assertEquals(removed[0], `Untagged: ${a}`);
    assertEquals(
      removed.slice(1).sort(),
      [
        `Deleted: ${first.descriptor.digest}`,
        `Deleted: ${first.config.digest}`,
        `Deleted: ${first.diffIds[1]}`,
      ].sort(),
    );
    const layers = () => Array.from(Deno.readDirSync(`${it.root.path}/layers`), ({ name }) => name);
    assertEquals(layers(), [first.diffIds[0].slice("sha256:".length, "sha256:".length + 24)]);

    assertEquals((await it.run("rmi", b)).code, 0);
    assertEquals(layers(), []);
    assertEquals([...Deno.readDirSync(`${it.root.path}/images/blobs/sha256`)], []);
    assertEquals([...Deno.readDirSync(`${it.root.path}/tmp`)], []);
    assertEquals(await it.run("rmi", b), {
      code: 1,
      stdout: "",
      stderr: `tiffin: no image is called ${b}: tiffin images lists those that are there\n`,
    });
  },
});

Deno.test({
  ...needs("images --filter, in Docker's words; rmi goes on after one that cannot go", anyUser),
  async fn() {
    await using registry = new FaultyRegistry();
    await using it = await fresh();
    const labelled = { Labels: { color: "red" } };
    for (const [tag, year, config] of [["1", 2020, labelled], ["2", 2022, {}]] as const) {
      const details = { created: `${year}-01-01T00:00:00Z`, config };
      await registry.addImage("deep/box", tag, LAYERS, hostPlatform(), details);
      await it.run("pull", "-q", `${registry.host}/deep/box:${tag}`);
    }
    const name = `${registry.host}/deep/box`;
    const tags = async (...filters: string[]) => {
      const words = filters.flatMap((filter) => ["-f", filter]);
      const { stdout, stderr } = await it.run("images", "-a", "--format=json", ...words);
      assertEquals(stderr, "");
      return stdout.trim().split("\n").filter(Boolean).map((row) => JSON.parse(row).Tag).join();
    };
    assertEquals(await tags(), "2,1");
    assertEquals(await tags(`reference=${registry.host}/*/b?x:1`), "1");
    assertEquals(await tags(`reference=${registry.host}/*`), "", "a star stops at a slash");
    assertEquals(await tags("label=color"), "1");
    assertEquals(await tags("label!=color=red"), "2");
    assertEquals(await tags("dangling=true"), "");
    assertEquals(await tags("dangling=false", "until=2021-01-01"), "1");
    assertEquals(await tags(`before=${name}:2`), "1");
    assertEquals(await tags(`since=${name}:1`), "2");
    const wrong = await it.run("images", "-f", "colour=red");
    assertEquals(wrong.code, 125);
    assertStringIncludes(wrong.stderr, "is none of reference=…, label=…");

    const removed = await it.run("rmi", "nosuch", `${name}:1`);
    assertEquals(removed.code, 1);
    assertMatch(removed.stderr, /^tiffin: no image is called nosuch: [^\n]*\n$/);
    assertStringIncludes(removed.stdout, `Untagged: ${name}:1\n`);
  },
});

Deno.test({
  ...needs("rmi of an ID that has several names wants to be sure", anyUser),
  async fn() {
    await using it = await fresh();
    await it.run("run", "local", "true");
    await it.run("tag", "local", "mine");
    const id = (await it.run("images", "-q")).stdout.trim();
    const { code, stderr } = await it.run("rmi", id);
    assertEquals({ code, stderr }, {
      code: 1,
      stderr: `tiffin: ${id} has several names (local, mine:latest): give one, or -f for all\n`,
    });
    assertMatch(
      (await it.run("rmi", "-f", id)).stdout,
      /^Untagged: local\nUntagged: mine:latest\n/,
    );
    assertEquals((await it.run("images", "-q")).stdout, "");
  },
});

Deno.test({
  ...needs("rmi leaves an image that a container runs on, and layers that it shares", anyUser),
  async fn() {
    const root = { root: box.path };
    const rmi = (...words: string[]) => runTiffin(["rmi", ...words], root);
    await runTiffin(["tag", "local", "running:1"], root);
    await using talk = box.start(["running:1", "sh", "-c", "echo up; read line; ls -d /etc"]);
    await talk.hear(/up/);
    // The other name of the image goes; the last one stays.
    assertEquals((await rmi("local")).stdout, "Untagged: local\n");
    const { code, stderr } = await rmi("running:1");
    assertEquals(code, 1);
    assertMatch(
      stderr,
      /^tiffin: running:1 is in use by the container [0-9a-f]{12}: -f takes the name alone\n$/,
    );
    // The name moves on to another image; the container still leads to its own.
    await runTiffin(["import", "-", "running:1"], { ...root, stdin: LAYERS[0] });
    assertEquals((await rmi("running:1")).stdout.split("\n").length, 5);
    await runTiffin(["image", "prune", "-f"], root);
    await talk.say("\n");
    assertEquals((await talk.end()).stdout, "/etc\n");
    const pruned = (await runTiffin(["image", "prune", "-f"], root)).stdout.split("\n");
    assertEquals(pruned.filter((line) => line.startsWith("deleted: ")).length, 4);
    assertEquals((await box.run(["local", "true"])).code, 0);
  },
});

Deno.test({
  ...needs("load takes an archive from a file or a pipe, and says what it found", anyUser),
  async fn() {
    await using it = await fresh();
    const config = {
      ...hostPlatform(),
      config: { Cmd: ["sh"] },
      rootfs: { type: "layers", diff_ids: [await digestOf(LAYERS[0])] },
    };
    const image = { Config: "c.json", RepoTags: ["saved:1"], Layers: ["1/layer.tar"] };
    const archive = tarball(
      { name: "1/layer.tar", type: "file", content: LAYERS[0] },
      file("c.json", JSON.stringify(config)),
      file("manifest.json", JSON.stringify([image])),
    );
    const path = `${it.root.path}/saved.tar`;
    await Deno.writeFile(path, archive);
    const loaded = { code: 0, stdout: "Loaded image: saved:1\n", stderr: "" };
    assertEquals(await it.run("load", "-i", path), loaded);
    assertEquals(await runTiffin(["load"], { root: it.root.path, stdin: archive }), loaded);
    assertEquals((await it.run("load", "-q", "--input", path)).stdout, "saved:1\n");

    assertEquals(
      (await it.run("load", "-i", "/no")).stderr.split("\n")[0],
      "tiffin: --input: there is no file or directory /no",
    );
    assertEquals(
      (await it.run("load", path)).stderr.split("\n")[0],
      `tiffin: load takes no names: load -i ${path}`,
    );
    const nothing = await it.run("load");
    assertEquals(nothing.code, 1);
    assert(nothing.stderr.startsWith("tiffin: "));
    assert(!nothing.stderr.includes("mistake"), nothing.stderr);
  },
});

async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return `sha256:${new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex()}`;
}

Deno.test({
  ...needs("import makes an image of a tar, and points to other ways for the rest", anyUser),
  async fn() {
    await using it = await fresh();
    const path = `${it.root.path}/rootfs.tar`;
    await Deno.writeFile(path, LAYERS[0]);
    const imported = await it.run(
      "import",
      "-c",
      'CMD ["/bin/sh"]',
      "-m",
      "by hand",
      path,
      "mine:1",
    );
    assertEquals(imported.code, 0, imported.stderr);
    assertMatch(imported.stdout, /^sha256:[0-9a-f]{64}\n$/);
    assertEquals((await it.run("images", "-q", "--no-trunc", "mine:1")).stdout, imported.stdout);
    assertMatch((await it.run("history", "mine:1")).stdout, /by hand\n$/);
    const piped = await runTiffin(["import", "-", "mine:2"], {
      root: it.root.path,
      stdin: LAYERS[1],
    });
    assertEquals(piped.code, 0, piped.stderr);

    const firstLine = async (...args: string[]) =>
      (await it.run("import", ...args)).stderr.split("\n")[0];
    assertEquals(
      await firstLine("https://example.org/x.tar", "x:1"),
      "tiffin: import takes no URL: curl -L https://example.org/x.tar | tiffin import - x:1",
    );
    assertEquals(
      await firstLine("/etc", "x:1"),
      "tiffin: /etc is a directory: tar -C /etc -c . | tiffin import - x:1, " +
        "or, without an image: tiffin run --rootfs /etc sh",
    );
    assertEquals(await firstLine("/no", "x:1"), "tiffin: there is no file /no");
    assertEquals(
      await firstLine(path),
      "tiffin: import needs a file and a name: import rootfs.tar mine:1",
    );
    assertMatch(await firstLine("-c", "RUN ls", path, "x:1"), /^tiffin: change "RUN ls": /);
  },
});

Deno.test({
  ...needs("Ctrl-C stops a pull, and leaves a clean screen and exit code 130", {
    ...anyUser,
    programs: ["script"],
  }),
  async fn() {
    await using registry = new FaultyRegistry();
    await using it = await fresh();
    const { layers } = await registry.addImage(
      "box",
      "1",
      [new Uint8Array(100_000)],
      hostPlatform(),
    );
    registry.fault(`GET /v2/box/blobs/${layers[0].digest}`, (_, honest) => stall(honest, 50_000));
    const command = tiffin("pull", `${registry.host}/box:1`).join(" ");
    const child = new Deno.Command("script", {
      args: ["--quiet", "--return", "--command", command, "/dev/null"],
      env: { TIFFIN_ROOT: it.root.path, TERM: "xterm" },
      cwd: project,
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const keyboard = child.stdin.getWriter();
    let [screen, isTyped] = ["", false];
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      screen += text;
      // As typed at the terminal: its driver makes a signal of it.
      if (isTyped || !/\] +\d+(\.\d+)?kB of 100kB/.test(text)) continue;
      await keyboard.write(new Uint8Array([3]));
      isTyped = true;
    }
    await keyboard.close().catch(() => {});
    assertEquals((await child.status).code, 130, screen);
    // The last thing is that the bars are erased: up to the first of them, and all below.
    assert(screen.endsWith("\x1b[2A\r\x1b[J"), screen);
    assertEquals((await it.run("images", "-q")).stdout, "");
  },
});

Deno.test({
  ...needs("run takes an ID, or its beginning, and nobody can take an ID for a name", anyUser),
  async fn() {
    await using it = await fresh();
    const says = async (image: string) => {
      const { stdout, stderr } = await it.run("run", "--rm", image, "echo", "ran");
      return stdout || stderr;
    };
    assertEquals(await says("local"), "ran\n");
    const id = (await it.run("images", "-q", "--no-trunc")).stdout.trim();
    for (const text of [id, id.slice(7), id.slice(7, 19), id.slice(0, 12)]) {
      assertEquals(await says(text), "ran\n", text);
    }
    assertStringIncludes(await says(`sha256:${"0".repeat(64)}`), "no image has the ID sha256:0");
    const hostile = await it.run("tag", "local", id);
    assertStringIncludes(hostile.stderr, "what begins with sha256: is an image ID, not a name");
  },
});
