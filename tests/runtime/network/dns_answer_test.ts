/**
 * Answers of the name server, as messages.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { Buffer } from "node:buffer";
import packet from "dns-packet";
import { answer } from "../../../runtime/network/dns_answer.ts";
import { hostServers } from "../../../runtime/network/dns_forward.ts";
import { member, network, state } from "./states.ts";

const front = network("front");
const all = state([front], [
  member("one", ["front"], 2, { aliases: ["web"] }),
  member("two", ["front"], 3, { aliases: ["web"] }),
  member("sick", ["front"], 4, { aliases: ["web"], isUnready: true }),
]);

/** Asks as the container that has an address. */
async function ask(name: string, type: string, more: { from?: string; over?: "tcp" } = {}) {
  const { from = "10.90.0.2", over = "udp" } = more;
  const message = packet.encode({
    type: "query",
    id: 7,
    flags: packet.RECURSION_DESIRED,
    questions: [{ name, type: type as "A" }],
  } as packet.Packet);
  const reply = await answer(all, { message, from, network: front, over }, []);
  return reply && packet.decode(Buffer.from(reply));
}

const data = (reply?: packet.Packet) =>
  reply?.answers.map((record) => (record as { data: unknown }).data);

Deno.test("a name has the addresses of those that are well, each the first in turn", async () => {
  assertEquals(data(await ask("one", "A")), ["10.90.0.2"]);
  assertEquals(data(await ask("ONE.front.", "AAAA")), ["fd00::2"]);
  const [first, second] = [await ask("web", "A"), await ask("web", "A")].map(data);
  assertEquals(first?.toSorted(), ["10.90.0.2", "10.90.0.3"]);
  assertEquals(second, first?.toReversed());
});

Deno.test("a name that is known has an answer for every type, if an empty one", async () => {
  const reply = await ask("one", "MX");
  assertEquals([reply?.answers, (reply as unknown as { rcode: string }).rcode], [[], "NOERROR"]);
});

Deno.test("an address is asked for its name", async () => {
  assertEquals(data(await ask("3.0.90.10.in-addr.arpa", "PTR")), ["two.front"]);
});

Deno.test("what nobody knows is not there, and a stranger hears nothing", async () => {
  const reply = await ask("elsewhere.example", "A");
  assertEquals((reply as unknown as { rcode: string }).rcode, "NXDOMAIN");
  assertEquals(await ask("one", "A", { from: "192.0.2.9" }), undefined);
  const junk = { message: Uint8Array.of(1, 2, 3), from: "10.90.0.2", network: front };
  assertEquals(await answer(all, { ...junk, over: "udp" }, []), undefined);
});

Deno.test("too long an answer is asked for again over TCP", async () => {
  const many = state(
    [front],
    Array.from({ length: 60 }, (_, i) => member("many", ["front"], i + 2)),
  );
  const message = packet.encode({
    type: "query",
    id: 7,
    flags: 0,
    questions: [{ name: "many", type: "A" }],
  } as packet.Packet);
  const over = async (over: "udp" | "tcp") => {
    const question = { message, from: "10.90.0.2", network: front, over };
    return packet.decode(Buffer.from((await answer(many, question, []))!));
  };
  const short = await over("udp");
  assertEquals([short.answers.length, (short as unknown as { flag_tc: boolean }).flag_tc], [
    0,
    true,
  ]);
  assertEquals((await over("tcp")).answers.length, 60);
});

Deno.test("the host's name servers are those of its resolv.conf", () => {
  const text = "# nameserver 1.1.1.1\nnameserver 192.0.2.7\nsearch lan\n nameserver fd00::7\n";
  assertEquals(hostServers(text), ["192.0.2.7", "fd00::7"]);
});
