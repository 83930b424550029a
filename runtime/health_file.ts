/**
 * What a container's health check has found: a word in a file of the container's directory, and
 * what the last checks have said beside it.
 *
 * @module
 */

import { removeFile } from "./remove_directory.ts";

/** How a container with a health check is, in Docker's words. */
export type Health = "starting" | "healthy" | "unhealthy";

/** Where it stands. */
function healthFile(directory: string): string {
  return `${directory}/health`;
}

/** How a container is; `undefined` for one without a health check. */
export function readHealth(directory: string): Health | undefined {
  try {
    return Deno.readTextFileSync(healthFile(directory)).trim() as Health;
  } catch {
    return undefined;
  }
}

/** Writes it down, in one piece. */
export function writeHealth(directory: string, health: Health): void {
  const path = healthFile(directory);
  Deno.writeTextFileSync(`${path}.new`, `${health}\n`);
  Deno.renameSync(`${path}.new`, path);
}

/** Whether a container can be sent work: it is healthy, or nobody has asked. */
export function isReady(directory: string): boolean {
  const health = readHealth(directory);
  return health === undefined || health === "healthy";
}

/** One check, with the names that Docker's JSON has. */
export interface Check {
  /** when it began */
  Start: string;
  /** when it had ended */
  End: string;
  /** 0 where the container is well; −1 where it could not be asked, or did not answer in time */
  ExitCode: number;
  /** what it said */
  Output: string;
}

/** The last checks. */
export interface HealthLog {
  /** failures in a row */
  FailingStreak: number;
  /** the last of them is the latest */
  Log: Check[];
}

/** What the last checks have said. */
export function readHealthLog(directory: string): HealthLog {
  try {
    return JSON.parse(Deno.readTextFileSync(`${healthFile(directory)}.json`));
  } catch {
    return { FailingStreak: 0, Log: [] };
  }
}

/** Writes it down, in one piece. */
export function writeHealthLog(directory: string, log: HealthLog): void {
  const path = `${healthFile(directory)}.json`;
  Deno.writeTextFileSync(`${path}.new`, JSON.stringify(log), { mode: 0o600 });
  Deno.renameSync(`${path}.new`, path);
}

/** A container is about to be started: nothing is known of this run. */
export function forgetHealth(directory: string): void {
  removeFile(healthFile(directory));
  removeFile(`${healthFile(directory)}.json`);
}
