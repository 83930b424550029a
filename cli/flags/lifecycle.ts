/**
 * How a container goes on: `--restart`, `--stop-timeout`, `--cidfile` and `--health-cmd` and its like.
 *
 * @module
 */

import type { HealthRequest, RestartPolicy } from "../../runtime/container_request.ts";
import type { RunCommand, RunFlags } from "../run_flags.ts";
import { wrongFlag, wrongValue } from "./grammar.ts";
import { parseSpan } from "./times.ts";
import { parseWhole } from "./values.ts";

/** Writes what these flags say into the command. */
export function read(flags: RunFlags, command: RunCommand): void {
  const { cidfile, restart, "stop-timeout": timeout } = flags;
  if (cidfile !== undefined) command.cidfile = cidfile;
  if (timeout !== undefined) command.stopTimeout = parseWhole("stop-timeout", timeout, -1, 2 ** 31);
  if (restart !== undefined) command.restart = readRestart(restart);
  if (command.restart && command.rm) {
    throw wrongFlag("--rm removes what --restart would start again: give one of them");
  }
  command.health = readHealth(flags);
}

/** A restart policy in Docker's words; `no` is none. */
export function readRestart(text: string): RestartPolicy | undefined {
  const [name, limit] = text.split(":");
  if (limit !== undefined && name !== "on-failure") {
    throw wrongValue("restart", text, "has a number of times, which on-failure alone can have");
  }
  switch (name) {
    case "no":
    case "":
      return undefined;
    case "always":
    case "unless-stopped":
    case "on-failure":
      return { name, limit: limit === undefined ? 0 : parseWhole("restart", limit, 0, 2 ** 31) };
  }
  throw wrongValue("restart", text, "is not no, on-failure[:TIMES], always or unless-stopped");
}

function readHealth(flags: RunFlags): HealthRequest | undefined {
  const { "health-cmd": command, "health-retries": retries, "no-healthcheck": isNone } = flags;
  const time = (flag: "interval" | "timeout" | "start-period" | "start-interval") => {
    const text = flags[`health-${flag}`];
    return text === undefined ? undefined : parseSpan(`health-${flag}`, text);
  };
  const said: HealthRequest = {
    isOff: isNone || undefined,
    command,
    interval: time("interval"),
    timeout: time("timeout"),
    retries: retries === undefined ? undefined : parseWhole("health-retries", retries, 0, 1e6),
    startPeriod: time("start-period"),
    startInterval: time("start-interval"),
  };
  const given = Object.values(said).filter((value) => value !== undefined).length;
  if (isNone && given > 1) {
    throw wrongFlag("--no-healthcheck says that there is no check: leave the other --health flags");
  }
  return given > 0 ? said : undefined;
}
