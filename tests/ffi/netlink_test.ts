/**
 * Netlink: requests byte by byte, and what the kernel makes of them.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { Arena } from "../../ffi/memory.ts";
import { ask, openNetlink, PROTOCOL, readAnswer, refusalOf, request } from "../../ffi/netlink.ts";
import { Program } from "../../ffi/program.ts";
import {
  addAddress,
  addDefaultRoute,
  ADDRESS_INDEX,
  deleteLink,
  newBridge,
  newVeth,
  setUp,
} from "../../ffi/rtnetlink.ts";
import { inNetworkNamespace } from "../helpers/network_namespace.ts";
import { needs } from "../helpers/needs.ts";

const MAC = Uint8Array.of(2, 66, 10, 88, 0, 1);
const V4 = { bytes: Uint8Array.of(10, 88, 0, 1), text: "10.88.0.1" };
const V6 = { bytes: Uint8Array.of(0xfd, ...new Array(14).fill(0), 1), text: "fd00::1" };

Deno.test("a request is a header, a struct, and attributes at multiples of 4", () => {
  const { bytes } = request({
    type: 16,
    flags: 0x600,
    body: new Uint8Array(16),
    attributes: [[3, "ab"], [10, 7], [18, [[1, Uint8Array.of(9)]]]],
    text: "",
  });
  assertEquals([...bytes], [
    ...[60, 0, 0, 0, 16, 0, 5, 6, 0, 0, 0, 0, 0, 0, 0, 0],
    ...new Array(16).fill(0),
    ...[7, 0, 3, 0, 97, 98, 0, 0],
    ...[8, 0, 10, 0, 7, 0, 0, 0],
    ...[12, 0, 18, 0, 5, 0, 1, 0, 9, 0, 0, 0],
  ]);
});

Deno.test("a request as a person reads it", () => {
  const texts = [
    newBridge("tiffin0", MAC),
    newVeth({ name: "a", bridgeName: "tiffin0", peer: "eth0", pid: "PID", mac: MAC }),
    setUp("eth0"),
    deleteLink("a"),
    addAddress(V4, 16, "eth0"),
    addAddress(V6, 64, "eth0"),
    addDefaultRoute(V4),
  ].map(({ text }) => text);
  assertEquals(texts, [
    "RTM_NEWLINK {kind=bridge, name=tiffin0, address=02:42:0a:58:00:01, IFF_UP}",
    "RTM_NEWLINK {kind=veth, name=a, master=tiffin0, IFF_UP, " +
    "peer={name=eth0, address=02:42:0a:58:00:01, netns of PID}}",
    "RTM_NEWLINK {name=eth0, IFF_UP}",
    "RTM_DELLINK {name=a}",
    "RTM_NEWADDR {dev=eth0, address=10.88.0.1/16}",
    "RTM_NEWADDR {dev=eth0, address=fd00::1/64, IFA_F_NODAD}",
    "RTM_NEWROUTE {default via 10.88.0.1}",
  ]);
});

Deno.test("an answer: an acknowledgement, an errno, and the kernel's own words", () => {
  const answer = (errno: number, ...rest: number[]) => {
    const head = [...new Uint8Array(new Int32Array([36 + rest.length, 2, 0, 0, errno]).buffer)];
    return readAnswer(Uint8Array.from([...head, ...new Array(16).fill(0), ...rest]));
  };
  assertEquals(answer(0), { errno: 0 });
  assertEquals(answer(-17), { errno: 17 });
  assertEquals(answer(-22, 7, 0, 1, 0, 110, 111, 0, 0), { errno: 22, reason: "no" });
});

Deno.test({
  ...needs("interfaces, addresses and routes are made, and a refusal says why", { root: true }),
  fn: () =>
    inNetworkNamespace(async (ip) => {
      const program = new Program(new Arena(1 << 18));
      const socket = openNetlink(program, PROTOCOL.ROUTE, "to speak with the kernel");
      ask(program, socket, newBridge("tiffin0", MAC), "a bridge");
      const from = program.call("its number").if_nametoindex("tiffin0");
      const index = { from, at: ADDRESS_INDEX };
      ask(program, socket, addAddress(V4, 16, "tiffin0"), "an address", index);
      ask(program, socket, addAddress(V6, 64, "tiffin0"), "another", index);
      program.walk();
      const [{ address, addr_info }] = await ip("address", "show", "dev", "tiffin0");
      assertEquals(address, "02:42:0a:58:00:01");
      const found = addr_info.map((info: { local: string; prefixlen: number }) =>
        `${info.local}/${info.prefixlen}`
      );
      assertEquals(found.slice(0, 2), ["10.88.0.1/16", "fd00::1/64"]);

      const again = new Program(new Arena(1 << 18));
      const other = openNetlink(again, PROTOCOL.ROUTE, "to speak with the kernel");
      ask(again, other, newBridge("tiffin0", MAC), "the same once more");
      let message = "";
      try {
        again.walk();
      } catch {
        message = refusalOf(again.failed!)!.message;
      }
      assertEquals(
        message,
        "RTM_NEWLINK({kind=bridge, name=tiffin0, address=02:42:0a:58:00:01, IFF_UP}): " +
          "EEXIST (file exists)",
      );
    }),
});
