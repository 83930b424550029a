/**
 * Names: containers find each other in a network that somebody has made.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { lookUp, nameAt, reverseAddress } from "../../../runtime/network/dns_names.ts";
import { command } from "../../helpers/network_namespace.ts";
import { needs } from "../../helpers/needs.ts";
import { runTiffin } from "../../helpers/run_tiffin.ts";
import { inLab, shell, SLEEP, until } from "./lab.ts";
import { member, network, state } from "./states.ts";

const needsNetwork = (name: string) =>
  needs(name, { root: true, programs: ["nft", "busybox", "ip"] });

const web = member("web", ["front"], 2, { aliases: ["app"] });
const db = member("db", ["front", "back"], 3, { aliases: ["App"] });
const all = state(
  [network("bridge"), network("front"), network("back")],
  [web, db, member("lone", ["bridge"], 4), member("far", ["back"], 5)],
);

Deno.test("a name is known to those who share a network that somebody has made", () => {
  assertEquals(lookUp(all, web, "db"), { v4: ["10.90.0.3"], v6: ["fd00::3"] });
  assertEquals(lookUp(all, web, "db.front")?.v4, ["10.90.0.3"]);
  assertEquals(lookUp(all, web, "db0000000000".slice(0, 12))?.v4, ["10.90.0.3"]);
  assertEquals(lookUp(all, web, "app")?.v4, ["10.90.0.2", "10.90.0.3"]);
  assertEquals(lookUp(all, web, "far"), undefined);
  assertEquals(lookUp(all, db, "far")?.v4, ["10.90.0.5"]);
  assertEquals(lookUp(all, web, "lone"), undefined);
  assertEquals(lookUp(all, all.members[2], "lone"), undefined);
});

Deno.test("an address has a name too", () => {
  assertEquals(reverseAddress("3.0.90.10.in-addr.arpa"), "10.90.0.3");
  assertEquals(reverseAddress(`3.${"0.".repeat(27)}0.d.f.ip6.arpa`), undefined);
  assertEquals(reverseAddress(`3.${"0.".repeat(27)}0.0.d.f.ip6.arpa`), "fd00::3");
  assertEquals(nameAt(all, web, "10.90.0.3"), "db.front");
  assertEquals(nameAt(all, web, "10.90.0.5"), undefined);
});

Deno.test({
  ...needsNetwork("names, aliases in turn, questions for others, and a keeper that is killed"),
  fn: () =>
    inLab(async ({ root, start, tiffin, outside }) => {
      await tiffin("network", "create", "front");
      for (const name of ["one", "two", "three"]) {
        await start("--network", "front", "--network-alias", "web", "--name", name, ...SLEEP);
      }
      const inside = (script: string, ...flags: string[]) =>
        tiffin(...shell(script, "--network", "front", ...flags));
      const { stdout } = await inside("getent ahostsv4 one; getent ahostsv4 web | grep -c STREAM");
      assertMatch(stdout, /^10\.78\.0\.2 +STREAM one\n/);
      assertMatch(stdout, /\n3\n$/);
      // each address is the first in turn; getaddrinfo(3) would sort them
      const first = "busybox nslookup -type=a web | sed -n '/^Name/{n;p;q}'";
      const firsts = await inside(`for i in 1 2 3 4 5 6; do ${first}; done | sort | uniq -c`);
      assertEquals(
        firsts.stdout.match(/ 2 Address: 10\.78\.0\.[234]\n/g)?.length,
        3,
        firsts.stdout,
      );
      // over TCP too, and nobody is told of a name that is not there
      const unknown = await inside("getent hosts nobody.invalid; echo $?", "--dns", "192.0.2.2");
      assertStringIncludes(unknown.stdout, "2\n");

      const keepers = async () =>
        (await command("ps", "-eo", "pid,args")).split("\n")
          .filter((line) => line.includes(root) && line.endsWith(" keeper"))
          .map((line) => Number(line.trim().split(" ")[0]));
      const [keeper, second] = await keepers();
      assertEquals([typeof keeper, second], ["number", undefined]);
      Deno.kill(keeper, "SIGKILL");
      const again = await inside("getent ahostsv4 one | head -1");
      assertMatch(again.stdout, /^10\.78\.0\.2 /, again.stderr);
      const other = await until(keepers, (list) => list.length === 1 && list[0] !== keeper);
      assertEquals(other.length, 1);
      await outside("true");
    }),
});

Deno.test({
  ...needsNetwork(
    "names where npm's part was never fetched: the reason, and no more once it is there",
  ),
  fn: () =>
    inLab(async ({ root }) => {
      const env = { DENO_DIR: `${root}/deno`, TIFFIN_NETWORK: "bridge" };
      const tiffin = (...args: string[]) => runTiffin(args, { root, env });
      await tiffin("network", "create", "front");
      // the keeper goes on for it, and has to be replaced by one that finds the package
      await tiffin("run", "-d", "--health-cmd", "true", "--health-interval", "100ms", ...SLEEP);
      const refused = await tiffin("run", "--network", "front", "local", "true");
      assertEquals(refused.code, 125);
      assertMatch(
        refused.stderr,
        /on 10\.78\.0\.1 port 53: the keeper cannot load .* job dns .*npm/,
      );
      assertMatch(refused.stderr, /fetch it once: deno cache \/.*\/runtime\/network\/dns\.ts\n$/);
      const isWell = (text: string) => text.includes("(healthy)");
      const ps = async () => (await tiffin("ps")).stdout;
      assertEquals(isWell(await until(ps, isWell)), true, "the keeper's other jobs are done");
      const { npmCache } = JSON.parse(await command(Deno.execPath(), "info", "--json"));
      await command("cp", "-a", npmCache, env.DENO_DIR);
      const { code, stderr } = await tiffin("run", "--network", "front", "local", "true");
      assertEquals(code, 0, stderr);
    }),
});
