/**
 * What is kept of networks: what is gone, and when that matters to a container that comes.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { forgetMember, isStale } from "../../../runtime/network/state.ts";
import { member, network, state } from "./states.ts";

const front = network("front");
const web = member("web", ["front"], 2);
const other = member("other", ["front"], 3);

Deno.test("what is left of a cable that is gone is of no use to another container", () => {
  const all = state([front], [web, other]);
  forgetMember(all, web);
  assertEquals(all.members, [other]);
  assertEquals(isStale(all, other), false);
});

Deno.test("a container that comes again must not have the address that it had", () => {
  const all = state([front], [web]);
  forgetMember(all, web);
  const [endpoint] = web.endpoints;
  const again = { ...web, endpoints: [{ ...endpoint, address: "10.90.0.9" }] };
  assertEquals(isStale(all, again), true);
});

Deno.test("a published port does not lead to whoever gets the address next", () => {
  const ports = [{ host: 8080, container: 80, protocol: "tcp" as const }];
  const all = state([front], [{ ...web, ports }]);
  forgetMember(all, all.members[0]);
  assertEquals(isStale(all, other), true);
});

Deno.test("a network that nobody is in any more is taken out when others are used", () => {
  const back = network("back");
  const all = state([front, back], [member("last", ["back"], 4)]);
  forgetMember(all, all.members[0]);
  const again = member("again", ["back"], 5);
  assertEquals(isStale({ ...all, members: [again] }, again), false);
  assertEquals(isStale({ ...all, members: [web] }, web), true);
});

Deno.test("the sets do not grow for ever", () => {
  const all = state([front], []);
  for (let i = 0; i < 64; i++) {
    assertEquals(isStale({ ...all, members: [other] }, other), false);
    forgetMember(all, { ...web, endpoints: [{ ...web.endpoints[0], port: `gone${i}` }] });
  }
  assertEquals(isStale(all, other), true);
});

Deno.test("services are rules of a chain, which is written anew each time", () => {
  assertEquals(isStale(state([front], [], { services: [] }), other), true);
});
