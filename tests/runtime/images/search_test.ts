/**
 * Searching registries: those that offer it, those that have a catalogue, and the rest.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { searchRegistry } from "../../../runtime/images/search.ts";
import { FaultyRegistry } from "../../helpers/faulty_registry.ts";
import { fails, nobody, patience } from "./registry_client.ts";

const options = { credentials: nobody, patience };

Deno.test("a registry that can be searched is", async () => {
  await using registry = new FaultyRegistry();
  const results = [
    { name: "me/app", description: "mine", star_count: 3, is_official: false },
    { name: "app", star_count: 7, is_official: true },
    { name: 5 },
  ];
  registry.fault("GET /v1/search", () => Response.json({ results }));
  assertEquals(await searchRegistry(registry.host, "a pp", { ...options, limit: 7 }), [
    { name: `${registry.host}/me/app`, description: "mine", stars: 3, isOfficial: false },
    { name: `${registry.host}/app`, description: "", stars: 7, isOfficial: true },
  ]);
  assertEquals(registry.asked[0].line, "GET /v1/search?q=a+pp&n=7");
  assertEquals((await searchRegistry(registry.host, "app", { ...options, limit: 1 })).length, 1);
});

Deno.test("otherwise its catalogue is looked through, page by page", async () => {
  await using registry = new FaultyRegistry();
  const pages: Record<string, string[]> = { "": ["app", "box"], box: ["deep/app", "x"], x: [] };
  registry.fault("GET /v2/_catalog", (request) => {
    const last = new URL(request.url).searchParams.get("last") ?? "";
    const headers: Record<string, string> = last === "x" ? {} : { link: "<next>; rel=next" };
    return Response.json({ repositories: pages[last] }, { headers });
  });
  const names = async (term: string, limit?: number) =>
    (await searchRegistry(registry.host, term, { ...options, limit })).map(({ name }) =>
      name.slice(registry.host.length)
    );
  assertEquals(await names("app"), ["/app", "/deep/app"]);
  assertEquals(await names("app", 1), ["/app"]);
  assertEquals(await names("none"), []);
  assertEquals(await names(""), ["/app", "/box", "/deep/app", "/x"]);
});

Deno.test("a registry that offers neither, or not to us, or speaks nonsense, says so", async () => {
  await using registry = new FaultyRegistry();
  const search = () => searchRegistry(registry.host, "app", options);
  await fails(search, "not-found", "this registry offers no search");
  registry.fault("GET /v2/_catalog", () => new Response(null, { status: 403 }), 1);
  await fails(search, "denied", "most registries let nobody search");
  registry.fault("GET /v2/_catalog", () => Response.json({ repositories: 5 }), 1);
  await fails(search, "server", "something else than a list came");
  registry.fault("GET /v1/search", () => new Response("<html>"), 1);
  await fails(search, "server", "something else than a list came");
  registry.fault("GET /v1/search", () => new Response(null, { status: 500 }));
  await fails(search, "server", "it answered 500");
});

Deno.test("without a network that is what is said", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const host = `127.0.0.1:${listener.addr.port}`;
  listener.close();
  await fails(() => searchRegistry(host, "app", options), "unreachable", "no connection");
});
