/**
 * Which ports of the host's lead into a container, and which are taken.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { choosePorts, collide, exposedPorts } from "../../../runtime/network/ports.ts";
import { NetworkError, type PublishRequest } from "../../../runtime/network/request.ts";
import { member, state } from "./states.ts";

const nobody = state([], []);

/** A port that no program has just now: one that the kernel chooses. */
function freePort(): number {
  using listener = Deno.listen({ port: 0 });
  return listener.addr.port;
}

function wanted(host: number | undefined, container: number, count = 1): PublishRequest {
  const range = (from: number) => ({ from, to: from + count - 1 });
  return { host: host && range(host), container: range(container), protocol: "tcp" } as never;
}

Deno.test("two ports are the same to somebody who calls at an address of both", () => {
  const at = (ip?: string, protocol: "tcp" | "udp" = "tcp", host = 80) => ({ ip, protocol, host });
  assertEquals(collide(at(), at()), true);
  assertEquals(collide(at(), at("127.0.0.1")), true);
  assertEquals(collide(at("0.0.0.0"), at("127.0.0.1")), true);
  assertEquals(collide(at("0.0.0.0"), at("::1")), false);
  assertEquals(collide(at("127.0.0.1"), at("127.0.0.2")), false);
  assertEquals(collide(at(undefined, "tcp"), at(undefined, "udp")), false);
  assertEquals(collide(at(undefined, "tcp", 80), at(undefined, "tcp", 81)), false);
});

Deno.test("what another container or a service has is taken, and said to be theirs", () => {
  const host = freePort();
  const port = { host, container: 80, protocol: "tcp" as const };
  const message = (by: string) => `port ${host}/tcp of this host is taken: ${by}`;
  const web = state([], [member("web", [], 2, { ports: [port] })]);
  assertThrows(
    () => choosePorts([wanted(host, 80)], web),
    NetworkError,
    message("the container web has it"),
  );
  const services = state([], [], { services: [{ name: "app", ports: [port] }] });
  assertThrows(
    () => choosePorts([wanted(host, 80)], services),
    NetworkError,
    message("the service app has it"),
  );
  assertThrows(
    () => choosePorts([wanted(host, 80), wanted(host, 81)], nobody),
    NetworkError,
    message("it is asked for twice"),
  );
});

Deno.test("a program's port is taken too, and a free one is found in a range", () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  assertThrows(
    () => choosePorts([wanted(port, 80)], nobody),
    NetworkError,
    `port ${port}/tcp of this host is taken: a program listens on it, ss -lnp tells which`,
  );
  const range: PublishRequest = {
    host: { from: port, to: port + 50 },
    container: { from: 80, to: 80 },
    protocol: "tcp",
  };
  const [{ host }] = choosePorts([range], nobody);
  assertEquals(host > port && host <= port + 50, true);
  const [any] = choosePorts([wanted(undefined, 80)], nobody);
  assertEquals(any.host >= 32768, true);
});

Deno.test("EXPOSE names ports, ranges and protocols", () => {
  assertEquals(exposedPorts(["80", "8000-8001/udp", "x"]), [
    { container: { from: 80, to: 80 }, protocol: "tcp" },
    { container: { from: 8000, to: 8001 }, protocol: "udp" },
  ]);
});
