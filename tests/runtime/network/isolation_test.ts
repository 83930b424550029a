/**
 * Who reaches whom: two networks, a neighbour's address, the modes without a bridge.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { needs } from "../../helpers/needs.ts";
import { HOST, inLab, WITH_BUSYBOX } from "./lab.ts";

const requirements = { root: true, programs: ["nft", "busybox", "ip"] } as const;
const needsNetwork = (name: string) =>
  needs(name, { ...requirements, programs: [...requirements.programs] });

const WEB = "cd /tmp; hostname > index.html; busybox httpd -p [::]:80; echo ready; sleep infinity";
const SLEEP = ["local", "sh", "-c", "echo ready; exec sleep infinity"];

/** A client in a container. */
function ask(address: string, ...flags: string[]): string[] {
  const url = `http://${address}/`;
  return ["run", ...WITH_BUSYBOX, ...flags, "local", "busybox", "wget", "-T1", "-qO-", url];
}

Deno.test({
  ...needsNetwork("two networks do not reach each other; one that is internal has no way out"),
  fn: () =>
    inLab(async ({ start, tiffin, outside }) => {
      await tiffin("network", "create", "--subnet", "10.90.0.0/24", "front");
      await tiffin("network", "create", "--subnet", "10.91.0.0/24", "--internal", "back");
      await start("--network", "front", "--ip", "10.90.0.9", "-h", "web", "local", "sh", "-c", WEB);
      assertEquals((await tiffin(...ask("10.90.0.9", "--network", "front"))).stdout, "web\n");
      for (const network of ["bridge", "back"]) {
        const { code, stdout } = await tiffin(...ask("10.90.0.9", "--network", network));
        assertEquals([code, stdout], [1, ""], network);
      }
      await outside("cd /tmp; busybox httpd -p 8000 -h /proc/sys/kernel");
      const url = "192.0.2.2:8000/ostype";
      assertEquals((await tiffin(...ask(url, "--network", "front"))).stdout, "Linux\n");
      assertEquals((await tiffin(...ask(url, "--network", "back"))).code, 1);
    }),
});

Deno.test({
  ...needsNetwork("no container says that it is another one"),
  fn: () =>
    inLab(async ({ start, tiffin }) => {
      await start("--name", "victim", "-h", "victim", "local", "sh", "-c", WEB);
      // with every right over its own network, it takes the address of somebody who is not there
      const spoof = (...commands: string[]) =>
        tiffin(
          ...["run", "--cap-add", "NET_ADMIN", "--cap-add", "NET_RAW", ...WITH_BUSYBOX, "local"],
          ...["sh", "-c", commands.join("; ")],
        );
      const call = "busybox wget -T1 -qO- http://10.77.0.2/";
      assertEquals((await spoof(call)).stdout, "victim\n");
      const address = "ip address flush dev eth0; ip address add 10.77.0.99/16 dev eth0";
      assertEquals((await spoof(address, call)).stdout, "");
      const hardware = "ip link set eth0 address 02:42:0a:4d:00:63";
      assertEquals((await spoof(hardware, call)).stdout, "");
      const v6 = "a=$(ip -6 -o address show dev eth0 scope global | awk '{print $4}'); " +
        "ip -6 address del $a dev eth0; ip -6 address add ${a%::*}::99/64 dev eth0 nodad; " +
        "busybox wget -T1 -qO- http://[${a%::*}::2]/";
      assertEquals((await spoof(v6)).stdout, "");
    }),
});

Deno.test({
  ...needsNetwork("host, none, container: and the host's netlink"),
  fn: () =>
    inLab(async ({ start, tiffin, here }) => {
      const names = (...flags: string[]) =>
        tiffin("run", ...flags, "local", "sh", "-c", "cat /proc/net/dev | awk 'NR>2{print $1}'")
          .then(({ stdout }) => stdout.trim().split("\n").sort().join(" "));
      assertEquals(await names("--network", "none"), "lo:");
      assertEquals(await names(), "eth0: lo:");
      assertStringIncludes(await names("--network", "host"), "out0:");

      await here("busybox httpd -p 127.0.0.1:8000 -h /proc/sys/kernel");
      const own = "127.0.0.1:8000/ostype";
      assertEquals((await tiffin(...ask(own, "--network", "host"))).stdout, "Linux\n");
      assertEquals((await tiffin(...ask(own))).code, 1);
      // the kernel's switch that lets 127.0.0.1 through a bridge opens no way back: CVE-2020-8558
      const back = "ip route add table local unreachable 127.0.0.0/8 2>/dev/null; " +
        "ip route del local 127.0.0.0/8 table local; ip route add 127.0.0.0/8 via 10.77.0.1; " +
        `busybox wget -T1 -qO- http://${own}`;
      const { stdout } = await tiffin(
        ...["run", "--cap-add", "NET_ADMIN", ...WITH_BUSYBOX, "local", "sh", "-c", back],
      );
      assertEquals(stdout, "");

      await start("--name", "web", "-h", "web", "local", "sh", "-c", WEB);
      const shared = await tiffin(...ask("127.0.0.1", "--network", "container:web"));
      assertEquals([shared.stdout, shared.stderr], ["web\n", ""]);
      const nobody = await tiffin(...ask("127.0.0.1", "--network", "container:nobody"));
      assertMatch(nobody.stderr, /no such container: nobody/);

      const denied = await tiffin(
        ...["run", "--cap-drop", "ALL", "local", "sh", "-c", "ip link set eth0 down"],
      );
      assertMatch(denied.stderr, /Operation not permitted/);
    }),
});

Deno.test({
  ...needsNetwork("network create, ls, inspect, connect, disconnect, rm, prune"),
  fn: () =>
    inLab(async ({ start, tiffin }) => {
      const { stdout: id } = await tiffin("network", "create", "--label", "mine", "front");
      assertMatch(id, /^[0-9a-f]{64}\n$/);
      const { stdout: list } = await tiffin("network", "ls");
      assertMatch(list, /^NETWORK ID +NAME +DRIVER +SCOPE\n/);
      assertMatch(list, new RegExp(`\n${id.slice(0, 12)} +front +bridge +local\n`));
      await start("--name", "web", ...SLEEP);
      assertEquals((await tiffin("network", "connect", "--alias", "w", "front", "web")).code, 0);
      const inspect = async () =>
        JSON.parse((await tiffin("network", "inspect", "front")).stdout)[0];
      const { Containers, IPAM } = await inspect();
      const [{ Name, IPv4Address, Aliases }] = Object.values(Containers) as {
        Name: string;
        IPv4Address: string;
        Aliases: string[];
      }[];
      assertEquals([Name, Aliases, IPAM.Config[0].Subnet], ["web", ["w"], "10.78.0.0/24"]);
      assertEquals(IPv4Address, "10.78.0.2/24");
      const ping = ["run", "--network", "front", ...WITH_BUSYBOX, "local"];
      const call = ["busybox", "ping", "-c1", "-W2", "w"];
      assertEquals((await tiffin(...ping, ...call)).code, 0);

      const used = await tiffin("network", "rm", "front");
      assertEquals([used.code, used.stderr], [1, "tiffin: the network front is used by web\n"]);
      assertEquals((await tiffin("network", "disconnect", "front", "web")).code, 0);
      assertEquals((await inspect()).Containers, {});
      assertEquals((await tiffin("network", "rm", "front")).stdout, "front\n");
      await tiffin("network", "create", "a");
      assertEquals((await tiffin("network", "prune", "-f")).stdout, "Deleted Networks:\na\n");
      const { stderr } = await tiffin("network", "create", "--subnet", "192.0.2.128/25", "b");
      assertStringIncludes(stderr, `overlaps 192.0.2.0/24, to which this host has a route by out0`);
      assertEquals(HOST, "192.0.2.1");
    }),
});
