/**
 * `run -d` and `start` killed at every one of their calls, and the monitor at every one of its own:
 * whatever is left can be started and removed, and then nothing is left.
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
import { identify, type ProcessIdentity } from "../../../runtime/processes.ts";
import { claimFile, claims, clearLeftovers, readIdentity } from "../../../runtime/records.ts";
import { assertUnchanged, hostSnapshot } from "../../helpers/host.ts";
import { needs } from "../../helpers/needs.ts";
import { type TempRoot, tempRoot } from "../../helpers/temp_root.ts";
import { killAt, pointsOf, type Victim } from "./killed_birth.ts";

let root: TempRoot;
let dead: ProcessIdentity;

Deno.test.beforeAll(async () => {
  root = await tempRoot();
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  dead = identify(child.pid)!;
  child.kill("SIGKILL");
  await child.status;
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
async function fresh(command: string[]): Promise<Prepared> {
  return await prepare({ ...await request(command), detach: DETACH });
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
  // a claim without a word in it is taken for somebody's first step until it is old
  const claim = claimFile(root.path, id);
  if (claims(root.path).includes(id) && !readIdentity(claim)) Deno.utimeSync(claim, 0, 0);
  await clearLeftovers(root.path);
  const isThere = inspectContainer(root.path, id) !== undefined;
  if (isThere) {
    const { state } = await startContainer(root.path, id);
    assert(state === "running" || state === "exited", `${where}: it is ${state} after a start`);
    await removeContainer(root.path, id, { isForced: true });
  }
  for (const directory of ["containers", "running"]) {
    const names = [...Deno.readDirSync(`${root.path}/${directory}`)].map(({ name }) => name);
    assertEquals(names.filter((name) => name.startsWith(id)), [], `${where}: ${directory}`);
  }
  return isThere;
}

/** Kills a start, or the monitor that it has made, at one call. */
async function killOnce(
  { at, victim, command, isAgain }: {
    at: number;
    victim: Victim;
    command: string[];
    isAgain: boolean;
  },
): Promise<{ isReached: boolean; isKept: boolean }> {
  const where = `killed at call ${at}`;
  const made = isAgain ? (await createContainer(await request(command))).id : undefined;
  let id: string;
  let isReached: boolean;
  {
    using _lock = made && await lockContainer(root.path, made) || undefined;
    const prepared = made ? await again(made) : await fresh(command);
    id = prepared.record.id;
    isReached = await killAt(prepared, { at, victim, dead });
  }
  const isKept = await carryOn(id, where);
  if (isAgain) assert(isKept, `${where}: the container is lost`);
  return { isReached, isKept };
}

/** How many are killed at the same time: most of the time is spent on waiting for the kernel. */
const AT_ONCE = 8;

async function killEverywhere(
  kind: { victim: Victim; command: string[]; isAgain: boolean },
): Promise<string> {
  // what a first start makes once: the directories, the caches
  const { id } = await createContainer(await request(kind.command));
  await carryOn(id, "the first start");
  const before = hostSnapshot(root.path);
  const points = pointsOf(await fresh(kind.command), kind.victim);
  const [all, next] = [points.length, points[Symbol.iterator]()];
  let [reached, kept] = [0, 0];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (const at of next) {
      const { isReached, isKept } = await killOnce({ at, ...kind });
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

Deno.test({
  ...needs("run -d killed at any of its calls leaves a container that works, or nothing", {
    root: true,
  }),
  async fn() {
    console.log(
      `run -d: killed at ${await killEverywhere({
        victim: "command",
        command: SLEEP,
        isAgain: false,
      })}`,
    );
  },
});

Deno.test({
  ...needs("start killed at any of its calls leaves the container, which can be started", {
    root: true,
  }),
  async fn() {
    console.log(
      `start: killed at ${await killEverywhere({
        victim: "command",
        command: SLEEP,
        isAgain: true,
      })}`,
    );
  },
});

Deno.test({
  ...needs("a monitor killed at any of its calls takes no container with it", { root: true }),
  async fn() {
    console.log(
      `its monitor: killed at ${await killEverywhere({
        victim: "monitor",
        command: TALK,
        isAgain: true,
      })}`,
    );
  },
});
