/**
 * A cluster for a class room: its nodes are control groups with limits, and containers run in them.
 *
 * @module
 */

import { readStats } from "../../runtime/cgroups/stats.ts";
import { type Group, makeGroup } from "../groups.ts";
import type { Running, Workshop } from "../workshop.ts";
import type { Demand } from "./policies.ts";

/** What each node has: memory in MiB, and a part of one processor. */
export const NODE = { memory: 84, processors: 0.1 };

/** What a container leaves unused of the memory that it asks for, in MiB: its shell needs some. */
const SPARE = 6;

/** How often a container counts to a thousand once it may: some hundredths of a second. */
const WORK = 10;

/** What a container ends with that was killed, SIGKILL. */
export const KILLED = 137;

/** Nodes in which containers run. */
export interface Cluster {
  /** starts a container on a node; it takes its memory and waits until {@linkcode Cluster.go} */
  start(demand: Demand, node: string): Running;
  /** waits until nobody takes more memory: all have what they want, or were killed */
  settle(): Promise<void>;
  /** lets all containers do their work */
  go(): void;
  /** memory in use on a node as the kernel says, in MiB */
  used(node: string): number;
  /** a node's directory in the hierarchy of the memory controller */
  directory(node: string): string;
}

/** Makes a cluster of so many nodes. */
export async function makeCluster(workshop: Workshop, names: readonly string[]): Promise<Cluster> {
  const path = `/tiffin-lesson-${crypto.randomUUID().slice(0, 8)}`;
  const nodes = new Map<string, Group>();
  for (const name of names) {
    const limits = {
      memory: { limit: NODE.memory << 20 },
      cpu: { quota: NODE.processors * 100_000, period: 100_000 },
    };
    nodes.set(name, await makeGroup(workshop, limits, `${path}/${name}`));
  }
  const gate = `${workshop.scratch}/${path.slice(1)}`;
  Deno.mkdirSync(gate);
  const running: Running[] = [];
  workshop.defer(() => Promise.all(running.map((one) => one.stop())));

  const record = (name: string) => nodes.get(name)!.record;
  return {
    start: ({ memory }, node) => {
      const one = workshop.start([
        ...["tiffin", "run", "--cgroup-parent", record(node).path, "--cpu-shares", "1024"],
        ...["-m", `${memory}m`, "-v", `${gate}:/gate:ro`, "local", "sh", "-c", PROGRAM, "sh"],
        ...[String(memory - SPARE), String(WORK)],
      ]);
      running.push(one);
      return one;
    },
    settle: async () => {
      const isThere = () => running.every((one) => one.output().includes("took"));
      const isOver = async () => {
        const open = running.map(async (one) => {
          return one.output().includes("took") || await Promise.race([one.ended, false]) !== false;
        });
        return (await Promise.all(open)).every(Boolean);
      };
      await workshop.until(async () => isThere() || await isOver(), 60);
    },
    go: () => Deno.writeTextFileSync(`${gate}/open`, ""),
    used: (name) => Math.round((readStats(record(name)).memory?.usage ?? 0) / (1 << 20)),
    directory: (name) => nodes.get(name)!.directoryOf("memory"),
  };
}

/**
 * Takes $1 MiB, waits for the gate, and then works; tail(1) keeps a line as long as it does not end.
 *
 * A shell that has lost its tail cannot write any more, and ends, too.
 */
const PROGRAM = `
  { head -c "$1"M /dev/zero || exit
    sleep 0.2; echo took >&2
    while [ ! -e /gate/open ]; do sleep 0.1; done
    i=0; while [ $i -lt "$2"000 ]; do i=$((i+1)); done
  } | tail -n 1 >/dev/null
`;
