/**
 * The user's file about registries: mirrors, plain HTTP, authorities; proxies; lists of tags.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { assertStringIncludes } from "@std/assert/string-includes";
import { hostPlatform } from "../../../runtime/images/platform.ts";
import {
  endpoint,
  RegistriesError,
  registriesPaths,
  registrySettings,
} from "../../../runtime/images/registries.ts";
import { listTags } from "../../../runtime/images/tags.ts";
import { FaultyRegistry } from "../../helpers/faulty_registry.ts";
import { needs } from "../../helpers/needs.ts";
import { runTiffin } from "../../helpers/run_tiffin.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { fails, nobody, patience } from "./registry_client.ts";
import { run, tarball } from "./tarballs.ts";

/** Calls `look` while the file says this. */
async function saying<T>(said: unknown, look: (path: string) => T | Promise<T>): Promise<T> {
  await using root = await tempRoot();
  const path = `${root.path}/registries.json`;
  await Deno.writeTextFile(path, typeof said === "string" ? said : JSON.stringify(said));
  Deno.env.set("TIFFIN_REGISTRIES", path);
  try {
    return await look(path);
  } finally {
    Deno.env.delete("TIFFIN_REGISTRIES");
  }
}

Deno.test("the file is the one that is named, the user's, or the machine's", () => {
  assertEquals(registriesPaths().at(-1), "/etc/tiffin/registries.json");
  Deno.env.set("XDG_CONFIG_HOME", "/home/x/config");
  try {
    assertEquals(registriesPaths()[0], "/home/x/config/tiffin/registries.json");
  } finally {
    Deno.env.delete("XDG_CONFIG_HOME");
  }
});

Deno.test("mirrors are hosts or URLs, with a path or without", async () => {
  const mirrors = ["mirror.example", "https://a.example/hub/", "http://10.0.0.5:5000/v2/x"];
  await saying({ "docker.io": { mirrors } }, () => {
    assertEquals(registrySettings("docker.io").mirrors.map(String), [
      "https://mirror.example/v2/",
      "https://a.example/v2/hub/",
      "http://10.0.0.5:5000/v2/x/",
    ]);
    assertEquals(registrySettings("ghcr.io"), { mirrors: [], insecure: false });
  });
});

Deno.test("plain HTTP is for this machine, and for those of whom the file says so", async () => {
  await saying({ "Registry.lan:5000": { insecure: true } }, () => {
    assertEquals(endpoint("registry.lan:5000").href, "http://registry.lan:5000/v2/");
    assertEquals(endpoint("registry.lan").href, "https://registry.lan/v2/");
    assertEquals(endpoint("127.0.0.1:5000").href, "http://127.0.0.1:5000/v2/");
    assertEquals(endpoint("127.0.0.1.example").href, "https://127.0.0.1.example/v2/");
    assertEquals(endpoint("docker.io").href, "https://registry-1.docker.io/v2/");
  });
});

Deno.test("a file that is not as it should be is refused, with the place", async () => {
  const cases: [unknown, string][] = [
    ["{", "it is not JSON"],
    [[], "not an object with a registry for each key"],
    [{ "a.example": 1 }, `"a.example" is not an object`],
    [{ "a.example": { insecure: "yes" } }, `"a.example".insecure is not true or false`],
    [{ "a.example": { insecur: true } }, `"a.example".insecur is not a setting`],
    [{ "a.example": { ca: 1 } }, `"a.example".ca is not a path`],
    [{ "a.example": { mirrors: "b.example" } }, `"a.example".mirrors is not a list`],
    [{ "a.example": { mirrors: ["ftp://b.example"] } }, `"a.example".mirrors is not a list`],
    [{ "a.example": { mirrors: ["https://u:p@b.example"] } }, `"a.example".mirrors is not a list`],
  ];
  for (const [said, words] of cases) {
    await saying(said, (path) => {
      const error = assertThrows(() => registrySettings("b.example"), RegistriesError, words);
      assertStringIncludes(error.message, path);
    });
  }
});

/** A registry that has `box:1`, and the image's name with another registry's host. */
async function withBox(registry: FaultyRegistry) {
  return await registry.addImage("box", "1", [tarball({ name: "file", type: "file" })], {
    ...hostPlatform(),
  });
}

async function pullWith(said: unknown, args: string[], env: Record<string, string> = {}) {
  await using root = await tempRoot();
  return await saying(said, (path) =>
    runTiffin(["pull", ...args], {
      root: root.path,
      env: { TIFFIN_REGISTRIES: path, ...env },
    }));
}

Deno.test("a mirror is asked first, and is passed over where it has not what is wanted", async () => {
  await using own = new FaultyRegistry();
  await using mirror = new FaultyRegistry();
  const image = await withBox(own);
  await withBox(mirror);
  const name = `${own.host}/box:1`;
  const said = { [own.host]: { mirrors: ["http://127.0.0.1:1", `http://${mirror.host}`] } };
  const pulled = await pullWith(said, [name]);
  assertEquals(pulled.code, 0, pulled.stderr);
  assertStringIncludes(pulled.stdout, name);
  assertEquals(own.asked, [], "the registry itself is not needed");
  const passed = pulled.stderr.split("\n").filter((line) => line.includes("127.0.0.1:1:"));
  assertEquals(passed.length, 1, "it is asked once");
  assertStringIncludes(passed[0], `asking ${mirror.host} instead`);

  const layer = `GET /v2/box/blobs/${image.layers[0].digest}`;
  mirror.fault(layer, () => new Response("gone", { status: 404 }));
  const rest = await pullWith(said, [name]);
  assertEquals(rest.code, 0, rest.stderr);
  assertEquals(own.asked.map(({ line }) => line), [layer]);
  assertStringIncludes(rest.stderr, `asking ${own.host} instead`);
});

Deno.test("where nobody has it, the registry's own answer is the error", async () => {
  await using own = new FaultyRegistry();
  await using mirror = new FaultyRegistry();
  const said = { [own.host]: { mirrors: [`http://${mirror.host}`] } };
  const { code, stderr } = await pullWith(said, [`${own.host}/box:1`]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, `tiffin: ${own.host}: asked for the manifest of box:1`);
});

Deno.test({
  ...needs(
    "a registry with a certificate of one's own authority is believed where the file says so",
    {
      programs: ["openssl"],
    },
  ),
  async fn() {
    await using root = await tempRoot();
    const ca = await makeCertificate(root.path);
    await using plain = new FaultyRegistry();
    await withBox(plain);
    const [cert, key] = await Promise.all(
      ["cert", "key"].map((name) => Deno.readTextFile(`${root.path}/${name}.pem`)),
    );
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} },
      (ask) => fetch(new URL(new URL(ask.url).pathname, `http://${plain.host}`)),
    );
    const tls = `localhost:${server.addr.port}`;
    // This machine's own addresses are spoken to by plain HTTP, but a mirror says what it is.
    const mirrored = { "x.invalid": { mirrors: [`https://${tls}`] } };
    const unbelieved = await pullWith(mirrored, ["x.invalid/box:1"]);
    assertEquals(unbelieved.code, 1);
    assertStringIncludes(unbelieved.stderr, "certificate");
    const believed = await pullWith({ ...mirrored, [tls]: { ca } }, ["x.invalid/box:1"]);
    assertEquals(believed.code, 0, believed.stderr);
    const missing = await pullWith({ ...mirrored, [tls]: { ca: "/no/such.pem" } }, [
      "x.invalid/box:1",
    ]);
    assertEquals(missing.code, 1);
    assertStringIncludes(missing.stderr, "/no/such.pem");
  },
});

/** Makes key.pem and cert.pem for localhost. @returns the file of the authority that vouches for it */
async function makeCertificate(directory: string): Promise<string> {
  const at = (name: string) => `${directory}/${name}`;
  const openssl = (...args: string[]) => run("openssl", ...args);
  const fresh = ["-newkey", "rsa:2048", "-nodes"];
  const [ca, caKey] = [at("ca.pem"), at("ca-key.pem")];
  await openssl("req", "-x509", ...fresh, "-subj", "/CN=test", "-keyout", caKey, "-out", ca);
  const [key, request] = [at("key.pem"), at("request.pem")];
  await openssl("req", ...fresh, "-subj", "/CN=localhost", "-keyout", key, "-out", request);
  await Deno.writeTextFile(
    at("names"),
    "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n",
  );
  const signer = ["-CA", ca, "-CAkey", caKey, "-CAcreateserial", "-extfile", at("names")];
  await openssl("x509", "-req", "-in", request, ...signer, "-days", "2", "-out", at("cert.pem"));
  return ca;
}

/** A proxy that answers every request itself, from a registry, and remembers what it was asked. */
function proxyTo(registry: FaultyRegistry): { url: string; asked: string[] } & AsyncDisposable {
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname, host } = new URL(request.url);
    asked.push(`${host} ${pathname}`);
    return fetch(`http://${registry.host}${pathname}`, { headers: request.headers });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("proxies of the usual variables are asked, but never for this machine", async () => {
  await using registry = new FaultyRegistry();
  await withBox(registry);
  await using proxy = proxyTo(registry);
  const said = { "registry.invalid:5000": { insecure: true } };
  const name = "registry.invalid:5000/box:1";
  for (const variable of ["HTTP_PROXY", "http_proxy", "ALL_PROXY"]) {
    proxy.asked.length = 0;
    const { code, stderr } = await pullWith(said, [name], { [variable]: proxy.url });
    assertEquals(code, 0, stderr);
    assert(proxy.asked.length >= 3, "manifest, config and layer");
    assert(proxy.asked.every((line) => line.startsWith("registry.invalid:5000 /v2/box/")));
  }
  proxy.asked.length = 0;
  const without = { HTTP_PROXY: proxy.url, NO_PROXY: "registry.invalid" };
  const direct = await pullWith(said, [name], without);
  assertEquals(direct.code, 1, "there is no such host");
  assertEquals(proxy.asked, []);

  const mine = await pullWith({}, [`${registry.host}/box:1`], { HTTP_PROXY: proxy.url });
  assertEquals(mine.code, 0, mine.stderr);
  assertEquals(proxy.asked, [], "this machine is not asked for by way of another");
});

Deno.test("tags are listed to the last page, whatever the pages' size", async () => {
  await using registry = new FaultyRegistry();
  const all = Array.from({ length: 25 }, (_, n) => `v${n}`);
  registry.fault("GET /v2/box/tags/list", (request) => {
    const last = new URL(request.url).searchParams.get("last");
    const from = last === null ? 0 : all.indexOf(last) + 1;
    const tags = all.slice(from, from + 10);
    const link = `</v2/box/tags/list?last=${tags.at(-1)}&n=10>; rel="next"`;
    const headers: Record<string, string> = from + 10 < all.length ? { link } : {};
    return Response.json({ name: "box", tags }, { headers });
  });
  const options = { credentials: nobody, patience };
  const name = { registry: registry.host, repository: "box" };
  assertEquals(await listTags(name, options), all);
});

Deno.test("a list of tags that is none, or does not end, is refused", async () => {
  const link = `</v2/box/tags/list?last=a>; rel="next"`;
  const answers: [() => Response, string][] = [
    [() => new Response("<html>"), "something else than a list"],
    [() => Response.json({ tags: "a" }), "something else than a list"],
    [() => Response.json({ tags: ["../x"] }), `one of them is "../x"`],
    [() => Response.json({ tags: ["a"] }, { headers: { link } }), "does not end"],
    [() => Response.json({ tags: Array.from({ length: 10_001 }, (_, n) => `${n}`) }), "10000"],
  ];
  for (const [answer, words] of answers) {
    await using registry = new FaultyRegistry();
    registry.fault("GET /v2/box/tags/list", answer);
    const name = { registry: registry.host, repository: "box" };
    await fails(() => listTags(name, { credentials: nobody, patience }), "server", words);
  }
});
