/**
 * Lesson 10's check: makes a host, a world and a container, has the script wire them up, and calls
 * from each side.
 *
 * @module
 */

import { enter } from "../children.ts";
import type { Text } from "../lesson.ts";
import { makeTown } from "../networks.ts";
import type { Trial } from "../trial.ts";

/** What the container's web server says. */
const WORD = "wired";

/** Runs the script on a host of its own, and calls. */
export async function check(trial: Trial): Promise<void> {
  const { host, world, box } = await makeTown(trial);
  const container = await box();
  const at = (pid: number, command: string) =>
    trial.run(["sh", "-c", `exec ${enter(pid, "net")} ${command}`], { timeout: 5 });
  Deno.writeTextFileSync(`${trial.scratch}/index.html`, `${WORD}\n`);
  trial.start(["sh", "-c", `exec ${enter(container, "net")} busybox httpd -f -p 80 -h .`]);
  const script = await at(host, `sh '${trial.file}' ${container}`);
  const said: Text = {
    en: `the script ended with ${script.code}, and wrote: ${script.output.trim()}`,
    zh: `脚本以 ${script.code} 结束，输出：${script.output.trim()}`,
  };

  const addresses = await at(container, "ip -brief -4 address show up");
  trial.claim(
    addresses.output.includes(" 10.9.0.2/24"),
    {
      en: "the container has 10.9.0.2/24, on an interface that is up",
      zh: "容器在一个已打开的接口上有地址 10.9.0.2/24",
    },
    said,
  );
  const bridges = await at(host, "ip -brief link show type bridge");
  const cables = await at(host, "ip -brief link show type bridge_slave");
  trial.claim(
    bridges.output !== "" && /\bUP\b/.test(cables.output),
    {
      en: "its cable leads into a bridge of the host's",
      zh: "它的网线插在主机的网桥上",
    },
    {
      en: bridges.output === ""
        ? "the host has no bridge"
        : `plugged into the bridge is: ${cables.output || "nothing"}`,
      zh: bridges.output === "" ? "主机上没有网桥" : `插在网桥上的有：${cables.output || "无"}`,
    },
  );
  const ping = await at(container, "busybox ping -c 1 -W 2 192.0.2.2");
  trial.claim(
    ping.code === 0,
    { en: "the container reaches the world", zh: "容器能到达外面的世界" },
    { en: `ping says: ${ping.output.trim()}`, zh: `ping 的输出：${ping.output.trim()}` },
  );
  const page = await at(world, "busybox wget -qO- http://192.0.2.1:8080/");
  trial.claim(
    page.output.trim() === WORD,
    {
      en: "the world reaches the web server at the host's port 8080",
      zh: "外面的世界能通过主机的 8080 端口访问 web 服务器",
    },
    { en: `it got: ${page.output.trim()}`, zh: `得到的是：${page.output.trim()}` },
  );
  const route = await at(world, "ip route show 10.9.0.0/24");
  trial.claim(
    route.output === "",
    { en: "and nobody has told the world of 10.9.0.0/24", zh: "而且没有人把 10.9.0.0/24 告诉外面" },
    {
      en: "the world has a route: nobody would set that up",
      zh: "外面有一条路由：现实中没人会去设",
    },
  );
}
