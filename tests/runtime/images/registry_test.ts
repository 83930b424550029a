/**
 * The registry client against a registry that misbehaves.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertRejects } from "@std/assert/rejects";
import { assertStringIncludes } from "@std/assert/string-includes";
import { assertThrows } from "@std/assert/throws";
import { redirectTarget, retryAfter } from "../../../runtime/images/http.ts";
import { ManifestError, MEDIA_TYPE } from "../../../runtime/images/manifest.ts";
import { Registry } from "../../../runtime/images/registry.ts";
import { RegistryError } from "../../../runtime/images/registry_error.ts";
import {
  endless,
  errorReply,
  type Fault,
  FaultyRegistry,
  requireToken,
  stall,
} from "../../helpers/faulty_registry.ts";
import { client, fails, hasty, nobody, patience } from "./registry_client.ts";

const layer = new TextEncoder().encode("not really a tar, but nobody looks here");

async function text(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  let all = "";
  for await (const piece of pieces) all += new TextDecoder().decode(piece);
  return all;
}

Deno.test("manifests and blobs come by tag and by digest, and nothing else is asked for", async () => {
  await using registry = new FaultyRegistry();
  const image = await registry.addImage("a/b", "1", [layer]);
  const it = client(registry);
  const { platform: _, ...descriptor } = image.descriptor;
  for (const version of ["1", descriptor.digest]) {
    const fetched = await it.manifest(version);
    assertEquals(fetched.descriptor, descriptor);
    assertEquals(fetched.bytes, registry.manifests.get("a/b:1")?.bytes);
  }
  const accept = registry.asked[0].headers.get("accept") ?? "";
  const { OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST } = MEDIA_TYPE;
  for (const type of [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST]) {
    assertStringIncludes(accept, type);
  }
  const whole = await it.blob(image.layers[0]);
  assertEquals([whole.offset, await text(whole.reply.pieces())], [
    0,
    new TextDecoder().decode(layer),
  ]);
  const rest = await it.blob(image.layers[0], 10);
  assertEquals([rest.offset, await text(rest.reply.pieces())], [
    10,
    new TextDecoder().decode(layer.subarray(10)),
  ]);
  assertEquals(registry.asked.length, 4);
});

Deno.test("429 and 5xx pass: they are waited out, as long as the server says", async () => {
  await using registry = new FaultyRegistry();
  await registry.addImage("a/b", "1", [layer]);
  const busy: Fault = () => errorReply(429, "TOOMANYREQUESTS", "slow down", { "retry-after": "1" });
  registry.fault("GET", busy, 1);
  registry.fault("GET", () => errorReply(500, "UNKNOWN", "oh"), 1);
  const retries: [string, number][] = [];
  const onRetry = (reason: string, pause: number) => retries.push([reason, pause]);
  const before = performance.now();
  await client(registry, { onRetry }).manifest("1");
  assert(performance.now() - before >= 1000, "Retry-After was kept to");
  assertEquals(retries, [[`${registry.host} answered 429`, 1000], [
    `${registry.host} answered 500`,
    10,
  ]]);
});

Deno.test("what does not pass is an error of its kind", async () => {
  await using registry = new FaultyRegistry();
  await registry.addImage("a/b", "1", [layer]);
  const one = (fault: Fault) => {
    const before = registry.asked.length;
    registry.fault("GET", fault, patience.attempts);
    return async () => {
      try {
        await client(registry).manifest("1");
      } finally {
        // What the client did not ask for any more shall not meet the next one.
        while (registry.asked.length < before + patience.attempts) {
          await (await fetch(`http://${registry.host}/`)).body?.cancel();
        }
      }
    };
  };
  const broken = () => errorReply(503, "UNAVAILABLE", "maintenance");
  await fails(
    one(broken),
    "server",
    "it answered 503 (UNAVAILABLE: maintenance)",
    "try again later",
  );
  const busy = () => errorReply(429, "TOOMANYREQUESTS", "", { "retry-after": "3600" });
  await fails(one(busy), "rate-limited", "Retry-After: 3600", "log in");
  await fails(one(() => errorReply(403, "DENIED", "no\u001b[2J")), "denied", "(DENIED: no [2J)");
  await fails(one(() => new Response("<html>", { status: 404 })), "not-found", "it answered 404:");
  await fails(
    () => client(registry).manifest("2"),
    "not-found",
    "the manifest of a/b:2",
    "manifest unknown",
  );
  await fails(one(() => new Response(null, { status: 304 })), "server", "304");
});

Deno.test("a redirect is followed, and to another host without the password", async () => {
  await using registry = new FaultyRegistry();
  await using storage = new FaultyRegistry();
  const image = await registry.addImage("a/b", "1", [layer]);
  await storage.addImage("a/b", "1", [layer]);
  const path = `/v2/a/b/blobs/${image.layers[0].digest}`;
  registry.fault("GET", (request, honest) => {
    if (!request.headers.has("authorization")) {
      return errorReply(401, "UNAUTHORIZED", "", { "www-authenticate": "Basic" });
    }
    if (request.url.endsWith("/manifests/1")) {
      return Response.redirect(request.url.replace(/1$/, "2"));
    }
    if (request.url.endsWith(path)) return Response.redirect(`http://${storage.host}${path}`, 307);
    return honest;
  });
  registry.manifests.set("a/b:2", registry.manifests.get("a/b:1")!);
  const credentials = () => Promise.resolve({ username: "user", password: "pass" });
  const it = client(registry, { credentials });
  assertEquals((await it.manifest("1")).descriptor.digest, image.descriptor.digest);
  const { reply } = await it.blob(image.layers[0], 3);
  assertEquals(await text(reply.pieces()), new TextDecoder().decode(layer.subarray(3)));
  assertEquals(reply.url.host, storage.host);
  assertEquals(storage.asked.map(({ line }) => line), [`GET ${path}`]);
  assertEquals(storage.asked[0].headers.get("authorization"), null);
  assertEquals(storage.asked[0].headers.get("range"), "bytes=3-");

  await using tokens = requireToken(storage);
  await fails(() => it.blob(image.layers[0]), "unauthorized", storage.host);
  assertEquals(storage.asked.at(-1)?.headers.get("authorization"), null, "nor if it asks");
  assertEquals(tokens.asked, []);
});

Deno.test("a redirect must not lead out of HTTP, down from https, or round in a circle", async () => {
  const from = new URL("https://h.io/v2/a/blobs/x");
  assertEquals(
    redirectTarget("https://cdn.example/x?y=z", from, "x").href,
    "https://cdn.example/x?y=z",
  );
  assertEquals(redirectTarget("../y", from, "x").href, "https://h.io/v2/a/y");
  assertEquals(
    redirectTarget("https://u:p@cdn.example/x", from, "x").href,
    "https://cdn.example/x",
  );
  for (const bad of ["http://h.io/x", "file:///etc/passwd", "data:,x", "https://["]) {
    assertThrows(() => redirectTarget(bad, from, "x"), RegistryError, "was redirected to");
  }
  await using registry = new FaultyRegistry();
  registry.fault("GET", (request) => Response.redirect(request.url, 302));
  await fails(() => client(registry).manifest("1"), "server", "more than 10 times");
  assertEquals(registry.asked.length, 11);
});

Deno.test("where nobody answers, the error says so at once", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const host = `127.0.0.1:${listener.addr.port}`;
  listener.close();
  const it = new Registry({ registry: host, repository: "a/b" }, { credentials: nobody });
  const before = performance.now();
  await fails(
    () => it.manifest("1"),
    "unreachable",
    host,
    "the manifest of a/b:1",
    "Connection refused",
  );
  assert(performance.now() - before < 1000);
});

Deno.test("a server that hangs up is asked again", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const name = { registry: `127.0.0.1:${listener.addr.port}`, repository: "a/b" };
  const answers = ["", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"];
  const serving = (async () => {
    for (const answer of answers) {
      using connection = await listener.accept();
      await connection.read(new Uint8Array(4096));
      await connection.write(new TextEncoder().encode(answer));
    }
  })();
  const it = new Registry(name, { credentials: nobody, patience });
  await fails(() => it.manifest("1"), "not-found", "it answered 404");
  await serving;
});

Deno.test("a server that says nothing, or stops in the middle, is given up", async () => {
  await using registry = new FaultyRegistry();
  await registry.addImage("a/b", "1", [layer]);
  registry.fault("GET", () => new Promise(() => {}), 1);
  await fails(
    () => client(registry, { patience: hasty }).manifest("1"),
    "unreachable",
    "nothing came",
    "check the host",
  );
  assertEquals(registry.asked.length, 1, "another try would take as long");

  registry.fault("GET", (_, honest) => stall(honest, 5));
  const stalled = client(registry, { patience: hasty });
  const error = await fails(() => stalled.manifest("1"), "unreachable");
  assertMatch(error.message, /nothing came for 0.3 s/);

  const abort = new AbortController();
  setTimeout(() => abort.abort(new Error("enough")), 50);
  await assertRejects(
    () => client(registry, { signal: abort.signal }).manifest("1"),
    Error,
    "enough",
  );
});

Deno.test("a manifest that is not what its digest says is refused", async () => {
  await using registry = new FaultyRegistry();
  const { descriptor } = await registry.addImage("a/b", "1", [layer]);
  const other = await registry.addImage("a/b", "2", [layer, layer]);
  const stored = registry.manifests.get("a/b:2")!;
  registry.manifests.set(`a/b@${descriptor.digest}`, stored);
  await fails(
    () => client(registry).manifest(descriptor.digest),
    "corrupt",
    `hash to ${other.descriptor.digest} instead of ${descriptor.digest}`,
  );
  registry.fault("GET", (_, honest) => {
    return new Response(honest.body, { headers: { "docker-content-digest": descriptor.digest } });
  }, 1);
  await fails(() => client(registry).manifest("2"), "corrupt", "not to be trusted");
});

Deno.test("a manifest that never ends is not read to the end", async () => {
  await using registry = new FaultyRegistry();
  let sent = 0;
  registry.fault("GET", () => endless((bytes) => sent = bytes));
  await fails(() => client(registry).manifest("1"), "corrupt", "more than 4194304 bytes");
  assert(sent < 32 * 1024 * 1024, `${sent} bytes were taken`);
});

Deno.test("what is not a manifest is refused by its field", async () => {
  await using registry = new FaultyRegistry();
  await registry.addManifest("a/b", "html", "<html>", "text/html");
  await registry.addManifest("a/b", "old", { schemaVersion: 1, fsLayers: [] }, "application/json");
  await assertRejects(() => client(registry).manifest("html"), ManifestError, "is not JSON");
  await assertRejects(() => client(registry).manifest("old"), ManifestError, "given up");
});

Deno.test("Retry-After is seconds or a date", () => {
  const now = Date.parse("2024-01-01T00:00:00Z");
  assertEquals(retryAfter(undefined, now), 0);
  assertEquals(retryAfter("7", now), 7000);
  assertEquals(retryAfter("Mon, 01 Jan 2024 00:00:30 GMT", now), 30_000);
  assertEquals(retryAfter("Sun, 31 Dec 2023 00:00:30 GMT", now), 0);
  assertEquals(retryAfter("soon", now), 0);
  assertEquals(retryAfter("-5", now), 0);
});
