/**
 * `pull` as a person meets it: many tags, keys, limits, and a pull that cannot go on.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { hostPlatform } from "../../runtime/images/platform.ts";
import { FaultyRegistry, stall } from "../helpers/faulty_registry.ts";
import { needs } from "../helpers/needs.ts";
import { runTiffin } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { names, noise } from "../runtime/images/pull_fixture.ts";
import { addDocument, addSignatures, newSigner, simpleSigning } from "../runtime/images/signing.ts";
import { type Content, tarball } from "../runtime/images/tarballs.ts";
import { anyUser, tiffin, until } from "./box.ts";

/** A registry with `box`, and a data root of the test's own. */
async function start(...contents: Content[][]) {
  const root = await tempRoot();
  const registry = new FaultyRegistry();
  const layers = contents.map((entries) => tarball(...entries));
  const image = await registry.addImage("box", "1", layers, hostPlatform());
  const data = `${root.path}/data`;
  return {
    root,
    data,
    registry,
    image,
    name: `${registry.host}/box:1`,
    run: (...args: string[]) => runTiffin(args, { root: data }),
    /** Nothing half made is in the store. */
    isTidy() {
      assertEquals(names(`${data}/tmp`), []);
      assertEquals(names(`${data}/layers`), []);
    },
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await root[Symbol.asyncDispose]();
    },
  };
}

const file = (name: string, content: string | Uint8Array = name): Content => ({
  name,
  type: "file",
  content,
});

Deno.test({
  ...needs("pull --all-tags takes each image, and leaves what is none", anyUser),
  async fn() {
    await using it = await start([file("one")]);
    const { registry } = it;
    await registry.addImage("box", "2", [tarball(file("two"))], hostPlatform());
    const tags = ["1", "2", `sha256-${"0".repeat(64)}.sig`, `sha256-${"0".repeat(64)}`];
    registry.fault("GET /v2/box/tags/list", () => Response.json({ name: "box", tags }));
    const box = `${registry.host}/box`;
    const pulled = await it.run("pull", "-a", "-q", box);
    assertEquals(pulled, { code: 0, stdout: `${box}:1\n${box}:2\n`, stderr: "" });
    assertEquals((await it.run("images", "-q")).stdout.trim().split("\n").length, 2);

    const tagged = await it.run("pull", "--all-tags", `${box}:1`);
    assertEquals(tagged.code, 1);
    assertStringIncludes(tagged.stderr, "--all-tags takes a name without tag and digest");
  },
});

Deno.test({
  ...needs("pull --verify takes what is signed, and nothing of what is not", anyUser),
  async fn() {
    await using it = await start([file("one")]);
    const { registry, image: { descriptor: { digest } } } = it;
    const signer = await newSigner();
    const key = `${it.root.path}/cosign.pub`;
    await Deno.writeTextFile(key, signer.pem);
    const refused = await it.run("pull", "--verify", key, it.name);
    assertEquals([refused.code, refused.stdout], [1, ""]);
    assertStringIncludes(refused.stderr, `tiffin: the signature of ${digest} cannot be relied on`);
    assertEquals(names(`${it.data}/images/blobs/sha256`), []);

    const payload = simpleSigning(digest);
    const signature = (await signer.sign(payload)).toBase64();
    const document = await addDocument(registry, payload, signature);
    await addSignatures(registry, [document], { tag: `${digest.replace(":", "-")}.sig` });
    const pulled = await it.run("pull", "--verify", key, it.name);
    assertEquals(pulled.code, 0, pulled.stderr);
    assertStringIncludes(pulled.stdout, `Digest: ${digest}\nSignature: made with ${key}\n`);

    const missing = await it.run("pull", "--verify", "/no/key", it.name);
    assertEquals(missing.code, 125);
    assertStringIncludes(missing.stderr, `--verify: "/no/key" is not a file`);
  },
});

Deno.test({
  ...needs("pull says how a limit is raised, and raises it", anyUser),
  async fn() {
    await using it = await start([file("one", noise(50_000, 1)), file("two")]);
    for (const [flag, value] of [["--max-layer-size", "10k"], ["--max-layer-entries", "1"]]) {
      const refused = await it.run("pull", flag, value, it.name);
      assertEquals(refused.code, 1);
      assertStringIncludes(refused.stderr, `if you trust the image, tiffin pull ${flag} raises`);
      it.isTidy();
    }
    const wrong = await it.run("pull", "--max-layer-size", "huge", it.name);
    assertEquals(wrong.code, 125);
    const limits = ["--max-layer-size", "1m", "--max-layer-entries", "2"];
    assertEquals((await it.run("pull", ...limits, it.name)).code, 0);
  },
});

Deno.test({
  ...needs("pull takes several images, and stops at the first that fails", anyUser),
  async fn() {
    await using it = await start([file("one")]);
    const { registry, name } = it;
    await registry.addImage("other", "2", [tarball(file("two"))], hostPlatform());
    const other = `${registry.host}/other:2`;
    assertEquals((await it.run("pull", "-q", name, other)).stdout, `${name}\n${other}\n`);
    const failing = await it.run("pull", "-q", name, `${registry.host}/nosuch`, other);
    assertEquals([failing.code, failing.stdout], [1, `${name}\n`]);
    assertMatch(failing.stderr, /asked for the manifest of nosuch:latest, but it answered 404/);
  },
});

for (const quiet of [true, false]) {
  Deno.test({
    ...needs(`a pull that is stopped ${quiet ? "quietly" : "with lines"} is tidy`, anyUser),
    async fn() {
      await using it = await start([file("one", noise(200_000, 1))]);
      const { registry, image, data } = it;
      const path = `GET /v2/box/blobs/${image.layers[0].digest}`;
      registry.fault(path, (_, honest) => stall(honest, 100_000));
      const [program, ...args] = tiffin("pull", ...(quiet ? ["-q"] : []), it.name);
      const child = new Deno.Command(program, {
        args,
        env: { TIFFIN_ROOT: data },
        stdout: "null",
        stderr: "null",
      }).spawn();
      const isUnpacking = () => registry.count(path) > 0 && layerIsBegun(data);
      await until(isUnpacking, () => "the layer is unpacked while it comes");
      child.kill("SIGINT");
      assertEquals((await child.status).code, 130);
      it.isTidy();
      assertEquals(names(`${data}/cache/downloads`).length, 1, "the next pull goes on with it");
    },
  });
}

function layerIsBegun(data: string): boolean {
  try {
    return names(`${data}/tmp`).some((name) => name.startsWith("layer-"));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test({
  ...needs("a registry that goes away in the middle is told, and what came is kept", anyUser),
  async fn() {
    await using it = await start([file("one", noise(3_000_000, 1))]);
    const { registry, image, name } = it;
    const path = `GET /v2/box/blobs/${image.layers[0].digest}`;
    const gone = registry.host;
    registry.fault(path, async (_, honest) => {
      const { status, headers } = honest;
      const bytes = (await honest.bytes()).subarray(0, 1_000_000);
      const body = async function* () {
        yield bytes;
        await new Promise((resolve) => setTimeout(resolve, 200));
        registry[Symbol.asyncDispose]();
        throw new Error("gone");
      };
      return new Response(ReadableStream.from(body()), { status, headers });
    });
    const { code, stderr } = await it.run("pull", name);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "; trying again in 0.5 s");
    assertStringIncludes(stderr, `tiffin: ${gone}: asked for blob ${image.layers[0].digest}`);
    assertStringIncludes(stderr, "no connection could be made");
    it.isTidy();
    const [kept] = names(`${it.data}/cache/downloads`);
    assertEquals(Deno.statSync(`${it.data}/cache/downloads/${kept}`).size, 1_000_000);
  },
});

Deno.test({
  ...needs("a full disk is told as what it is, and is given back what was taken", {
    root: true,
    programs: ["unshare", "mount"],
  }),
  async fn() {
    await using it = await start([file("one", noise(3_000_000, 1))]);
    const script = `mount -t tmpfs -o size=2m tmpfs "$1" && shift && "$@"
code=$?
find "$TIFFIN_ROOT/tmp" "$TIFFIN_ROOT/layers" -mindepth 1
exit $code`;
    await Deno.mkdir(it.data);
    const { code, stdout, stderr } = await new Deno.Command("unshare", {
      args: ["--mount", "sh", "-c", script, "sh", it.data, ...tiffin("pull", it.name)],
      env: { TIFFIN_ROOT: it.data, NO_COLOR: "1" },
    }).output();
    const [left, said] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertEquals(code, 1, said);
    assertStringIncludes(said, `the disk of ${it.data} is full`);
    assertEquals(left, "", "what is left on the disk");
  },
});
