/**
 * Health checks, carried out: a job of the keeper's (keeper.ts).
 *
 * Each container that is detached and has a check gets a program run in it now and then, as `exec`
 * does it. What comes of it is written into the container's directory, and a new run begins anew.
 *
 * @module
 */

import { POLL, SIG } from "../ffi/constants.ts";
import { attempt, offthread } from "../ffi/libc.ts";
import { pollfd } from "../ffi/structs.ts";
import { type ContainerInfo, inspectContainer } from "./containers.ts";
import { type ExecProcess, prepareExec, startExec } from "./exec.ts";
import { type HealthCheck, healthCheckOf } from "./health_check.ts";
import { type Check, readHealth, writeHealth, writeHealthLog } from "./health_file.ts";
import type { Job } from "./keeper.ts";
import { planExec } from "./lifecycle/exec.ts";
import { claims, containerDirectory, isMonitored, readRecord } from "./records.ts";

/** How often is looked whether a check is due, in milliseconds. */
const ROUND = 200;
/** How many checks run at the same time: each of them waits on a thread. */
const AT_ONCE = 8;
/** So much of what a check says is kept, in bytes, and so many checks, as Docker keeps. */
const MOST_OUTPUT = 4096;
const MOST_CHECKS = 5;

/** The job. */
export const job: Job = { name: "health", isNeeded: (root) => patients(root).length > 0, run };

/** The checks of containers by id; a container has the same one as long as it runs. */
const known = new Map<string, HealthCheck | undefined>();

/** The containers that run, have a monitor, and have a check. */
function patients(dataRoot: string): string[] {
  const running = claims(dataRoot);
  for (const id of known.keys()) if (!running.includes(id)) known.delete(id);
  return running.filter((id) => {
    if (!known.has(id)) {
      const record = readRecord(containerDirectory(dataRoot, id));
      // just being made
      if (!record || !isMonitored(dataRoot, id)) return false;
      known.set(id, healthCheckOf(record.request));
    }
    return known.get(id) !== undefined;
  });
}

/** What is known of one run of a container. */
interface Course {
  /** the monitor's start, which no other run has */
  run: number;
  /** when the next check is due */
  due: number;
  failures: number;
  checks: Check[];
  isBusy?: boolean;
}

async function run(dataRoot: string, signal: AbortSignal): Promise<void> {
  const courses = new Map<string, Course>();
  let busy = 0;
  while (!signal.aborted) {
    for (const id of patients(dataRoot)) {
      const info = inspectContainer(dataRoot, id);
      if (info?.state !== "running" || busy >= AT_ONCE) continue;
      const check = known.get(id)!;
      const course = courseOf(courses, info, check);
      if (course.isBusy || Date.now() < course.due) continue;
      course.isBusy = true;
      busy++;
      // what came of it may find no room on the disk: the keeper has more to do than this
      void examine(dataRoot, info, check, course).catch(() => {}).finally(() => {
        course.isBusy = false;
        busy--;
      });
    }
    await new Promise((resolve) => setTimeout(resolve, ROUND));
  }
}

function courseOf(
  courses: Map<string, Course>,
  { id, owner, started }: ContainerInfo,
  check: HealthCheck,
): Course {
  let course = courses.get(id);
  if (course?.run !== owner!.start) {
    const begin = started?.getTime() ?? Date.now();
    course = { run: owner!.start, due: begin + pause(check, begin), failures: 0, checks: [] };
    courses.set(id, course);
  }
  return course;
}

/** How long is waited for the next check. */
function pause({ startPeriod, startInterval, interval }: HealthCheck, started: number): number {
  return Date.now() < started + startPeriod ? Math.min(startInterval, interval) : interval;
}

/** Carries out a check, and writes down what came of it. */
async function examine(
  dataRoot: string,
  info: ContainerInfo,
  check: HealthCheck,
  course: Course,
): Promise<void> {
  const start = new Date().toISOString();
  const { code, output } = await ask(dataRoot, info.id, check).catch((error) => ({
    code: -1,
    output: error instanceof Error ? error.message : String(error),
  }));
  const { id, directory, owner, started } = info;
  const now = inspectContainer(dataRoot, id);
  // what is said of a container that has ended meanwhile says nothing
  if (now?.process === undefined || now.owner?.start !== owner!.start) return;
  course.due = Date.now() + pause(check, started!.getTime());
  const isStarting = readHealth(directory) === "starting";
  const counts = !isStarting || Date.now() >= started!.getTime() + check.startPeriod;
  course.failures = code === 0 ? 0 : course.failures + Number(counts);
  const end = new Date().toISOString();
  course.checks.push({ Start: start, End: end, ExitCode: code, Output: output });
  course.checks.splice(0, course.checks.length - MOST_CHECKS);
  writeHealthLog(directory, { FailingStreak: course.failures, Log: course.checks });
  if (code === 0) writeHealth(directory, "healthy");
  else if (course.failures >= check.retries) writeHealth(directory, "unhealthy");
}

/** Runs the check's program in the container. @returns its exit code, and what it said */
async function ask(
  dataRoot: string,
  id: string,
  { command, timeout }: HealthCheck,
): Promise<{ code: number; output: string }> {
  const { target, process } = await planExec(dataRoot, id, { command, terminal: true });
  using prepared = await prepareExec(target, process);
  const started = await startExec(prepared);
  const timer = setTimeout(() => started.signal(SIG.KILL), timeout);
  const end = performance.now() + timeout;
  try {
    const [{ code }, output] = await Promise.all([started.wait(), listen(started, end)]);
    if (performance.now() < end) return { code, output };
    return { code: -1, output: `the check took longer than ${timeout} ms` };
  } finally {
    clearTimeout(timer);
    attempt.close(started.terminal!);
  }
}

/**
 * What a process writes to its terminal; the beginning is kept, all of it is read.
 *
 * @param end when it is given up: what the check has left behind may have the terminal open for ever
 */
async function listen({ terminal }: ExecProcess, end: number): Promise<string> {
  const buffer = new Uint8Array(MOST_OUTPUT);
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const left = Math.max(end - performance.now(), 0);
    const isReady = await offthread.poll(pollfd(terminal!, POLL.IN), 1, Math.ceil(left)) > 0;
    // with nobody left who has it open, a terminal reads as EIO
    const count = isReady ? attempt.read(terminal!, buffer, buffer.length) : 0;
    if (count <= 0) return text.replaceAll("\r\n", "\n");
    if (text.length < MOST_OUTPUT) text += decoder.decode(buffer.subarray(0, count));
  }
}
