/**
 * Each command killed before every one of its steps: whatever is left can be started and removed,
 * by whatever name it goes, and then nothing is left.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import type { ContainerRequest } from "../../../runtime/container_request.ts";
import { findContainer, inspectContainer, listContainers } from "../../../runtime/containers.ts";
import { findImage } from "../../../runtime/images/find.ts";
import { createContainer } from "../../../runtime/lifecycle/create.ts";
import { pauseContainer, unpauseContainer } from "../../../runtime/lifecycle/pause.ts";
import { removeContainer } from "../../../runtime/lifecycle/remove.ts";
import { startContainer } from "../../../runtime/lifecycle/start.ts";
import { endByForce } from "../../../runtime/lifecycle/signal.ts";
import { claims, clearLeftovers } from "../../../runtime/records.ts";
import { assertUnchanged, hostSnapshot } from "../../helpers/host.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { isDead } from "./killed_birth.ts";
import { killCommandAt } from "./killed_command.ts";

await using root = await tempRoot();

/** What a command finds. */
type Before = "nothing" | "created" | "running" | "paused" | "exited";

/** The commands: NAME is a container's name, and OTHER one that nobody has. */
const COMMANDS: [before: Before, words: string, more?: Partial<ContainerRequest>][] = [
  ["nothing", "create --name NAME local sleep 60"],
  ["nothing", "run -d --name NAME local sleep 60"],
  ["created", "start NAME"],
  ["exited", "start NAME"],
  ["running", "restart -t 0 NAME"],
  ["running", "stop -t 0 NAME"],
  ["paused", "stop -t 0 NAME"],
  ["running", "kill NAME"],
  ["running", "pause NAME"],
  ["paused", "unpause NAME"],
  ["exited", "rename NAME OTHER"],
  ["created", "rm NAME"],
  ["running", "rm -f NAME"],
  ["exited", "container prune -f --filter label=is=NAME"],
  ["exited", "reap ID", { rm: true }],
  ["exited", "reap ID", { restart: { name: "always", limit: 0 } }],
];

/** Makes what a command finds. @returns the container's id */
async function make(
  before: Before,
  name: string,
  more: Partial<ContainerRequest> = {},
): Promise<string> {
  if (before === "nothing") return "";
  const from = await findImage(root.path, "local");
  const options = { command: ["sleep", "60"] };
  const labels = { is: name };
  const request = { dataRoot: root.path, from, name, hasInput: false, options, labels, ...more };
  const { id } = await createContainer(request);
  // reap says itself that it has watched the container to its end
  if (before === "created" || more.rm || more.restart) return id;
  await startContainer(root.path, id);
  if (before === "paused") await pauseContainer(root.path, id);
  if (before === "exited") await endByForce(root.path, await findContainer(root.path, id));
  return id;
}

/** The next commands, as a person would give them who knows the two names. */
async function carryOn(names: string[], where: string): Promise<void> {
  // what is left may be cleared away by another kill's next command just now
  while (claims(root.path).some((id) => isDead(root.path, id))) {
    await clearLeftovers(root.path);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const all = (await listContainers(root.path)).filter(({ record }) =>
    names.includes(record.name!)
  );
  assert(all.length <= 1, where);
  for (const { id, record, state } of all) {
    assertEquals((await findContainer(root.path, record.name!)).id, id, where);
    if (state === "paused") await unpauseContainer(root.path, id);
    assertEquals((await startContainer(root.path, id)).state, "running", where);
    await removeContainer(root.path, record.name!, { isForced: true });
  }
  // both names are free again
  for (const name of names) await removeContainer(root.path, await make("created", name));
}

let unique = 0;

/** Kills a command before a step. @returns false where it has no such step */
async function killOnce(
  [before, line, more]: typeof COMMANDS[number],
  at: number,
): Promise<boolean> {
  const [name, other] = ["n", "o"].map((letter) => `${letter}${unique++}`);
  const id = await make(before, name, more);
  const fill: Record<string, string> = { NAME: name, OTHER: other, ID: id };
  const words = line.replace(/NAME|OTHER|ID/g, (word) => fill[word]).split(" ");
  const where = `${line}, killed before step ${at}`;
  const wasKilled = await killCommandAt(root.path, at, words);
  const mayBeGone = /^(create|run|rm|container prune|reap)/.test(line);
  if (!mayBeGone) assert(inspectContainer(root.path, id), `${where}: it is lost`);
  try {
    await carryOn([name, other], where);
  } catch (error) {
    throw new Error(where, { cause: error });
  }
  return wasKilled;
}

/** How many commands are killed at the same time. */
const AT_ONCE = 3;

Deno.test({
  ...needs("a command killed at any of its steps leaves nothing that cannot be carried on with", {
    root: true,
  }),
  async fn() {
    await removeContainer(root.path, await make("running", "first"), { isForced: true });
    const before = hostSnapshot(root.path);
    const counts: string[] = [];
    let sum = 0;
    const next = COMMANDS[Symbol.iterator]();
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (const command of next) {
        let steps = 0;
        while (await killOnce(command, steps)) steps++;
        assert(steps > 0, `${command[1]}: it has no step`);
        counts.push(`${command[1]} (${command[0]}): ${steps}`);
        sum += steps;
      }
    }));
    await assertUnchanged(before);
    console.log(`killed before ${sum} steps of ${counts.length} commands:\n${counts.join("\n")}`);
  },
});
