/**
 * The packet filter's rules: what they say for which containers, and that nft(8) takes them.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import { FORWARD_4 } from "../../../runtime/network/host.ts";
import { hostNames } from "../../../runtime/network/names.ts";
import {
  addRules,
  removeRules,
  setUpRules,
  updateRules,
} from "../../../runtime/network/ruleset.ts";
import type { PublishedPort } from "../../../runtime/network/state.ts";
import { needs } from "../../helpers/needs.ts";
import { member, network, state } from "./states.ts";

const names = hostNames("/var/lib/tiffin");

function port(host: number, container: number, more: Partial<PublishedPort> = {}): PublishedPort {
  return { host, container, protocol: "tcp", ...more };
}

/** What is put into a set or a map. */
function elements(rules: string, name: string): string[] {
  const found = new RegExp(`^add element \\w+ tiffin ${name} \\{ (.*) \\}$`, "m").exec(rules);
  return found?.[1].split(", ") ?? [];
}

const front = network("front");
const back = network("back", { internal: true, subnet: "10.91.0.0/24", subnet6: undefined });

Deno.test("a published port leads to each of the container's addresses", () => {
  const ports = [
    port(8080, 80),
    port(5353, 53, { protocol: "udp" }),
    port(9090, 80, { ip: "127.0.0.1" }),
    port(9091, 80, { ip: "2001:db8::1" }),
    port(9092, 80, { ip: "0.0.0.0" }),
  ];
  const rules = updateRules(state([front], [member("web", ["front"], 2, { ports })]), names);
  assertEquals(elements(rules, "ports4"), [
    "tcp . 8080 : 10.90.0.2 . 80",
    "udp . 5353 : 10.90.0.2 . 53",
    "tcp . 9092 : 10.90.0.2 . 80",
  ]);
  assertEquals(elements(rules, "ports6"), [
    "tcp . 8080 : fd00::2 . 80",
    "udp . 5353 : fd00::2 . 53",
  ]);
  assertEquals(elements(rules, "bound4"), ["127.0.0.1 . tcp . 9090 : 10.90.0.2 . 80"]);
  assertEquals(elements(rules, "bound6"), ["2001:db8::1 . tcp . 9091 : fd00::2 . 80"]);
});

Deno.test("of two networks the ports lead to the one that has a way out", () => {
  const web = member("web", ["back", "front"], 2, { ports: [port(8080, 80)] });
  const rules = updateRules(state([front, back], [web]), names);
  assertEquals(elements(rules, "ports4"), ["tcp . 8080 : 10.91.0.2 . 80"]);
  assertEquals(elements(rules, "internal"), ['"back"']);
  assertEquals(elements(rules, "subnets4"), ["10.90.0.0/24", "10.91.0.0/24"]);
});

Deno.test("each cable has its own addresses, and those of its hardware address", () => {
  const rules = updateRules(state([front], [member("web", ["front"], 2)]), names);
  assertEquals(elements(rules, "macs"), ['"p20" . 02:00:00:00:00:02']);
  assertEquals(elements(rules, "owners4"), ['"p20" . 10.90.0.2']);
  assertEquals(elements(rules, "owners6"), ['"p20" . fd00::2', '"p20" . fe80::ff:fe00:2']);
});

Deno.test("for a container that comes, nothing is taken out", () => {
  const rules = addRules(state([front], [member("web", ["front"], 2)]), names);
  assertEquals(elements(rules, "owners4"), ['"p20" . 10.90.0.2']);
  assertEquals(rules.split("\n").filter((line) => !/^(add element .*)?$/.test(line)), []);
});

Deno.test("a network without a container is in none of the rules", () => {
  const rules = updateRules(state([front, back], [member("web", ["front"], 2)]), names);
  assertEquals(rules.includes("back"), false);
});

Deno.test("a host that passed nothing on before does not begin to do it for strangers", () => {
  const web = [member("web", ["front"], 2)];
  const drop = "meta nfproto ipv4 iifname != @bridges oifname != @bridges";
  const before = setUpRules(state([front], web, { switches: { [FORWARD_4]: "0" } }), names);
  assertStringIncludes(before, drop);
  assertEquals(setUpRules(state([front], web), names).includes(drop), false);
});

Deno.test("what a killed command has left is deleted in the same transaction", () => {
  const rules = setUpRules(state([front], [member("web", ["front"], 2)]), names, ["bridge"]);
  assertEquals(rules.split("\n")[0], "delete table bridge tiffin");
});

Deno.test({
  ...needs("nft(8) understands all of them", { root: true, programs: ["nft", "unshare"] }),
  async fn() {
    const ports = [port(8080, 80), port(9090, 80, { ip: "127.0.0.1" })];
    const members = [
      member("web", ["front"], 2, { ports, service: "app" }),
      member("db", ["front", "back"], 3, { service: "app" }),
    ];
    const services = [{ name: "app", ports: [port(8000, 80)] }];
    const full = state([front, back], members, { services, switches: { [FORWARD_4]: "0" } });
    const one = state([front, back], members.slice(0, 1), { services });
    const texts = [
      setUpRules(one, names),
      addRules(full, names),
      addRules(full, names),
      updateRules(full, names),
      removeRules(names),
    ];
    const child = new Deno.Command("unshare", {
      args: ["--net", "sh", "-c", 'for text in "$@"; do echo "$text" | nft -f - || exit 1; done']
        .concat("sh", ...texts),
      stderr: "piped",
    });
    const { code, stderr } = await child.output();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  },
});
