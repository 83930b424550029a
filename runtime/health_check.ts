/**
 * A container's health check: what its image says, and what was said over it.
 *
 * @module
 */

import type { StoredRequest } from "./records.ts";

/** How it is found out whether a container is well; times are in milliseconds. */
export interface HealthCheck {
  /** the program that is run in it: 0 is well */
  command: string[];
  /** between two checks */
  interval: number;
  /** a check that takes longer has failed */
  timeout: number;
  /** so many failures in a row make it unhealthy */
  retries: number;
  /** from the start, in which failures do not count */
  startPeriod: number;
  /** between two checks in that time */
  startInterval: number;
}

/** Docker's, where nobody says otherwise. */
const USUAL = {
  interval: 30_000,
  timeout: 30_000,
  retries: 3,
  startPeriod: 0,
  startInterval: 5000,
};

/** What a timer can be set to, in milliseconds; with more it would fire at once. */
const LONGEST = 2 ** 31 - 1;

/** The check of a container; `undefined` for one that has none. */
export function healthCheckOf(
  { health = {}, from }: Pick<StoredRequest, "health" | "from">,
): HealthCheck | undefined {
  const image = typeof from === "string" ? undefined : from.config.config;
  const { Test, Interval, Timeout, Retries, StartPeriod, StartInterval } = image?.Healthcheck ?? {};
  const command = health.command === undefined
    ? commandOf(Test ?? [], image?.Shell)
    : shell(health.command);
  if (health.isOff || !command) return undefined;
  // 0 is "as usual", in an image and on a command line
  const nanoseconds = (time: number | undefined) => (time ?? 0) / 1e6;
  return {
    command,
    interval: health.interval || nanoseconds(Interval) || USUAL.interval,
    timeout: Math.min(health.timeout || nanoseconds(Timeout) || USUAL.timeout, LONGEST),
    retries: health.retries || Retries || USUAL.retries,
    startPeriod: health.startPeriod ?? nanoseconds(StartPeriod),
    startInterval: health.startInterval || nanoseconds(StartInterval) || USUAL.startInterval,
  };
}

function commandOf([kind, ...words]: string[], own?: string[] | null): string[] | undefined {
  if (words.length === 0) return undefined;
  if (kind === "CMD") return words;
  return kind === "CMD-SHELL" ? shell(words[0], own) : undefined;
}

function shell(text: string, own?: string[] | null): string[] {
  return [...(own?.length ? own : ["/bin/sh", "-c"]), text];
}
