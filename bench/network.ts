/**
 * What networks cost and what goes through them, beside podman: throughput and latency from a
 * container to the host and through a published port, and what a network adds to a start.
 *
 * Everything is in a network namespace of the bench's own. `BENCH_RUNS` rounds (20),
 * `BENCH_SECONDS` (120) for the starts.
 *
 * @module
 */

import { onOwnGround } from "./ground.ts";
import { effort, interleave, median, ms, once, printTable } from "./measure.ts";
import type { Contestant } from "./measure.ts";
import { localRootfs, project, tiffin } from "./tiffin.ts";

/** The host's address outside of all bridges. */
const HOST = "198.51.100.1";
/** How often each path is measured; the best of a few seconds each counts, as in all such tests. */
const TURNS = 5;
const SECONDS = 2;
/** How often latency is measured in each turn. */
const LOOKS = 4;

/** A container that ends when it is asked to: PID 1 has to want that, pid_namespaces(7). */
const UNTIL_ASKED = "trap exit TERM; sleep infinity & wait";

/** A runtime whose network is measured. */
interface Engine {
  name: string;
  /** the words before a container's flags */
  run: string[];
  /** the words for the image */
  image: string[];
  env?: Record<string, string>;
  /** the host's port that leads to 5201 in the container */
  port: number;
}

await onOwnGround(async (directory) => {
  await ownNetwork();
  once(tiffin(directory));
  const rootfs = await localRootfs(directory);
  const engines = [ours(directory), await podman(directory, rootfs)];
  await starts(directory, engines);
  await paths(engines);
});

/** Moves into a network namespace that is as a host's: loopback, and an address to be reached at. */
async function ownNetwork(): Promise<void> {
  if (Deno.env.get("BENCH_NETWORK")) {
    await shell(`ip link set lo up; ip link add wan type veth peer name out
      ip address add ${HOST}/24 dev wan; ip link set wan up; ip link set out up`);
    return;
  }
  const again = [Deno.execPath(), "run", "-A", Deno.mainModule, ...Deno.args];
  const { code } = await new Deno.Command("unshare", {
    args: ["--net", ...again],
    env: { BENCH_NETWORK: "1" },
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  Deno.exit(code);
}

function ours(directory: string): Engine {
  const { command, env } = tiffin(directory);
  const run = command.slice(0, command.lastIndexOf("run") + 1);
  return {
    name: "tiffin",
    run: [...run, "-v", "/:/host"],
    image: ["local"],
    env: { ...env, TIFFIN_NETWORK: "bridge" },
    port: 5301,
  };
}

async function podman(directory: string, rootfs: string): Promise<Engine> {
  const own = ["--root", `${directory}/podman`, "--runroot", `${directory}/podman-run`];
  const network = ["--network-config-dir", `${directory}/podman-networks`];
  const base = ["podman", ...own, ...network, "--cgroup-manager=cgroupfs", "--events-backend=none"];
  await output(["tar", "-C", rootfs, "-cf", `${directory}/rootfs.tar`, "."]);
  await output([...base, "import", `${directory}/rootfs.tar`, "bench"]);
  const limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
  const info = JSON.parse(await output([...base, "info", "--format", "json"]));
  console.log(`podman ${info.version.Version}, network backend ${info.host.networkBackend}\n`);
  return {
    name: "podman",
    run: [...base, "run", "--rm", ...limits, "-v", "/:/host"],
    image: ["bench"],
    port: 5302,
  };
}

/** What the network adds to a start: with it and without it, in turn. */
async function starts(directory: string, engines: Engine[]): Promise<void> {
  // with another container there, which is the usual case: bridge and tables are made once
  const { command, env } = tiffin(directory);
  const keeper = new Deno.Command(command[0], {
    args: [...engines[0].run.slice(1), ...engines[0].image, "sh", "-c", UNTIL_ASKED],
    env: { ...env, TIFFIN_NETWORK: "bridge" },
    stdin: "null",
    stdout: "null",
  }).spawn();
  await shell("until ip link | grep -q master; do sleep 0.05; done");
  const contestants = engines.flatMap(({ name, run, image, env }): Contestant[] =>
    ["none", "bridge", "bridge -p"].map((words) => {
      const [network, publish] = words.split(" ");
      const flags = ["--network", network, ...(publish ? ["-p", "5400:80"] : [])];
      return {
        name: `${name} --network ${words}`,
        command: [...run, ...flags, ...image, "true"],
        env,
      };
    })
  );
  const results = interleave(contestants, effort(20, 120));
  keeper.kill("SIGTERM");
  await keeper.status;
  const rows = results.map(({ name, times }, i) => {
    const without = results[i - i % 3].times;
    return [name, ms(median(times)), i % 3 === 0 ? "" : ms(median(times) - median(without))];
  });
  printTable(["a start of true", "median ms", "the network adds"], rows);
  console.log(`\n${results[0].times.length} rounds\n`);
}

/** Gigabits a second and microseconds, each path of each engine in turn. */
async function paths(engines: Engine[]): Promise<void> {
  const servers = [serve(["iperf3", "-s", "-B", HOST]), serve(roundTrips("serve", "5202"))];
  for (const { run, image, env, port } of engines) {
    const flags = ["-p", `${port}:5201`, "-p", `${port + 100}:5202`];
    const both = `${roundTrips("serve", "5202").join(" ")} & exec iperf3 -s`;
    servers.push(serve([...run, ...flags, ...image, ...inside("sh", "-c", both)], env));
  }
  for (const { name, port } of engines) await waitFor(name, port);
  const measured = new Map<string, number[]>();
  const note = (name: string, value: number) =>
    measured.set(name, [...measured.get(name) ?? [], value]);
  for (let turn = 0; turn < TURNS; turn++) {
    const looks: (() => Promise<void>)[] = [];
    for (const { name, run, image, env, port } of engines) {
      const here = (...command: string[]) => output(command);
      const there = (...command: string[]) =>
        output([...run, ...image, ...inside(...command)], env);
      note(`${name} container to host`, await gigabits(() => there(...iperf(HOST, 5201))));
      note(`${name} published port`, await gigabits(() => here(...iperf(HOST, port))));
      note(
        `${name} published port of 127.0.0.1`,
        await gigabits(() => here(...iperf("127.0.0.1", port))),
      );
      const trips = (port: number) => roundTrips("measure", HOST, String(port));
      looks.push(async () => {
        note(`${name} latency, container to host`, Number(await there(...trips(5202))));
        note(`${name} latency, published port`, Number(await here(...trips(port + 100))));
      });
    }
    // it goes up and down by a third from one moment to the next: many short looks, in turn
    for (let i = 0; i < LOOKS; i++) for (const look of looks) await look();
  }
  // what is left of the containers goes with the bench's network namespace
  for (const server of servers) server.kill("SIGTERM");
  for (const server of servers) await server.status;
  printPaths(measured);
}

function printPaths(measured: Map<string, number[]>): void {
  const value = (name: string) => median((measured.get(name) ?? []).toSorted((a, b) => a - b));
  const kinds = [...measured.keys()].filter((name) => name.startsWith("tiffin "))
    .map((name) => name.slice("tiffin ".length));
  const rows = kinds.map((kind) => {
    const [ours, theirs] = [value(`tiffin ${kind}`), value(`podman ${kind}`)];
    const isLatency = kind.startsWith("latency");
    const unit = isLatency ? "µs until a connection's first answer" : "Gbit/s";
    const ratio = isLatency ? theirs / ours : ours / theirs;
    return [`${kind}, ${unit}`, ours.toFixed(2), theirs.toFixed(2), ratio.toFixed(2)];
  });
  printTable(["", "tiffin", "podman", "tiffin is so good"], rows);
  console.log(
    `\nmedians of ${TURNS} turns, with ${LOOKS} looks at the latency in each; 1.00 in the last column is the same, more is better`,
  );
}

/** A program of the host's in a container that has the host's files below /host. */
function inside(...command: string[]): string[] {
  return ["chroot", "/host", ...command];
}

function iperf(host: string, port: number): string[] {
  return ["iperf3", "-J", "-c", host, "-p", String(port), "-t", String(SECONDS)];
}

/** What a client has measured; a server that is still busy with the last one is asked again. */
async function gigabits(measure: () => Promise<string>): Promise<number> {
  for (let tries = 0;; tries++) {
    try {
      return JSON.parse(await measure()).end.sum_received.bits_per_second / 1e9;
    } catch (error) {
      if (tries === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/** One side of the latency: see round_trips.ts. */
function roundTrips(...words: string[]): string[] {
  return [Deno.execPath(), "run", "-A", `${project}/bench/round_trips.ts`, ...words];
}

/** Waits until a container's servers answer. */
async function waitFor(name: string, port: number): Promise<void> {
  for (const deadline = Date.now() + 30_000;;) {
    try {
      await output(["iperf3", "-c", HOST, "-p", String(port), "-n", "1K"]);
      await output(roundTrips("measure", HOST, String(port + 100)));
      return;
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`${name}: no server: ${error}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function serve([program, ...args]: string[], env?: Record<string, string>): Deno.ChildProcess {
  return new Deno.Command(program, { args, env, stdin: "null", stdout: "null", stderr: "null" })
    .spawn();
}

async function shell(script: string): Promise<void> {
  await output(["bash", "-ec", script]);
}

async function output([program, ...args]: string[], env?: Record<string, string>): Promise<string> {
  const command = new Deno.Command(program, { args, env, stdin: "null" });
  const { success, stdout, stderr } = await command.output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr).trim()}`);
}
