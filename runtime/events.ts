/**
 * What happens to containers, seen by whoever looks: nobody keeps a diary.
 *
 * There is no daemon that everything passes through, and a command that is killed could not write
 * down that it was. What is true of a container is in its directory and in the kernel, so events are
 * the differences between two looks at these: inotify(7) says when to look, and one who looks every
 * second also sees what no file tells. What was before is told as far as it is still known: when a
 * container was made, and when its last run began and ended.
 *
 * @module
 */

import { type ContainerInfo, inspectContainer } from "./containers.ts";
import { type Health, readHealth } from "./health_file.ts";
import type { ProcessIdentity } from "./processes.ts";
import { claimsDirectory, containersDirectory } from "./records.ts";

/** What can happen, in Docker's words. */
export type Action =
  | "create"
  | "start"
  | "pause"
  | "unpause"
  | "rename"
  | "oom"
  | "die"
  | "destroy"
  | `health_status: ${Health}`;

/** Something that happened. */
export interface ContainerEvent {
  /** when, in milliseconds since 1970 */
  time: number;
  /** what */
  action: Action;
  /** the container's id */
  id: string;
  /** its image, its name, its labels, and what belongs to the action, as the exit code does */
  attributes: Record<string, string>;
}

/** A container as it was when it was looked at. */
export interface Look extends Pick<ContainerInfo, "id" | "state" | "record" | "status"> {
  /** its first process, while it runs */
  process?: ProcessIdentity;
  /** when it was started, while it runs, in milliseconds since 1970 */
  started?: number;
  /** what its health check says */
  health?: Health;
}

/** Looks at all containers. */
export function look(dataRoot: string): Map<string, Look> {
  const looks = new Map<string, Look>();
  for (const id of names(containersDirectory(dataRoot))) {
    const info = inspectContainer(dataRoot, id);
    if (!info) continue;
    const { state, record, status, process, started, directory } = info;
    const health = process && readHealth(directory);
    looks.set(id, { id, state, record, status, process, started: started?.getTime(), health });
  }
  return looks;
}

/** What must have happened between two looks, in its order. */
export function between(
  before: ReadonlyMap<string, Look>,
  after: ReadonlyMap<string, Look>,
  now: number,
): ContainerEvent[] {
  const ids = new Set([...before.keys(), ...after.keys()]);
  return [...ids].flatMap((id) => eventsOf(before.get(id), after.get(id), now))
    .sort((a, b) => a.time - b.time);
}

/** What is still known of what has happened. */
export function past(looks: ReadonlyMap<string, Look>): ContainerEvent[] {
  return between(new Map(), looks, Date.now());
}

function eventsOf(before: Look | undefined, after: Look | undefined, now: number) {
  const events: ContainerEvent[] = [];
  const add = (look: Look, action: Action, time: number, more: Record<string, string> = {}) =>
    events.push({ time, action, id: look.id, attributes: { ...attributesOf(look), ...more } });
  const end = (look: Look, run: Look["status"]) => {
    if (run?.exit.isOutOfMemory) add(look, "oom", run.ended.getTime());
    add(look, "die", run?.ended.getTime() ?? now, run && { exitCode: String(run.exit.code) });
  };
  if (!after) {
    if (before!.process) end(before!, undefined);
    add(before!, "destroy", now);
    return events;
  }
  if (!before) add(after, "create", Date.parse(after.record.created));
  else if (before.record.name !== after.record.name) {
    add(after, "rename", now, { oldName: before.record.name ?? "" });
  }
  const { status } = after;
  const isNewEnd = status && status.ended.getTime() !== before?.status?.ended.getTime();
  const isNewRun = after.process && !isSame(before?.process, after.process);
  // the run that has ended need not be the one that was seen before
  if (isNewEnd && before?.process?.pid === undefined) add(after, "start", status.started.getTime());
  if (isNewEnd) end(after, status);
  else if (before?.process && !isSame(before.process, after.process)) end(after, undefined);
  if (isNewRun) add(after, "start", after.started ?? now);
  const wasPaused = !isNewRun && before?.state === "paused";
  if (after.state === "paused" && !wasPaused) add(after, "pause", now);
  if (after.state === "running" && wasPaused) add(after, "unpause", now);
  if (after.health && after.health !== before?.health) {
    add(after, `health_status: ${after.health}`, now);
  }
  return events;
}

function isSame(a: ProcessIdentity | undefined, b: ProcessIdentity | undefined): boolean {
  return a?.pid === b?.pid && a?.start === b?.start;
}

function attributesOf({ record }: Look): Record<string, string> {
  return { ...record.labels, image: record.image, name: record.name ?? "" };
}

/** How often it is looked though nothing was heard, in milliseconds. */
const PERIOD = 1000;

/** Gives out what happens from now on, until the signal fires. */
export async function* watchEvents(
  dataRoot: string,
  signal: AbortSignal,
): AsyncGenerator<ContainerEvent> {
  for (const directory of [containersDirectory(dataRoot), claimsDirectory(dataRoot)]) {
    Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
  }
  let wake = () => {};
  let isRung = false;
  const ring = () => {
    isRung = true;
    wake();
  };
  const watcher = watch(dataRoot);
  signal.addEventListener("abort", ring);
  void (async () => {
    try {
      for await (const _ of watcher ?? []) ring();
    } catch {
      // closed: nobody listens any more
    }
  })();
  let before = look(dataRoot);
  try {
    while (!signal.aborted) {
      if (!isRung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, PERIOD);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      isRung = false;
      const after = look(dataRoot);
      yield* between(before, after, Date.now());
      before = after;
    }
  } finally {
    signal.removeEventListener("abort", ring);
    watcher?.close();
  }
}

/** A claim comes with each start, and goes with each end; a directory with each container. */
function watch(dataRoot: string): Deno.FsWatcher | undefined {
  try {
    const directories = [containersDirectory(dataRoot), claimsDirectory(dataRoot)];
    return Deno.watchFs(directories, { recursive: false });
  } catch {
    // inotify's instances are limited: then it is looked every second
    return undefined;
  }
}

function names(directory: string): string[] {
  try {
    return Array.from(Deno.readDirSync(directory), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
