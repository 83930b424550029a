/**
 * Credentials from Docker's configuration and its helpers, and the challenges they answer.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { CredentialsError, findCredentials } from "../../../runtime/images/auth.ts";
import { parseChallenges } from "../../../runtime/images/challenge.ts";
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
