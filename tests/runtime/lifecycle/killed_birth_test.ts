/**
 * `run`, `run -d` and `start` killed at every one of their calls, and the monitor at every one of
 * its own: whatever is left can be started and removed, and then nothing is left.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { lockContainer } from "../../../runtime/container_lock.ts";
import { inspectContainer } from "../../../runtime/containers.ts";
import { findImage } from "../../../runtime/images/find.ts";
import { createContainer } from "../../../runtime/lifecycle/create.ts";
import { removeContainer } from "../../../runtime/lifecycle/remove.ts";
import { clearRun, settled } from "../../../runtime/lifecycle/settle.ts";
import { startContainer } from "../../../runtime/lifecycle/start.ts";
import { prepare, type Prepared } from "../../../runtime/prepare.ts";
import type { ProcessIdentity } from "../../../runtime/processes.ts";
import { assertUnchanged, hostSnapshot } from "../../helpers/host.ts";
import { needs } from "../../helpers/needs.ts";
import { type TempRoot, tempRoot } from "../../helpers/temp_root.ts";
import { clearAfter, deadProcess, killAt, pointsOf, type Victim } from "./killed_birth.ts";

let root: TempRoot;
let dead: ProcessIdentity;

Deno.test.beforeAll(async () => {
  root = await tempRoot();
  dead = await deadProcess();
});

Deno.test.afterAll(async () => {
  await root[Symbol.asyncDispose]();
});

const DETACH = { keepsInput: false };

async function request(command: string[]) {
  const from = await findImage(root.path, "local");
  return { dataRoot: root.path, from, hasInput: false, keep: true, options: { command } };
}

/** Works a container out that is new. */
async function fresh({ command, how }: Kind): Promise<Prepared> {
  const wish = await request(command);
  // without -d, nobody keeps it
  return await prepare(how === "run" ? { ...wish, keep: false } : { ...wish, detach: DETACH });
}

/** Works a container out that is to be started again, with what `start` does before. */
async function again(id: string): Promise<Prepared> {
  const info = await settled(root.path, id);
  await clearRun(root.path, info);
  const { request } = info.record;
  return await prepare({ ...request, dataRoot: root.path, id, isAgain: true, detach: DETACH });
}

/** The next commands: the container is started, if it is there, and removed. */
async function carryOn(id: string, where: string): Promise<boolean> {
  await clearAfter(root.path, id);
  const isThere = inspectContainer(root.path, id) !== undefined;
  if (isThere) {
    let { state } = await startContainer(root.path, id);
    // one that has ended at once has not been written down yet
    for (let tries = 0; state === "created" && tries < 1000; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      state = inspectContainer(root.path, id)!.state;
    }
    assert(state === "running" || state === "exited", `${where}: it is ${state} after a start`);
    await removeContainer(root.path, id, { isForced: true });
  }
  for (const directory of ["containers", "running"]) {
    const names = [...Deno.readDirSync(`${root.path}/${directory}`)].map(({ name }) => name);
    assertEquals(names.filter((name) => name.startsWith(id)), [], `${where}: ${directory}`);
  }
  return isThere;
}

/** What is started, and who is killed. */
interface Kind {
  how: "run" | "run -d" | "start";
  victim: Victim;
  command: string[];
}

/** Kills a start, or the monitor that it has made, at one call. */
async function killOnce(at: number, kind: Kind): Promise<{ isReached: boolean; isKept: boolean }> {
  const { how, victim, command } = kind;
  const where = `killed at call ${at}`;
  const made = how === "start" ? (await createContainer(await request(command))).id : undefined;
  let id: string;
  let isReached: boolean;
  {
    using _lock = made && await lockContainer(root.path, made) || undefined;
    const prepared = made ? await again(made) : await fresh(kind);
    id = prepared.record.id;
    isReached = await killAt(prepared, { at, victim, dead });
  }
  const isKept = await carryOn(id, where);
  if (how === "start") assert(isKept, `${where}: the container is lost`);
  if (how === "run") assert(!isKept, `${where}: the container is still there`);
  return { isReached, isKept };
}

/** How many are killed at the same time: most of the time is spent on waiting for the kernel. */
const AT_ONCE = 8;

async function killEverywhere(kind: Kind): Promise<string> {
  // what a first start makes once: the directories, the caches
  const { id } = await createContainer(await request(kind.command));
  await carryOn(id, "the first start");
  const before = hostSnapshot(root.path);
  // what the container's first process does is the same after run -d
  const points = pointsOf(await fresh(kind), kind.victim, kind.how === "start" ? 4 : 1);
  const [all, next] = [points.length, points[Symbol.iterator]()];
  let [reached, kept] = [0, 0];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (const at of next) {
      const { isReached, isKept } = await killOnce(at, kind);
      reached += Number(isReached);
      kept += Number(isKept);
    }
  }));
  await assertUnchanged(before);
  assert(reached > all * 0.7, `only ${reached} of ${all} calls were reached`);
  return `${reached} of ${all} calls; the container was there ${kept} times`;
}

const SLEEP = ["sleep", "60"];
const TALK = ["sh", "-c", "echo out; echo error >&2"];

const KINDS: Record<string, Kind> = {
  "run killed at any of its calls leaves nothing": {
    ...{ how: "run", victim: "command", command: SLEEP },
  },
  "run -d killed at any of its calls leaves a container that works, or nothing": {
    ...{ how: "run -d", victim: "command", command: SLEEP },
  },
  "start killed at any of its calls leaves the container, which can be started": {
    ...{ how: "start", victim: "command", command: SLEEP },
  },
  "a monitor killed at any of its calls takes no container with it": {
    ...{ how: "start", victim: "monitor", command: TALK },
  },
};

for (const [name, kind] of Object.entries(KINDS)) {
  Deno.test({
    ...needs(name, { root: true }),
    async fn() {
      console.log(`${kind.how}, the ${kind.victim}: killed at ${await killEverywhere(kind)}`);
    },
  });
}
