/**
 * Pushing: what goes over the wire, what does not, and what becomes of cuts and refusals.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { MEDIA_TYPE } from "../../../runtime/images/manifest.ts";
import { pull } from "../../../runtime/images/pull.ts";
import { push, type PushEvent, type PushOptions } from "../../../runtime/images/push.ts";
import { parseReference } from "../../../runtime/images/reference.ts";
import { ImageStore, StoreError } from "../../../runtime/images/store.ts";
import {
  pushWithSkopeo,
  registryPrograms,
  skopeo,
  startDockerRegistry,
} from "../../helpers/docker_registry.ts";
import { errorReply } from "../../helpers/faulty_registry.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { noise } from "./pull_fixture.ts";
import { fails, nobody, patience } from "./registry_client.ts";
import { UploadRegistry } from "./upload_registry.ts";

/** More than goes in one request. */
const LARGE = 9_000_000;

/** A store with the image `HOST/a:1` of a large and a small layer, and the registry that it names. */
async function start(sizes = [LARGE, 3000]) {
  const root = await tempRoot();
  const registry = new UploadRegistry();
  const store = new ImageStore(root.path);
  const events: PushEvent[] = [];
  const layers = [];
  for (const [seed, size] of sizes.entries()) {
    layers.push({ mediaType: MEDIA_TYPE.OCI_LAYER, ...await store.writeBlob(noise(size, seed)) });
  }
  const json = (value: unknown) => store.writeBlob(new TextEncoder().encode(JSON.stringify(value)));
  const rootfs = { type: "layers", diff_ids: layers.map(({ digest }) => digest) };
  const config = await json({ os: "linux", architecture: "amd64", rootfs });
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.OCI_MANIFEST,
    config: { mediaType: MEDIA_TYPE.OCI_CONFIG, ...config },
    layers,
  };
  const descriptor = { mediaType: MEDIA_TYPE.OCI_MANIFEST, ...await json(manifest) };
  const name = (rest: string) => `${registry.host}/${rest}`;
  await store.tag(name("a:1"), descriptor);
  return {
    registry,
    store,
    events,
    layers,
    config,
    descriptor,
    name,
    push: (rest = "a:1", options: PushOptions = {}) =>
      push(store, parseReference(name(rest)), {
        patience,
        credentials: nobody,
        onEvent: (event) => events.push(event),
        ...options,
      }),
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await root[Symbol.asyncDispose]();
    },
  };
}

/** All of the image is there, as it was. */
async function assertThere(it: Awaited<ReturnType<typeof start>>, repository = "a") {
  for (const { digest, size } of [...it.layers, it.config]) {
    const there = it.registry.blobs.get(`${repository}@${digest}`);
    assertEquals(there, await it.store.readBlob(digest, size));
  }
  const { bytes, mediaType } = it.registry.manifests.get(`${repository}:1`)!;
  assertEquals(bytes, await it.store.readBlob(it.descriptor.digest, it.descriptor.size));
  assertEquals(mediaType, MEDIA_TYPE.OCI_MANIFEST);
}

Deno.test("a push sends the blobs, then the manifest, and says what it does", async () => {
  await using it = await start();
  const { digest, size } = it.descriptor;
  assertEquals(await it.push(), { digest, size });
  await assertThere(it);
  assertEquals(it.registry.asked.at(-1), "PUT /v2/a/manifests/1");
  const [large, small] = it.layers;
  const states = (wanted: string) =>
    it.events.flatMap((event) => {
      return event.kind === "layer" && event.digest === wanted ? [event.state] : [];
    }).filter((state, i, all) => state !== all[i - 1]);
  assertEquals(states(large.digest), ["looking", "uploading", "pushed"]);
  assertEquals(states(small.digest), ["looking", "uploading", "pushed"]);
  assertEquals(it.registry.count("PATCH "), 1, "the large one goes as one stream");

  it.registry.asked.length = 0;
  await it.push();
  assertEquals(it.registry.count("POST "), 0, "nothing is sent a second time");
});

Deno.test("a layer is taken from another repository that the image was pushed to", async () => {
  await using it = await start();
  await it.push();
  await it.store.tag(it.name("b/c:1"), it.descriptor);
  await it.push("b/c:1");
  await assertThere(it, "b/c");
  const [{ digest }] = it.layers;
  const mount = `POST /v2/b/c/blobs/uploads/?mount=${encodeURIComponent(digest)}&from=a`;
  assertEquals(it.registry.count(mount), 1);
  assertEquals(it.registry.count("PATCH "), 1, "only the first push sent it");

  // A registry that does not mount says where to send it instead.
  await it.store.tag(it.name("d:1"), it.descriptor);
  it.registry.blobs.clear();
  await it.push("d:1");
  await assertThere(it, "d");
});

Deno.test("a cut upload goes on where it was cut, or from the beginning", async () => {
  for (const forgets of [false, true]) {
    await using it = await start();
    let cuts = 2;
    it.registry.fault = async (request) => {
      if (request.method === "GET" && forgets) return errorReply(404, "BLOB_UPLOAD_UNKNOWN", "");
      if (request.method !== "PATCH" || cuts-- <= 0) return undefined;
      await it.registry.takePart(request, 1_000_000);
      return new Response(null, { status: 503 });
    };
    await it.push();
    await assertThere(it);
    const begun = it.registry.count("POST ");
    assertEquals(begun, forgets ? 5 : 3);
    const retries = it.events.filter(({ kind }) => kind === "retry");
    assertEquals(retries.length, 2, JSON.stringify(retries));
  }
});

Deno.test("what the registry has kept of a cut upload is not sent again", async () => {
  await using it = await start();
  const ranges: (string | null)[] = [];
  let failures = 1;
  it.registry.fault = (request) => {
    if (request.method === "PATCH") ranges.push(request.headers.get("content-range"));
    // The blob has come whole, and then the last word on it fails.
    const isLast = request.method === "PUT" && request.url.includes("blobs") &&
      request.url.includes("state=9000000");
    return isLast && failures-- > 0 ? new Response(null, { status: 502 }) : undefined;
  };
  await it.push();
  await assertThere(it);
  assertEquals(ranges, [null], "it was sent once");
});

Deno.test("refusals are told, and the manifest is not sent", async () => {
  const refusals: [number, string, string, string][] = [
    [403, "DENIED", "denied", "may not write to it"],
    [500, "UNKNOWN", "server", "answered 500"],
    [413, "SIZE_INVALID", "server", "SIZE_INVALID: too large"],
  ];
  for (const [status, code, kind, words] of refusals) {
    await using it = await start([3000]);
    it.registry.fault = ({ method, url }) => {
      if (method === "HEAD" || !url.includes("blobs")) return undefined;
      return errorReply(status, code, "too large");
    };
    await fails(() => it.push(), kind as "denied", words);
    assertEquals(it.registry.count("PUT /v2/a/manifests"), 0);
    assertEquals([...Deno.readDirSync(`${it.store.root}/tmp`)], []);
  }
});

Deno.test("an upload is not led astray", async () => {
  const ways: [string, string][] = [
    ["ftp://elsewhere/", "which is not HTTP"],
    ["http://[", "which is not a URL"],
  ];
  for (const [location, words] of ways) {
    await using it = await start([3000]);
    it.registry.fault = ({ method }) => {
      return method === "POST"
        ? new Response(null, { status: 202, headers: { location } })
        : undefined;
    };
    await fails(() => it.push(), "server", words);
  }
  // To another host without the password.
  await using it = await start([3000]);
  await using elsewhere = new UploadRegistry();
  let seen: string | null = "";
  elsewhere.fault = ({ headers }) => {
    seen = headers.get("authorization");
    return new Response(null, { status: 201 });
  };
  it.registry.fault = ({ method, headers }) => {
    if (headers.get("authorization") === null) {
      return new Response(null, { status: 401, headers: { "www-authenticate": "Basic realm=x" } });
    }
    if (method !== "POST") return undefined;
    const location = `http://${elsewhere.host}/there`;
    return new Response(null, { status: 202, headers: { location } });
  };
  const login = { username: "u", password: "p" };
  await it.push("a:1", { credentials: () => Promise.resolve(login) });
  assertEquals(elsewhere.count("PUT /there?digest="), 2);
  assertEquals(seen, null);
});

Deno.test("the token is for reading and writing, and for the repository to mount from", async () => {
  await using it = await start([3000]);
  await it.push();
  await it.store.tag(it.name("b:1"), it.descriptor);
  const asked: string[] = [];
  await using tokens = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const scopes = new URL(request.url).searchParams.getAll("scope").join(" ");
    asked.push(scopes);
    return Response.json({ token: btoa(scopes) });
  });
  const realm = `http://127.0.0.1:${tokens.addr.port}/token`;
  it.registry.fault = ({ url, headers }) => {
    const token = headers.get("authorization")?.replace("Bearer ", "") ?? "";
    const needed = url.includes("mount=") ? "repository:a:pull" : "repository:b:pull,push";
    if (atob(token).split(" ").includes(needed)) return undefined;
    const challenge = `Bearer realm="${realm}",service="s"`;
    return new Response(null, { status: 401, headers: { "www-authenticate": challenge } });
  };
  await it.store.tag(it.name("b:1"), it.descriptor);
  await it.push("b:1");
  await assertThere(it, "b");
  assertEquals([...new Set(asked)], [
    "repository:b:pull,push",
    "repository:b:pull,push repository:a:pull",
  ]);
});

Deno.test("an image that is not whole is not begun with", async () => {
  await using it = await start([3000]);
  Deno.removeSync(it.store.blobPath(it.layers[0].digest));
  await assertRejects(() => it.push(), StoreError, "is not in the store: pull or load");
  await assertRejects(() => it.push("none:1"), StoreError, "tag an image with this name first");
  assertEquals(it.registry.asked, []);
});

Deno.test("an abort ends a push with its reason", async () => {
  await using it = await start();
  const stop = new AbortController();
  const onEvent = (event: PushEvent) => {
    if (event.kind === "layer" && event.state === "uploading") stop.abort(new Error("enough"));
  };
  await assertRejects(() => it.push("a:1", { signal: stop.signal, onEvent }), Error, "enough");
  assertEquals(it.registry.count("PUT /v2/a/manifests"), 0);
});

Deno.test({
  ...needs("docker-registry and skopeo take what is pushed, in both formats", {
    programs: registryPrograms,
  }),
  async fn() {
    await using root = await tempRoot();
    await using registry = await startDockerRegistry(root.path);
    const store = new ImageStore(`${root.path}/data`);
    const credentials = nobody;
    const files: Record<string, string>[] = [{ "bin/sh": "#!" }, {
      "etc/large": "0123456789".repeat(1_000_000),
    }];
    for (const format of ["oci", "v2s2"] as const) {
      const name = `${registry.host}/from:${format}`;
      await pushWithSkopeo(root.path, `docker://${name}`, files, format);
      const { descriptor } = await pull(store, parseReference(name), { credentials });
      const copy = `${registry.host}/to/deep:${format}`;
      await store.tag(copy, descriptor);
      const { digest } = await push(store, parseReference(copy), { credentials });
      assertEquals(digest, descriptor.digest);
      const inspect = (name: string) =>
        skopeo("inspect", "--tls-verify=false", "--raw", `docker://${name}`);
      assertEquals(await inspect(copy), await inspect(name));
      await skopeo(
        "copy",
        "--src-tls-verify=false",
        `docker://${copy}`,
        `dir:${root.path}/${format}`,
      );
    }
  },
});
