/**
 * Services: connections in turn, to those that are well; more and fewer of them; gone without trace.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { writeHealth } from "../../runtime/health_file.ts";
import { hostNames } from "../../runtime/network/names.ts";
import { updateRules } from "../../runtime/network/ruleset.ts";
import { lockState } from "../../runtime/network/state.ts";
import { needs } from "../helpers/needs.ts";
import { project } from "../helpers/run_tiffin.ts";
import { HOST, inLab, type Lab, service, shell, until, WEB } from "./network/lab.ts";
import { member, network, state } from "./network/states.ts";

const needsNetwork = (name: string) =>
  needs(name, { root: true, programs: ["nft", "busybox", "curl", "ip"] });

Deno.test("the packet filter leads a service's port to those of its containers that are well", () => {
  const task = (last: number, isUnready?: boolean) =>
    member(`web.${last}`, ["bridge"], last, { service: "web", isUnready });
  const services = [{
    name: "web",
    ports: [{ host: 8080, container: 80, protocol: "tcp" as const }],
  }];
  const all = state([network("bridge")], [task(2), task(3, true), task(4)], { services });
  const rules = updateRules(all, hostNames("/var/lib/tiffin"));
  assertStringIncludes(
    rules,
    "add rule inet tiffin balance tcp dport 8080 " +
      "dnat ip to numgen inc mod 2 map { 0 : 10.90.0.2 . 80, 1 : 10.90.0.4 . 80 }\n",
  );
  assertStringIncludes(rules, "flush chain inet tiffin balance\n");
  const nobody = { ...all, members: [task(3, true)] };
  assertEquals(updateRules(nobody, hostNames("/var/lib/tiffin")).includes("dport"), false);
});

/** Who answers ten connections, sorted. */
async function answers({ here }: Lab, host: string): Promise<string> {
  const words = await here(
    `for i in 1 2 3 4 5 6; do curl -gsm 1 http://${host}:8080/; done | sort | uniq -c`,
  );
  return words.trim().split("\n").map((line) => line.trim().split(" ")[0]).join(" ");
}

Deno.test({
  ...needsNetwork("service create, ls, ps, scale, rm; one that is not well gets no connections"),
  fn: () =>
    inLab(async (lab) => {
      const { tiffin, here, outside, root } = lab;
      await tiffin("network", "create", "front");
      const made = await tiffin(
        ...service("--name", "web", "--replicas", "3", "--network", "front"),
        ...["--publish", "8080:80", "local", "sh", "-c", WEB],
      );
      assertMatch(made.stdout, /^[0-9a-f]{64}\n$/, made.stderr);
      const tasks = async () => (await tiffin("service", "ps", "web")).stdout;
      assertMatch(
        (await tiffin("service", "ls")).stdout,
        /\n[0-9a-f]{12} +web +replicated +3\/3 +local +0\.0\.0\.0:8080->80\/tcp\n/,
      );
      assertMatch(await tasks(), /\n[0-9a-f]{12} +web\.1 +local +Up .*\n.* web\.2 .*\n.* web\.3 /);
      await until(() => answers(lab, "127.0.0.1"), (text) => text === "2 2 2");
      assertEquals(await answers(lab, "127.0.0.1"), "2 2 2");
      assertEquals(await answers(lab, HOST), "2 2 2");
      assertMatch(await outside(`curl -sm 1 http://${HOST}:8080/`), /^[0-9a-f]{12}\n$/);
      const named = await tiffin(
        ...shell("getent ahostsv4 web | grep -c STREAM", "--network", "front"),
      );
      assertEquals(named.stdout, "3\n", named.stderr);

      // what its health check has found counts
      const ids = (await tiffin("ps", "-q", "--no-trunc", "--filter", "name=web.2")).stdout.trim();
      writeHealth(`${root}/containers/${ids}`, "unhealthy");
      const isLeftOut = (text: string) => text === "3 3";
      assertEquals(await until(() => answers(lab, HOST), isLeftOut), "3 3");
      const without = await tiffin(
        ...shell("getent ahostsv4 web | grep -c STREAM", "--network", "front"),
      );
      assertEquals(without.stdout, "2\n");

      const taken = await tiffin("run", "-p", "8080:80", "local", "true");
      assertStringIncludes(taken.stderr, "port 8080/tcp of this host is taken: the service web");
      assertEquals((await tiffin("service", "scale", "web=1")).stdout, "web scaled to 1\n");
      assertEquals(await until(() => answers(lab, HOST), (text) => text === "6"), "6");
      assertEquals((await tiffin("service", "scale", "web=2")).code, 0);
      assertMatch(await tasks(), /web\.1 .*\n.*web\.2 /);
      assertEquals((await tiffin("service", "rm", "web")).stdout, "web\n");
      assertEquals((await tiffin("ps", "-aq")).stdout, "");
      const gone = await until(
        () => here("nft list tables; ip -o link | grep -c tiffin || true"),
        (text) => text === "0\n",
      );
      assertEquals(gone, "0\n");
      const nobody = await tiffin("service", "ps", "web");
      assertEquals(
        [nobody.code, nobody.stderr],
        [1, "tiffin: no such service: web: tiffin service ls lists those there are\n"],
      );
    }),
});

Deno.test({
  ...needsNetwork("the health checks themselves say who gets connections: sick, and well again"),
  fn: () =>
    inLab(async (lab) => {
      const { tiffin } = lab;
      const check = ["--health-cmd", "test ! -e /tmp/sick", "--health-interval", "200ms"];
      const made = await tiffin(
        ...service("--name", "web", "--replicas", "2", ...check, "--health-retries", "1"),
        ...["--publish", "8080:80", "local", "sh", "-c", WEB],
      );
      assertEquals([made.code, made.stderr], [0, ""]);
      const both = (text: string) => text === "3 3";
      const one = (text: string) => text === "6";
      assertEquals(await until(() => answers(lab, HOST), both), "3 3");
      assertEquals((await tiffin("exec", "web.1", "touch", "/tmp/sick")).code, 0);
      assertEquals(await until(() => answers(lab, HOST), one), "6");
      assertMatch((await tiffin("service", "ps", "web")).stdout, /web\.1 .*\(unhealthy\)/);
      assertEquals((await tiffin("exec", "web.1", "rm", "/tmp/sick")).code, 0);
      assertEquals(await until(() => answers(lab, HOST), both), "3 3");
    }),
});

Deno.test({
  ...needsNetwork("service create that is killed before it has its ports: service rm knows it"),
  fn: () =>
    inLab(async ({ tiffin, root }) => {
      {
        using _lock = await lockState(root);
        const killed = new Deno.Command(Deno.execPath(), {
          args: [
            ...["run", "--quiet", "-A", `${project}/mod.ts`],
            ...service("--name", "web", "--publish", "8080:80", "local", "sleep", "9"),
          ],
          env: { TIFFIN_ROOT: root, TIFFIN_NETWORK: "bridge" },
          stdout: "null",
        }).spawn();
        const record = `${root}/services/web.json`;
        const isThere = () => Deno.lstat(record).then(() => "there", () => "missing");
        assertEquals(await until(isThere, (word) => word === "there"), "there");
        killed.kill("SIGKILL");
        await killed.status;
      }
      assertMatch((await tiffin("service", "ls")).stdout, / web +replicated +0\/1 /);
      assertEquals((await tiffin("service", "rm", "web")).stdout, "web\n");
      assertEquals((await tiffin("run", "-p", "8080:80", "local", "true")).code, 0);
    }),
});

Deno.test({
  ...needsNetwork("a service whose port somebody has leaves nothing"),
  fn: () =>
    inLab(async ({ tiffin }) => {
      const create = (name: string) =>
        tiffin(...service("--name", name, "--publish", "8080:80", "local", "sleep", "9"));
      assertEquals((await create("first")).code, 0);
      assertStringIncludes((await create("second")).stderr, "taken: the service first has it");
      assertMatch((await tiffin("service", "ls", "-q")).stdout, /^[0-9a-f]{12}\n$/);
    }),
});
