/**
 * What a registry is shown that wants to know who asks.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { Authorizer } from "../../../runtime/images/token.ts";
import { errorReply, FaultyRegistry, requireToken } from "../../helpers/faulty_registry.ts";
import { client, fails, nobody, patience } from "./registry_client.ts";

const layer = new TextEncoder().encode("not really a tar, but nobody looks here");

Deno.test("a token is asked for once, for the right thing, and used until it ends", async () => {
  await using registry = new FaultyRegistry();
  const image = await registry.addImage("a/b", "1", [layer]);
  await using tokens = requireToken(registry, { lifetime: 1 });
  const it = client(registry);
  await it.manifest("1");
  await Promise.all(
    [1, 2, 3].map(async () => await (await it.blob(image.layers[0])).reply.cancel()),
  );
  assertEquals(tokens.asked.length, 1);
  const { url, headers } = tokens.asked[0];
  assertEquals(url.searchParams.get("service"), 'test "registry"');
  assertEquals(url.searchParams.get("scope"), "repository:a/b:pull");
  assertEquals(headers.get("authorization"), null);
  await new Promise((resolve) => setTimeout(resolve, 950));
  await it.manifest("1");
  assertEquals(tokens.asked.length, 2, "asked again when it had ended");
});

Deno.test("three layers that are refused at the same time ask for one token", async () => {
  await using registry = new FaultyRegistry();
  const image = await registry.addImage("a/b", "1", [layer]);
  await using tokens = requireToken(registry);
  const it = client(registry);
  await Promise.all(
    [1, 2, 3].map(async () => await (await it.blob(image.layers[0])).reply.cancel()),
  );
  assertEquals(tokens.asked.length, 1);
});

Deno.test("who was refused before another had a token is given that one", async () => {
  await using registry = new FaultyRegistry();
  await using tokens = requireToken(registry);
  const it = new Authorizer(new URL(`http://${registry.host}/v2/a/`), nobody);
  const challenge = `Bearer realm="${tokens.realm}"`;
  const first = await it.answer(challenge, "scope", undefined, { patience });
  assertEquals(await it.answer(challenge, "scope", undefined, { patience }), first);
  assertEquals(tokens.asked.length, 1);
  await it.answer(challenge, "scope", first, { patience });
  assertEquals(tokens.asked.length, 2);
});

Deno.test("name and password go to the token server, and wrong ones are said to be wrong", async () => {
  await using registry = new FaultyRegistry();
  await registry.addImage("a/b", "1", [layer]);
  await using tokens = requireToken(registry, { login: "user:pass" });
  const asked: string[] = [];
  const credentials = (host: string) => {
    asked.push(host);
    return Promise.resolve({ username: "user", password: "pass" });
  };
  await client(registry, { credentials }).manifest("1");
  assertEquals(asked, [registry.host]);
  assertEquals(tokens.asked[0].headers.get("authorization"), `Basic ${btoa("user:pass")}`);
  assert(registry.asked.every(({ headers }) => !headers.get("authorization")?.startsWith("Basic")));

  const wrong = () => Promise.resolve({ username: "user", password: "wrong" });
  await fails(
    () => client(registry, { credentials: wrong }).manifest("1"),
    "unauthorized",
    "log in again",
  );
  await fails(() => client(registry).manifest("1"), "unauthorized", "if it is private, log in");
});

Deno.test("a refresh token is posted, an access token is sent as it is", async () => {
  await using registry = new FaultyRegistry();
  await registry.addImage("a/b", "1", [layer]);
  await using tokens = requireToken(registry);
  const credentials = () => Promise.resolve({ identityToken: "refresh me" });
  await client(registry, { credentials }).manifest("1");
  const form = new URLSearchParams(tokens.asked[0].body);
  assertEquals(form.get("grant_type"), "refresh_token");
  assertEquals(form.get("refresh_token"), "refresh me");
  assertEquals(form.get("scope"), "repository:a/b:pull");

  const access = () => Promise.resolve({ accessToken: "mine" });
  await fails(() => client(registry, { credentials: access }).manifest("1"), "unauthorized");
  assertEquals(registry.asked.at(-1)?.headers.get("authorization"), "Bearer mine");
});

Deno.test("basic authentication", async () => {
  await using registry = new FaultyRegistry();
  await registry.addImage("a/b", "1", [layer]);
  const right = `Basic ${new TextEncoder().encode("zoë:pass").toBase64()}`;
  registry.fault("GET", (request, honest) => {
    if (request.headers.get("authorization") === right) return honest;
    return errorReply(401, "UNAUTHORIZED", "who?", { "www-authenticate": 'Basic realm="test"' });
  });
  const login = (password: string) => () => Promise.resolve({ username: "zoë", password });
  const it = client(registry, { credentials: login("pass") });
  await it.manifest("1");
  await it.manifest("1");
  assertEquals(registry.asked.length, 3, "the second time it is sent at once");
  await fails(
    () => client(registry, { credentials: login("no") }).manifest("1"),
    "unauthorized",
    "who?",
  );
  await fails(() => client(registry).manifest("1"), "unauthorized", "a name and a password");
});

Deno.test("a challenge that cannot or must not be answered is refused", async () => {
  const cases: [registry: string, challenge: string, word: string][] = [
    ["https://h.io/v2/a/", 'Bearer realm="http://h.io/token"', "no password goes there"],
    ["https://h.io/v2/a/", 'Bearer realm="file:///etc/passwd"', "no password goes there"],
    ["http://127.0.0.1/v2/a/", 'Bearer realm="data:application/json,{}"', "no password goes there"],
    ["https://h.io/v2/a/", "Bearer", "no password goes there"],
    ["https://h.io/v2/a/", "Negotiate", "it wants Negotiate"],
    ["https://h.io/v2/a/", "", "does not name"],
  ];
  for (const [registry, challenge, word] of cases) {
    const credentials = () => Promise.resolve({ username: "user", password: "pass" });
    const it = new Authorizer(new URL(registry), credentials);
    await fails(() => it.answer(challenge, "scope", undefined, { patience }), "unauthorized", word);
  }
});
