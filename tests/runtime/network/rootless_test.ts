/**
 * An ordinary user's containers: a way out by pasta(1), or the reason why there is none.
 *
 * Nothing of the machine's own network is changed: pasta makes connections, as any program does.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { assertThrows } from "@std/assert/throws";
import { NetworkError } from "../../../runtime/network/request.ts";
import { runSlirp, slirpLines } from "../../../runtime/network/slirp.ts";
import { needs } from "../../helpers/needs.ts";
import { runTiffin } from "../../helpers/run_tiffin.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { until, WEB } from "./lab.ts";

const env = { TIFFIN_NETWORK: "bridge" };

/** What pasta cannot do without, which is not every machine's. */
function lackOfPasta(): string | undefined {
  try {
    Deno.openSync("/dev/net/tun", { read: true, write: true }).close();
  } catch {
    return "a /dev/net/tun for everybody";
  }
  const routes = Deno.readTextFileSync("/proc/net/route").split("\n");
  const hasWay = routes.some((line) => line.split("\t")[1] === "00000000");
  return hasWay ? undefined : "a default route";
}

function needsPasta(name: string): { name: string; ignore: boolean } {
  const requirements = needs(name, { ordinaryUser: true, programs: ["pasta", "busybox"] });
  const lack = requirements.ignore ? undefined : lackOfPasta();
  return lack === undefined ? requirements : { name: `${name} (needs ${lack})`, ignore: true };
}

Deno.test({
  ...needsPasta("pasta gives a container an interface, and leads a port of the host's into it"),
  async fn() {
    await using root = await tempRoot();
    const tiffin = (...args: string[]) => runTiffin(args, { root: root.path, env });
    const { stdout, stderr } = await tiffin("run", "local", "ip", "-o", "-4", "address");
    assertMatch(stdout, /^2: /m, stderr);
    const busybox = ["-v", "/bin/busybox:/bin/busybox:ro"];
    const started = await tiffin(
      ...["run", "-d", "--name", "web", "-h", "web", "-p", "38080:80", ...busybox],
      ...["local", "sh", "-c", WEB],
    );
    assertEquals([started.code, started.stderr], [0, ""]);
    try {
      const fetched = await until(
        () => fetch("http://127.0.0.1:38080/").then((answer) => answer.text(), () => ""),
        (text) => text !== "",
      );
      assertEquals(fetched, "web\n");
    } finally {
      await tiffin("rm", "-f", "web");
    }
    const { stdout: left } = await new Deno.Command("ps", { args: ["-eo", "args"] }).output();
    assertEquals(new TextDecoder().decode(left).includes(`${root.path}/containers`), false);
  },
});

Deno.test({
  ...needs(
    "an ordinary user is told why there is no network, and only who asks for one is refused",
    {
      ordinaryUser: true,
    },
  ),
  async fn() {
    await using root = await tempRoot();
    const tiffin = (...args: string[]) => runTiffin(args, { root: root.path, env });
    const named = await tiffin("run", "--network", "front", "local", "true");
    assertEquals(named.code, 125);
    assertStringIncludes(named.stderr, "only root can make bridges");
    const { code, stderr } = await tiffin("run", "local", "true");
    assertEquals(code, 0);
    const reason = "tiffin: the container has no network but loopback: ";
    assertEquals(stderr === "" || stderr.startsWith(reason), true, stderr);
  },
});

Deno.test("slirp4netns, where there is no pasta: its calls, and what it cannot", () => {
  const port = { host: 8080, container: 80, protocol: "tcp" as const };
  const { program } = runSlirp("/usr/bin/slirp4netns", [port], "/root/containers/1", "PID");
  const calls = program.steps.map((step) => program.format(step));
  const start = calls.find((call) => call.startsWith("execve"))!;
  assertStringIncludes(start, '"--api-socket=slirp.sock", "--ready-fd=200", "PID", "eth0"');
  assertStringIncludes(start, '"--disable-host-loopback"');
  assertThrows(
    () => runSlirp("/usr/bin/slirp4netns", [{ ...port, ip: "2001:db8::1" }], "/x", "PID"),
    NetworkError,
    "-p: 2001:db8::1: slirp4netns knows addresses of IPv4 only",
  );
  assertEquals(slirpLines({ nameserver: undefined }, "web"), {
    hosts: ["10.0.2.100\tweb"],
    gateway: "10.0.2.2",
    resolver: { nameserver: ["10.0.2.3"] },
  });
});
