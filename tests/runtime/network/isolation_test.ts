/**
 * Who reaches whom: two networks, a neighbour's address, the modes without a bridge.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { needs } from "../../helpers/needs.ts";
import { project } from "../../helpers/run_tiffin.ts";
import { get, inLab, shell, SLEEP, WEB } from "./lab.ts";

const needsNetwork = (name: string) =>
  needs(name, { root: true, programs: ["nft", "busybox", "curl", "ip"] });

Deno.test({
  ...needsNetwork("two networks do not reach each other; one that is internal has no way out"),
  fn: () =>
    inLab(async ({ start, tiffin, outside }) => {
      await tiffin("network", "create", "--subnet", "10.90.0.0/24", "front");
      await tiffin("network", "create", "--subnet", "10.91.0.0/24", "--internal", "back");
      await start("--network", "front", "--ip", "10.90.0.9", "-h", "web", "local", "sh", "-c", WEB);
      const ask = (address: string, network: string) =>
        tiffin(...shell(get(address), "--network", network));
      assertEquals((await ask("10.90.0.9", "front")).stdout, "web\n");
      for (const network of ["bridge", "back"]) {
        const { code, stdout } = await ask("10.90.0.9", network);
        assertEquals([code !== 0, stdout], [true, ""], network);
      }
      await outside(`busybox httpd -p 8000 -h ${project}`);
      assertMatch((await ask("192.0.2.2:8000/LICENSE", "front")).stdout, /^MIT License/);
      assertEquals((await ask("192.0.2.2:8000/LICENSE", "back")).code, 7);
    }),
});

Deno.test({
  ...needsNetwork("no container says that it is another one"),
  fn: () =>
    inLab(async ({ start, tiffin }) => {
      await start("--name", "victim", "-h", "victim", "local", "sh", "-c", WEB);
      // with every right over its own network, it takes the address of somebody who is not there
      const spoof = (...commands: string[]) =>
        tiffin(...shell(commands.join("; "), "--cap-add", "NET_ADMIN", "--cap-add", "NET_RAW"));
      const call = get("10.77.0.2");
      assertEquals((await spoof(call)).stdout, "victim\n");
      const address = "ip address flush dev eth0; ip address add 10.77.0.99/16 dev eth0";
      assertEquals((await spoof(address, call)).stdout, "");
      const hardware = "ip link set eth0 address 02:42:0a:4d:00:63";
      assertEquals((await spoof(hardware, call)).stdout, "");
      const v6 = "a=$(ip -6 -o address show dev eth0 scope global | awk '{print $4}'); " +
        "ip -6 address del $a dev eth0; ip -6 address add ${a%::*}::99/64 dev eth0 nodad; " +
        get("[${a%::*}::2]");
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

      await here(`busybox httpd -p 127.0.0.1:8000 -h ${project}`);
      const own = get("127.0.0.1:8000/LICENSE");
      assertMatch((await tiffin(...shell(own, "--network", "host"))).stdout, /^MIT License/);
      assertEquals((await tiffin(...shell(own))).code, 7);
      // the kernel's switch that lets 127.0.0.1 through a bridge opens no way back: CVE-2020-8558
      const back = "ip route add table local unreachable 127.0.0.0/8 2>/dev/null; " +
        "ip route del local 127.0.0.0/8 table local; " +
        `ip route add 127.0.0.0/8 via 10.77.0.1; ${own}`;
      assertEquals((await tiffin(...shell(back, "--cap-add", "NET_ADMIN"))).stdout, "");

      await start("--name", "web", "-h", "web", "local", "sh", "-c", WEB);
      const shared = await tiffin(...shell(get("127.0.0.1"), "--network", "container:web"));
      assertEquals([shared.stdout, shared.stderr], ["web\n", ""]);
      const nobody = await tiffin("run", "--network", "container:nobody", "local", "true");
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
      const ping = shell(
        "busybox ping -c1 -W2 $(getent ahostsv4 w | awk 'NR==1 {print $1}')",
        "--network",
        "front",
      );
      assertEquals((await tiffin(...ping)).code, 0);

      const used = await tiffin("network", "rm", "front");
      assertEquals([used.code, used.stderr], [1, "tiffin: the network front is used by web\n"]);
      assertEquals((await tiffin("network", "disconnect", "front", "web")).code, 0);
      assertEquals((await inspect()).Containers, {});
      assertEquals((await tiffin("network", "rm", "front")).stdout, "front\n");
      await tiffin("network", "create", "a");
      assertEquals((await tiffin("network", "prune", "-f")).stdout, "Deleted Networks:\na\n");
      const { stderr } = await tiffin("network", "create", "--subnet", "192.0.2.128/25", "b");
      assertStringIncludes(stderr, `overlaps 192.0.2.0/24, to which this host has a route by out0`);
    }),
});
