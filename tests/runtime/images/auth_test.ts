/**
 * Credentials from Docker's configuration and its helpers, and the challenges they answer.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { CredentialsError, findCredentials } from "../../../runtime/images/auth.ts";
import { parseChallenges } from "../../../runtime/images/challenge.ts";
import { forgetCredentials, keepCredentials } from "../../../runtime/images/credential_store.ts";
import { checkLogin } from "../../../runtime/images/login.ts";
import { FaultyRegistry } from "../../helpers/faulty_registry.ts";
import { fails, patience } from "./registry_client.ts";
import { tempRoot } from "../../helpers/temp_root.ts";

async function withConfig(config: unknown, look: (path: string) => Promise<void>): Promise<void> {
  await using root = await tempRoot();
  const path = `${root.path}/config.json`;
  await Deno.writeTextFile(path, typeof config === "string" ? config : JSON.stringify(config));
  await look(path);
}

/** Puts a credential helper named `test` on the PATH, a shell script, while `look` runs. */
async function withHelper(script: string, look: () => Promise<void>): Promise<void> {
  await using root = await tempRoot();
  const program = `${root.path}/docker-credential-test`;
  await Deno.writeTextFile(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const before = Deno.env.get("PATH") ?? "";
  Deno.env.set("PATH", `${root.path}:${before}`);
  try {
    await look();
  } finally {
    Deno.env.set("PATH", before);
  }
}

Deno.test("credentials are found under every spelling that programs have used", async () => {
  const config = {
    auths: {
      "https://index.docker.io/v1/": { auth: btoa("hub:secret") },
      "quay.io": { auth: btoa("user:with:colons") },
      "https://old.example/v1/": { username: "old", password: "style" },
      "Tokens.example:5000": { identitytoken: "refresh", auth: btoa("ignored:") },
      "access.example": { registrytoken: "bearer" },
      "empty.example": {},
    },
  };
  await withConfig(config, async (path) => {
    assertEquals(await findCredentials("docker.io", path), { username: "hub", password: "secret" });
    assertEquals(await findCredentials("quay.io", path), {
      username: "user",
      password: "with:colons",
    });
    assertEquals(await findCredentials("old.example", path), {
      username: "old",
      password: "style",
    });
    assertEquals(await findCredentials("tokens.example:5000", path), { identityToken: "refresh" });
    assertEquals(await findCredentials("access.example", path), { accessToken: "bearer" });
    assertEquals(await findCredentials("empty.example", path), undefined);
    assertEquals(await findCredentials("tokens.example", path), undefined, "another port");
    assertEquals(await findCredentials("other.example", path), undefined);
  });
});

Deno.test("no configuration means no credentials, a broken one is an error without its text", async () => {
  assertEquals(await findCredentials("quay.io", "/nonexistent/config.json"), undefined);
  await withConfig('{"auths": {"quay.io": {"password": "hunter2" nonsense', async (path) => {
    const error = await assertRejects(
      () => findCredentials("quay.io", path),
      CredentialsError,
      path,
    );
    assertEquals(error.message.includes("hunter2"), false);
  });
  await withConfig({ auths: { "quay.io": { auth: "%%%" } } }, async (path) => {
    await assertRejects(() => findCredentials("quay.io", path), CredentialsError, "is not base64");
  });
});

Deno.test("a helper is asked for its host, and its answer is taken", async () => {
  const script = `read -r host; [ "$1" = get ] || exit 9
case $host in
  named.example) echo '{"ServerURL":"x","Username":"u","Secret":"s"}';;
  https://index.docker.io/v1/) echo '{"Username":"<token>","Secret":"refresh"}';;
  broken.example) echo 'not json';;
  locked.example) echo 'the keychain is locked'; exit 1;;
  *) echo 'credentials not found in native keychain'; exit 1;;
esac`;
  const config = {
    credsStore: "test",
    credHelpers: { "missing.example": "nosuch", "evil.example": "../../bin/sh" },
    auths: { "file.example": { auth: btoa("from:file") } },
  };
  await withHelper(script, () =>
    withConfig(config, async (path) => {
      const find = (host: string) => findCredentials(host, path);
      assertEquals(await find("named.example"), { username: "u", password: "s" });
      assertEquals(await find("docker.io"), { identityToken: "refresh" });
      assertEquals(await find("unknown.example"), undefined);
      assertEquals(await find("file.example"), { username: "from", password: "file" });
      await assertRejects(() => find("locked.example"), CredentialsError, "the keychain is locked");
      await assertRejects(() => find("broken.example"), CredentialsError, "something else than");
      await assertRejects(() => find("missing.example"), CredentialsError, "is not on the PATH");
      await assertRejects(() => find("evil.example"), CredentialsError, "not the name of a helper");
    }));
});

Deno.test("credentials are kept in the file, found again, and forgotten; the rest of it stays", async () => {
  const others = { auths: { "other.example": { auth: btoa("a:b") } }, HttpHeaders: { x: "y" } };
  await withConfig(
    { ...others, auths: { ...others.auths, "https://quay.io/v1/": { auth: btoa("old:one") } } },
    async (path) => {
      const login = { username: "user", password: "with:colons and ü" };
      assertEquals(await keepCredentials("quay.io", login, path), { path });
      assertEquals(await findCredentials("quay.io", path), login);
      assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
      const { auths, ...rest } = JSON.parse(await Deno.readTextFile(path));
      assertEquals(Object.keys(auths), ["other.example", "quay.io"], "the older spelling is gone");
      assertEquals(rest, { HttpHeaders: { x: "y" } });

      await keepCredentials("docker.io", { username: "hub", password: "p" }, path);
      assertEquals(await findCredentials("docker.io", path), { username: "hub", password: "p" });
      assertEquals(await forgetCredentials("docker.io", path), true);
      assertEquals(await forgetCredentials("docker.io", path), false);
      assertEquals(await forgetCredentials("quay.io", path), true);
      assertEquals(JSON.parse(await Deno.readTextFile(path)), others);
      const directory = path.slice(0, path.lastIndexOf("/"));
      assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["config.json"]);
    },
  );
});

Deno.test("a configuration that is not there is made, a link stays one, a broken one is left", async () => {
  await using root = await tempRoot();
  const login = { username: "u", password: "p" };
  const path = `${root.path}/new/.docker/config.json`;
  await keepCredentials("quay.io", login, path);
  assertEquals(Deno.statSync(`${root.path}/new/.docker`).mode! & 0o777, 0o700);
  const link = `${root.path}/link.json`;
  Deno.symlinkSync(path, link);
  await keepCredentials("second.example", login, link);
  assertEquals(Deno.lstatSync(link).isSymlink, true);
  assertEquals(await findCredentials("second.example", path), login);
  await Deno.writeTextFile(path, "{ nonsense");
  await assertRejects(() => keepCredentials("quay.io", login, path), CredentialsError, "not JSON");
  assertEquals(await Deno.readTextFile(path), "{ nonsense");
  assertEquals(await forgetCredentials("quay.io", `${root.path}/none/config.json`), false);
});

Deno.test("a helper keeps and forgets, and the file does not learn the secret", async () => {
  await using root = await tempRoot();
  const log = `${root.path}/log`;
  const script = `case $1 in
  store) cat >${log}; [ "$(cat ${log} | tr -d '\\n' | grep -c fails)" = 0 ] || { echo no; exit 1; };;
  get) read -r host; grep -q "$host" ${log} 2>/dev/null && exec cat ${log}
       echo 'credentials not found in native keychain'; exit 1;;
  erase) rm ${log};;
esac`;
  await withHelper(script, () =>
    withConfig({ credsStore: "test" }, async (path) => {
      const login = { username: "u", password: "secret" };
      assertEquals(await keepCredentials("quay.io", login, path), { helper: "test", path });
      assertEquals(JSON.parse(await Deno.readTextFile(log)), {
        ServerURL: "quay.io",
        Username: "u",
        Secret: "secret",
      });
      assertEquals((await Deno.readTextFile(path)).includes("secret"), false);
      assertEquals(await findCredentials("quay.io", path), login);
      assertEquals(await forgetCredentials("quay.io", path), true);
      assertEquals(await findCredentials("quay.io", path), undefined);
      assertEquals(await forgetCredentials("quay.io", path), false);
      const bad = { username: "u", password: "fails" };
      const before = await Deno.readTextFile(path);
      await assertRejects(
        () => keepCredentials("quay.io", bad, path),
        CredentialsError,
        "store failed",
      );
      assertEquals(await Deno.readTextFile(path), before);
    }));
});

Deno.test("a login is asked of the registry first", async () => {
  await using registry = new FaultyRegistry();
  registry.fault("GET /v2/", (request) => {
    const isRight = request.headers.get("authorization") === `Basic ${btoa("u:right")}`;
    if (isRight) return new Response("{}");
    return new Response(null, { status: 401, headers: { "www-authenticate": "Basic realm=x" } });
  });
  await checkLogin(registry.host, { username: "u", password: "right" }, { patience });
  const wrong = () => checkLogin(registry.host, { username: "u", password: "wrong" }, { patience });
  await fails(wrong, "unauthorized", "does not take this name with this password");

  await using open = new FaultyRegistry();
  open.fault("GET /v2/", () => new Response("{}"));
  await checkLogin(open.host, { username: "u", password: "any" }, { patience });
  await using nothing = new FaultyRegistry();
  const none = () => checkLogin(nothing.host, { username: "u", password: "p" }, { patience });
  await fails(none, "server", "is it a registry?");

  await using tokens = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const isRight = request.headers.get("authorization") === `Basic ${btoa("u:right")}`;
    assertEquals(new URL(request.url).searchParams.has("scope"), false);
    return isRight ? Response.json({ token: "t" }) : new Response(null, { status: 401 });
  });
  await using bearer = new FaultyRegistry();
  bearer.fault("GET /v2/", (request) => {
    if (request.headers.get("authorization") === "Bearer t") return new Response("{}");
    const challenge = `Bearer realm="http://127.0.0.1:${tokens.addr.port}/",service="s"`;
    return new Response(null, { status: 401, headers: { "www-authenticate": challenge } });
  });
  await checkLogin(bearer.host, { username: "u", password: "right" }, { patience });
  const refused = () => checkLogin(bearer.host, { username: "u", password: "no" }, { patience });
  await fails(refused, "unauthorized", "does not take this name with this password");
});

Deno.test("challenges are read with their quotes, commas and company", () => {
  const parse = (header: string) =>
    parseChallenges(header).map(({ scheme, parameters }) => [scheme, { ...parameters }]);
  assertEquals(
    parse('Bearer realm="https://a/token",service="a, b",scope="repository:x:pull,push"'),
    [
      ["bearer", { realm: "https://a/token", service: "a, b", scope: "repository:x:pull,push" }],
    ],
  );
  assertEquals(parse('BASIC Realm = "say \\"hi\\" \\\\ "'), [["basic", { realm: 'say "hi" \\ ' }]]);
  assertEquals(parse('Basic realm="x", Bearer realm=y , service=z'), [
    ["basic", { realm: "x" }],
    ["bearer", { realm: "y", service: "z" }],
  ]);
  assertEquals(parse('Negotiate, NTLM dG9rZW4=, Bearer realm="r"'), [
    ["negotiate", {}],
    ["ntlm", {}],
    ["bearer", { realm: "r" }],
  ]);
  assertEquals(parse("Bearer"), [["bearer", {}]]);
  assertEquals(parse(""), []);
  assertEquals(parse('=="'), []);
  assertEquals(parse(`Bearer realm="${"x".repeat(9000)}"`), []);
});
