/**
 * The flags of a container's network, and its published ports.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { changes, options, refusal } from "../run_flags.ts";

/** What the flags say of the network. */
async function network(...flags: string[]) {
  return (await changes(...flags)).network;
}

Deno.test("--network: a mode, another container's, networks", async () => {
  assertEquals(await options("--network", "none"), { network: "none" });
  assertEquals(await options("--net=host"), { network: "host" });
  const path = "/proc/self/ns/net";
  assertEquals(await options("--network", `ns:${path}`), { network: path });
  assertEquals(await network("--network", "container:web"), { shares: "web" });
  assertEquals(await network("--network", "default"), { networks: [{ name: "bridge" }] });
  assertEquals(await network("--network", "front", "--network", "back"), {
    networks: [{ name: "front" }, { name: "back" }],
  });
  assertEquals(
    await network(
      "--network",
      "name=front,alias=a,alias=b,ip=10.90.0.5,mac-address=02-42-0A-00-00-05",
    ),
    {
      networks: [{
        name: "front",
        aliases: ["a", "b"],
        address: "10.90.0.5",
        mac: "02:42:0a:00:00:05",
      }],
    },
  );
  const refused = {
    "ns:/no": '"ns:/no" names a namespace that is not there',
    "ns:net": '"ns:net" has a path that is not absolute',
    "container:": '"container:" names no container',
    "-x": '"-x" is not a network\'s name, none, host, container:NAME or ns:PATH',
    "alias=a": '"alias=a" does not say name=',
    "name=a,b=c": '"name=a,b=c" has a part that is not name, alias, ip, ip6, mac-address',
    "name=a,ip=1.2.3": '"1.2.3" is not an IPv4 address',
  };
  for (const [word, message] of Object.entries(refused)) {
    assertEquals(await refusal(`--network=${word}`), `--network: ${message}`);
  }
  assertEquals(
    await refusal("--network", "front", "--network", "host"),
    "--network: host leaves no room for another",
  );
});

Deno.test("what is said of the network is meant for the first", async () => {
  assertEquals(await network("--ip", "10.77.0.9", "--network-alias", "a", "--net-alias", "b"), {
    networks: [{ name: "bridge", address: "10.77.0.9", aliases: ["a", "b"] }],
  });
  assertEquals(await network("--network=a", "--network=b", "--ip6", "FD00::9"), {
    networks: [{ name: "a", address6: "fd00::9" }, { name: "b" }],
  });
  for (const flag of ["--ip=10.0.0.1", "--publish=80", "-P", "--network-alias=a"]) {
    const [name] = flag.replace("-P", "--publish-all").split("=");
    assertEquals(
      await refusal("--network=none", flag),
      `${name} means nothing with --network none: leave one of them away`,
    );
  }
  assertEquals(await refusal("--ip", "fd00::1"), '--ip: "fd00::1" is not an IPv4 address');
  assertEquals(
    await refusal("--mac-address", "01:00:5e:00:00:01"),
    '--mac-address: "01:00:5e:00:00:01" is not a hardware address, as 02:42:0a:4d:00:05',
  );
});

Deno.test("--dns and its like go with every network", async () => {
  const flags = ["--dns", "192.0.2.7", "--dns-search", "lan", "--dns-opt", "ndots:2"];
  const said = { dns: ["192.0.2.7"], dnsSearch: ["lan"], dnsOptions: ["ndots:2"] };
  assertEquals(await network(...flags), said);
  assertEquals(await changes("--network", "none", ...flags), {
    options: { network: "none" },
    network: said,
  });
  assertEquals(await refusal("--dns", "lan"), '--dns: "lan" is not an address');
});

Deno.test("-p: ports, ranges, addresses, protocols", async () => {
  const one = (from: number, to = from) => ({ from, to });
  const forms = {
    "80": { container: one(80) },
    "8080:80": { host: one(8080), container: one(80) },
    "8080:80/udp": { host: one(8080), container: one(80), protocol: "udp" },
    "127.0.0.1:8080:80": { ip: "127.0.0.1", host: one(8080), container: one(80) },
    "127.0.0.1::80": { ip: "127.0.0.1", container: one(80) },
    "[2001:db8::1]:8080:80": { ip: "2001:db8::1", host: one(8080), container: one(80) },
    "8000-8002:80-82": { host: one(8000, 8002), container: one(80, 82) },
    "8000-8010:80": { host: one(8000, 8010), container: one(80) },
    "published=8080,target=80": { host: one(8080), container: one(80) },
    "target=53,protocol=udp": { container: one(53), protocol: "udp" },
  };
  for (const [text, wanted] of Object.entries(forms)) {
    const { publish } = await network("-p", text) ?? {};
    assertEquals(publish, [{ protocol: "tcp", ...wanted } as never], text);
  }
  const refused = {
    "": "is not [[ADDRESS:]PORT:]PORT[/udp], as 8080:80 or 127.0.0.1:5353:53/udp",
    "0:80": "is not [[ADDRESS:]PORT:]PORT[/udp], as 8080:80 or 127.0.0.1:5353:53/udp",
    "65536:80": "is not [[ADDRESS:]PORT:]PORT[/udp], as 8080:80 or 127.0.0.1:5353:53/udp",
    "8000-8002:80-81": "has ranges of different lengths",
    "80/sctp": "has sctp for tcp or udp",
    "1.2.3:8080:80": "has 1.2.3 in the place of an address of this host's",
    "[::1]:8080:80": "would bring ::1 into a bridge, and the kernel does that for 127.0.0.1 alone",
    "published=8080": "is not published=8080,target=80,protocol=udp",
    "target=80,mode=host": "has a mode that is not ingress",
  };
  for (const [text, message] of Object.entries(refused)) {
    assertEquals(await refusal("-p", text), `--publish: "${text}" ${message}`);
  }
});

Deno.test("--expose and -P", async () => {
  assertEquals(await network("-P", "--expose", "80", "--expose", "90-92/udp"), {
    publishAll: true,
    expose: ["80", "90-92/udp"],
  });
  assertEquals(await refusal("--expose", "0"), '--expose: "0" is not PORT, PORT-PORT or PORT/udp');
});
