/**
 * Lesson 10: networks, from the cable to the load balancer.
 *
 * @module
 */

import { CLONE, O } from "../../ffi/constants.ts";
import { ask, openNetlink, PROTOCOL } from "../../ffi/netlink.ts";
import type { Program } from "../../ffi/program.ts";
import { addAddress, ADDRESS_INDEX, newBridge, newVeth, VETH_BRIDGE } from "../../ffi/rtnetlink.ts";
import { addressOf, macFor } from "../../runtime/network/addresses.ts";
import { setUpInside } from "../../runtime/network/inside.ts";
import { makeChild } from "../children.ts";
import type { Lesson, Stage } from "../lesson.ts";
import { makeTown, type Town, writeDoor } from "../networks.ts";

/** The lesson's steps. */
export const lesson: Lesson = {
  needs: [
    "root",
    { program: "ip", package: "iproute2" },
    { program: "nft", package: "nftables" },
    { program: "busybox", package: "busybox" },
  ],
  exercise: "exercise.sh",
  steps: { "a host of our own": aHostOfOurOwn, bridge, tiffin, "a name": aName, service },
};

let town: Town;

async function aHostOfOurOwn(stage: Stage): Promise<void> {
  town = await makeTown(stage);
  const a = await town.box();
  Deno.writeTextFileSync(`${stage.scratch}/a.pid`, String(a));
  for (const [name, pid] of Object.entries({ host: town.host, world: town.world, a })) {
    writeDoor(stage, name, pid);
  }
  const addresses = await stage.type("./host ip -brief address show wan");
  stage.expect(addresses.includes("192.0.2.1/24"), {
    en: "the host has no address",
    zh: "这台主机没有地址",
  });
}

const BRIDGE = { name: "br0", address: "10.9.0.1", length: 24 };
const B = { address: "10.9.0.3", mac: macFor("10.9.0.3") };

/** A bridge, and a second container that is plugged into it: by the messages that `run` sends. */
async function bridge(stage: Stage): Promise<void> {
  const b = await town.box();
  writeDoor(stage, "b", b);
  const outside = await makeChild(stage, {}, (program) => {
    move(program, town.host);
    const netlink = openNetlink(program, PROTOCOL.ROUTE, "to speak with the kernel of interfaces");
    const { name, address, length } = BRIDGE;
    ask(program, netlink, newBridge(name, macFor(address)), "a switch");
    const from = program.call("which number has it?", { name: "index" }).if_nametoindex(name);
    const own = addAddress(addressOf(address), length, name);
    ask(program, netlink, own, "the host's own address", { from, at: ADDRESS_INDEX });
    const cable = { name: "vb", bridgeName: name, peer: "eth0", pid: b, mac: B.mac };
    ask(program, netlink, newVeth(cable), "a cable", { from, at: VETH_BRIDGE });
  });
  const inside = await makeChild(stage, {}, (program) => {
    move(program, b);
    const addresses = [{ address: B.address, length: BRIDGE.length }];
    setUpInside(program, { devices: [{ name: "eth0", addresses }], gateways: [] });
  });
  for (const child of [outside, inside]) {
    stage.expect(child.failed === undefined, {
      en: `a message was refused: ${child.lines.at(-1)}`,
      zh: `内核拒绝了一条消息：${child.lines.at(-1)}`,
    });
    stage.show(messages(child.lines));
    await child.release();
  }
}

/** The rest of the program is walked in another process's network. */
function move(program: Program, pid: number): void {
  const namespace = program.call("the network of that process", { name: "network" })
    .open(`/proc/${pid}/ns/net`, O.RDONLY | O.CLOEXEC, 0);
  program.call("from here on it is this one's too").setns(namespace, CLONE.NEWNET);
}

/** The messages among the calls, broken where they are too long for the screen. */
function messages(lines: readonly string[]): string[] {
  return lines.map((line) => /RTM_\w+ \{.*\}/.exec(line)?.[0]).filter((text) => text !== undefined)
    .flatMap((text) => text.replace(/, (?=peer=)/, ",\n  ").split("\n"))
    .flatMap((line) =>
      line.length > 76 ? line.replace(/, (?=address=)/, ",\n  ").split("\n") : [line]
    );
}

/** A data root of the lesson's own: the reader's containers have networks elsewhere. */
async function tiffin(stage: Stage): Promise<void> {
  const script = "#!/bin/sh\nexec ./host env TIFFIN_NETWORK=bridge tiffin --root " +
    `${stage.scratch}/root "$@"\n`;
  Deno.writeTextFileSync(`${stage.scratch}/run-tiffin`, script, { mode: 0o755 });
  stage.defer(() => stage.run(["sh", "-c", "./run-tiffin service rm web; ./run-tiffin rm -f db"]));
  const flags = ["--explain=json", "-p", "8080:80", "local", "true"];
  const { output } = await stage.run(["./run-tiffin", "run", "--quiet", ...flags]);
  const calls: string[] = JSON.parse(output).map(({ call }: { call: string }) => call);
  stage.show(messages(calls));
  const [text = '""'] = /"(?:[^"\\]|\\.)*"/.exec(calls.find((call) => /dnat/.test(call)) ?? "") ??
    [];
  const rules: string[] = JSON.parse(text).split("\n");
  stage.say({ en: "And, of what nft gets:", zh: "还有，交给 nft 的内容中的几行：" });
  const wanted = /@ports4|@subnets4 masquerade|element .* ports4/;
  const chosen = rules.filter((line) => wanted.test(line)).map((line) => line.trim());
  stage.show(chosen);
  stage.expect(
    chosen.length >= 3 && chosen.some((line) => line.includes("8080 : 10.77.0.2 . 80")),
    {
      en: `this is all that it says: ${rules}`,
      zh: `它只说了这些：${rules}`,
    },
  );
}

async function aName(stage: Stage): Promise<void> {
  await stage.type("./run-tiffin network create front >id; cut -c 1-12 id");
  await stage.type("./run-tiffin run -d --network front --name db local sleep 60 | cut -c 1-12");
  const script = "./run-tiffin run --network front local sh -c";
  const found = await stage.type(`${script} 'cat /etc/resolv.conf; getent ahostsv4 db'`);
  stage.expect(/nameserver 10\.78\.0\.1\n10\.78\.0\.2 /.test(found), {
    en: `the name was not found: ${found}`,
    zh: `没有找到这个名字：${found}`,
  });
}

const SERVER = "hostname >/tmp/index.html; exec busybox httpd -f -p 80 -h /tmp";

async function service(stage: Stage): Promise<void> {
  const program = ["-v", "/bin/busybox:/bin/busybox:ro"];
  const { output } = await stage.run([
    ...["./run-tiffin", "service", "create", "--name", "web", "--replicas", "3"],
    ...["--publish", "8000:80", ...program, "local", "sh", "-c", SERVER],
  ]);
  const ask = "./world busybox wget -qO- http://192.0.2.1:8000/";
  const isUp = await stage.until(async () => (await stage.run(["sh", "-c", ask])).code === 0);
  stage.expect(isUp === true, { en: `nobody answers: ${output}`, zh: `没有应答：${output}` });
  const counted = await stage.type(`for i in 1 2 3 4 5 6; do ${ask}; done | sort | uniq -c`);
  stage.expect(counted.trim().split("\n").every((line) => /^ *2 /.test(line)), {
    en: `the connections went ${counted}`,
    zh: `连接的去向是 ${counted}`,
  });
  const rules = await stage.type("./host nft list ruleset | grep numgen | cut -c 3-");
  stage.expect(rules.includes("mod 3"), { en: "there is no such rule", zh: "没有这样的规则" });
}
