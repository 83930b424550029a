/**
 * Addresses and subnets: read, written, counted.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { formatMac } from "../../../ffi/rtnetlink.ts";
import {
  contains,
  formatIp,
  formatSubnet,
  freeAddress,
  linkLocal,
  macFor,
  overlap,
  parseIp,
  parseSubnet,
  toBytes,
} from "../../../runtime/network/addresses.ts";
import { hostNames, portName } from "../../../runtime/network/names.ts";

Deno.test("an address is read and written in one form", () => {
  const forms = {
    "10.77.0.2": "10.77.0.2",
    "255.255.255.255": "255.255.255.255",
    "::": "::",
    "::1": "::1",
    "fd00:0:0::0005": "fd00::5",
    "2001:DB8::a:0:0:1": "2001:db8::a:0:0:1",
    "::ffff:10.0.0.1": "::ffff:a00:1",
  };
  for (const [text, form] of Object.entries(forms)) assertEquals(formatIp(parseIp(text)!), form);
  for (const text of ["", "10.0.0", "10.0.0.256", "a.b.c.d", "1::2::3", "fe80::1%eth0", "::g"]) {
    assertEquals(parseIp(text), undefined, text);
  }
  assertEquals([...toBytes(parseIp("10.77.0.2")!)], [10, 77, 0, 2]);
  assertEquals([...toBytes(parseIp("fd00::2")!)].join(), `253,0${",0".repeat(13)},2`);
});

Deno.test("a subnet begins with the bits that its addresses share", () => {
  assertEquals(formatSubnet(parseSubnet("10.77.3.4/16")!), "10.77.0.0/16");
  assertEquals(formatSubnet(parseSubnet("fd00:1:2:3:4::/64")!), "fd00:1:2:3::/64");
  for (const text of ["10.77.0.0", "10.77.0.0/33", "fd00::/129", "10.0/8"]) {
    assertEquals(parseSubnet(text), undefined, text);
  }
  const subnet = parseSubnet("10.77.0.0/16")!;
  assertEquals(contains(subnet, parseIp("10.77.255.255")!), true);
  assertEquals(contains(subnet, parseIp("10.78.0.0")!), false);
  assertEquals(contains(subnet, parseIp("::1")!), false);
  assertEquals(overlap(subnet, parseSubnet("10.0.0.0/8")!), true);
  assertEquals(overlap(subnet, parseSubnet("10.77.128.0/24")!), true);
  assertEquals(overlap(subnet, parseSubnet("10.76.0.0/16")!), false);
});

Deno.test("the first free address is neither the network's, the gateway's nor for all", () => {
  const tiny = parseSubnet("10.0.0.0/30")!;
  assertEquals(freeAddress(tiny, new Set(["10.0.0.1"])), "10.0.0.2");
  assertEquals(freeAddress(tiny, new Set(["10.0.0.1", "10.0.0.2"])), undefined);
  const subnet = parseSubnet("10.0.0.0/16")!;
  assertEquals(freeAddress(subnet, new Set(), parseSubnet("10.0.9.0/24")), "10.0.9.0");
  assertEquals(freeAddress(parseSubnet("fd00::/64")!, new Set(["fd00::1"])), "fd00::2");
});

Deno.test("hardware and link-local addresses follow from the IPv4 address", () => {
  const mac = macFor("10.77.0.2");
  assertEquals(formatMac(mac), "02:42:0a:4d:00:02");
  assertEquals(linkLocal(mac), "fe80::42:aff:fe4d:2");
});

Deno.test("names on the host fit, and differ between data roots", () => {
  const id = "0123456789abcdef";
  for (const root of ["/var/lib/tiffin", "/tmp/a", "/tmp/b"]) {
    const names = hostNames(root);
    for (const name of [names.bridge, portName(names, id, 15)]) {
      assertEquals(name.length <= 15, true, name);
    }
    // the last cable may still be there when it is asked whether others have bridges here
    assertEquals(portName(names, id, 0).startsWith("tiffin"), false);
  }
  assertEquals(hostNames("/var/lib/tiffin").bridge, "tiffin0");
  assertEquals(hostNames("/tmp/a").port === hostNames("/tmp/b").port, false);
});
