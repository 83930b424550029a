/**
 * What is kept of a container's output: `--log-driver`, `--log-opt`.
 *
 * @module
 */

import type { LogRequest } from "../../runtime/container_request.ts";
import type { RunCommand, RunFlags } from "../run_flags.ts";
import { wrongFlag, wrongValue } from "./grammar.ts";
import { parsePair, parseSize, parseWhole } from "./values.ts";

/** A file of the log has room for some lines, in bytes. */
const SMALLEST = 1024;
/** Each further file is a call at every change of files. */
const MOST_FILES = 100;

/** Writes what these flags say into the command. */
export function read(flags: RunFlags, command: RunCommand): void {
  const { "log-driver": driver, "log-opt": options = [] } = flags;
  const log: LogRequest = { driver: driver === undefined ? undefined : readDriver(driver) };
  if (log.driver === "none" && options.length > 0) {
    throw wrongFlag("--log-driver none keeps nothing that --log-opt could limit: give one of them");
  }
  for (const option of options) readOption(option, log);
  command.log = log;
}

function readDriver(text: string): LogRequest["driver"] {
  switch (text) {
    case "local":
    case "json-file":
    case "none":
      return text;
  }
  throw wrongValue(
    "log-driver",
    text,
    "is not there: local, or json-file, keeps the output for tiffin logs, none keeps nothing",
  );
}

function readOption(text: string, log: LogRequest): void {
  const [key, value] = parsePair("log-opt", text);
  const flag = `log-opt ${key}`;
  switch (key) {
    case "max-size":
      log.size = value === "-1" ? -1 : parseSize(flag, value);
      if (log.size === -1 || log.size >= SMALLEST) return;
      throw wrongValue(flag, value, "is less than 1k, which a few lines need; -1 is no limit");
    case "max-file":
      log.files = parseWhole(flag, value, 1, MOST_FILES);
      return;
  }
  throw wrongValue("log-opt", text, "is no option of the log: it has max-size and max-file");
}
