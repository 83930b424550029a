/**
 * A host of a test's own, as far as networks go, and the world outside it.
 *
 * ```text
 *   containers ── bridges ── the host ── 192.0.2.1/24 ═══ 192.0.2.2 ── outside
 * ```
 *
 * @module
 */

import { command, inNetworkNamespace, type Ip } from "../../helpers/network_namespace.ts";
import { type Outcome, project, runTiffin } from "../../helpers/run_tiffin.ts";
import { tempRoot } from "../../helpers/temp_root.ts";

/** What a test can do on the host. */
export interface Lab {
  /** the data root */
  root: string;
  /** asks ip(8) on the host */
  ip: Ip;
  /** runs a Tiffin command to its end, with networks as by default */
  tiffin(...args: string[]): Promise<Outcome>;
  /** starts a container in the foreground of a command of its own; it ends with the test */
  start(...args: string[]): Promise<Container>;
  /** what a shell on the host prints */
  here(script: string): Promise<string>;
  /** what a shell outside prints */
  outside(script: string): Promise<string>;
}

/** A container that runs behind a test. */
export interface Container {
  /** the command that stays with it */
  process: Deno.ChildProcess;
  /** asks it to end, and waits until everything is cleared away */
  end(): Promise<void>;
}

/** The host's address, and that of the world outside. */
export const HOST = "192.0.2.1";
/** The same for IPv6. */
export const HOST6 = "2001:db8::1";

/** Gives a container the host's programs: those that are alone in a file, and below /host all. */
const WITH_PROGRAMS = ["-v", "/bin/busybox:/bin/busybox:ro", "-v", "/:/host:ro"];

/** A web server for a container, on IPv4 and IPv6, that says its host name. */
export const WEB =
  "cd /tmp; hostname > index.html; busybox httpd -p [::]:80; echo ready; exec sleep infinity";

/** A server for a container that sends each datagram back, on IPv4 and IPv6. */
export const ECHO = `exec chroot /host ${Deno.execPath()} eval -q '
  import { createSocket } from "node:dgram";
  const socket = createSocket("udp6");
  socket.on("message", (message, { port, address }) => socket.send(message, port, address));
  socket.bind(53, "::", () => console.log("ready"));'`;

/** A container that does nothing. */
export const SLEEP = ["local", "sh", "-c", "echo ready; exec sleep infinity"];

/** The words that run a shell in a container that has the host's programs. */
export function shell(script: string, ...flags: string[]): string[] {
  return ["run", ...WITH_PROGRAMS, ...flags, "local", "sh", "-c", script];
}

/** The same for a container that is left running. */
export function detached(...args: string[]): string[] {
  return ["run", "-d", ...WITH_PROGRAMS, ...args];
}

/** Many containers behind one name and port. */
export function service(...args: string[]): string[] {
  return ["service", "create", ...WITH_PROGRAMS, ...args];
}

/** A client of a web server, for a shell in a container; it waits a second at the most. */
export function get(address: string): string {
  return `chroot /host curl -gsm 1 http://${address}`;
}

/** Calls `test` on a host of its own. */
export async function inLab(test: (lab: Lab) => Promise<void>): Promise<void> {
  await using root = await tempRoot();
  const env = { TIFFIN_NETWORK: "bridge" };
  const tiffin = (...args: string[]) => runTiffin(args, { root: root.path, env });
  await runTiffin(["run", "local", "true"], { root: root.path });
  await inNetworkNamespace(async (ip) => {
    const world = new Deno.Command("unshare", { args: ["-n", "sleep", "infinity"] }).spawn();
    const running: Container[] = [];
    try {
      const pid = await namespaceOf(world.pid);
      await connectWorld(pid);
      await test({
        root: root.path,
        ip,
        tiffin,
        start: async (...args) => {
          const container = await start(root.path, args);
          running.push(container);
          return container;
        },
        here: (script) => command("bash", "-c", script),
        outside: (script) => command("nsenter", "-t", String(pid), "-n", "bash", "-c", script),
      });
    } finally {
      endServers(["thread-self", String(world.pid)]);
      for (const container of running) await container.end();
      await removeAll(tiffin);
      world.kill("SIGKILL");
      await world.status;
      await untilGone(root.path);
    }
  });
}

/** Ends the servers that a test has started here and outside: busybox puts them into the background. */
function endServers(processes: string[]): void {
  const networks = processes.map((one) => Deno.readLinkSync(`/proc/${one}/ns/net`));
  for (const { name } of Deno.readDirSync("/proc")) {
    try {
      if (Deno.readTextFileSync(`/proc/${name}/comm`) !== "busybox\n") continue;
      const network = Deno.readLinkSync(`/proc/${name}/ns/net`);
      if (networks.includes(network)) Deno.kill(Number(name), "SIGKILL");
    } catch (error) {
      // no process, or one that has just ended
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) {
        throw error;
      }
    }
  }
}

/** Removes what goes on without a command that stays with it. */
async function removeAll(tiffin: Lab["tiffin"]): Promise<void> {
  const words = async (...args: string[]) =>
    (await tiffin(...args)).stdout.split("\n").filter((word) => word !== "");
  const services = await words("service", "ls", "-q");
  if (services.length > 0) await tiffin("service", "rm", ...services);
  const containers = await words("ps", "-aq");
  if (containers.length > 0) await tiffin("rm", "-f", ...containers);
}

/** Waits until a process is in a namespace of its own. */
async function namespaceOf(pid: number): Promise<number> {
  const own = Deno.readLinkSync("/proc/thread-self/ns/net");
  while (Deno.readLinkSync(`/proc/${pid}/ns/net`) === own) await pause(5);
  return pid;
}

async function connectWorld(pid: number): Promise<void> {
  await command(
    "bash",
    "-ec",
    `
    ip link add out0 type veth peer name in0 netns ${pid}
    ip address add ${HOST}/24 dev out0
    ip address add ${HOST6}/64 dev out0 nodad
    ip link set out0 up
    nsenter -t ${pid} -n bash -ec "
      ip link set lo up
      ip address add 192.0.2.2/24 dev in0
      ip address add 2001:db8::2/64 dev in0 nodad
      ip link set in0 up"`,
  );
}

/** Starts a container, and waits until it says `ready`. */
async function start(root: string, args: string[]): Promise<Container> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", `${project}/mod.ts`, "run", ...WITH_PROGRAMS, ...args],
    env: { NO_COLOR: "1", TIFFIN_ROOT: root, TIFFIN_NETWORK: "bridge" },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = process.stdout.getReader();
  let said = "";
  while (!said.includes("ready")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the container ended: ${said}`);
    said += new TextDecoder().decode(value);
  }
  const end = async () => {
    try {
      process.kill("SIGKILL");
    } catch {
      // it has ended
    }
    await reader.cancel();
    await process.status;
  };
  return { process, end };
}

/** Waits for what the last container leaves behind, so that it does not outlive its directory. */
async function untilGone(root: string): Promise<void> {
  await runTiffin(["network", "ls"], { root });
  await runTiffin(["run", "local", "true"], { root });
  for (let i = 0; i < 100 && (await command("ps", "-eo", "args")).includes(root); i++) {
    await pause(50);
  }
}

/** Waits so many milliseconds. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Asks again until the answer is as wanted, or five seconds are over. @returns the last answer */
export async function until<T>(ask: () => Promise<T>, isGood: (answer: T) => boolean): Promise<T> {
  for (const deadline = Date.now() + 5000;;) {
    const answer = await ask();
    if (isGood(answer) || Date.now() > deadline) return answer;
    await pause(50);
  }
}
