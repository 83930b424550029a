/**
 * What runs: `--env`, `--user`, `--workdir`, `--entrypoint` and their like.
 *
 * @module
 */

import { SIG } from "../../ffi/constants.ts";
import type { RunCommand, RunFlags } from "../run_flags.ts";
import { wrongFlag, wrongValue } from "./grammar.ts";
import { readList } from "./lists.ts";
import { containerPath, statOf } from "./paths.ts";

/** Writes what these flags say into the command. */
export function read(flags: RunFlags, command: RunCommand): void {
  const { env, entrypoint, workdir, user } = flags;
  const { "env-file": files, "group-add": groups, "stop-signal": signal } = flags;
  const { options } = command;
  if (env || files) options.env = readEnvironment(env, files);
  if (entrypoint !== undefined) options.entrypoint = entrypoint === "" ? [] : [entrypoint];
  if (workdir) options.workdir = containerPath("workdir", workdir);
  if (user) command.user = user;
  if (groups) command.groups = groups;
  if (flags.init) options.init = findInit();
  if (signal !== undefined) options.stopSignal = checkSignal(signal);
}

/** The variables of the files first, so that those on the command line win. */
export function readEnvironment(env: string[] = [], files: string[] = []): string[] {
  const fromFiles = files.flatMap((file) => {
    return readList("env-file", file).flatMap(([name, value]) => {
      // A name alone takes the caller's value, and nothing where the caller has none.
      const text = value ?? Deno.env.get(name);
      return text === undefined ? [] : [`${name}=${text}`];
    });
  });
  return [...fromFiles, ...env.map(fromCaller)];
}

/** `KEY` alone takes the caller's value; where the caller has none, the image's goes too. */
function fromCaller(entry: string): string {
  const name = entry.split("=", 1)[0];
  if (name === "") throw wrongValue("env", entry, "has no name before the =");
  if (name !== entry) return entry;
  const value = Deno.env.get(name);
  return value === undefined ? name : `${name}=${value}`;
}

/** A signal's name or number, as `stop` will send it. */
function checkSignal(text: string): string {
  const name = text.toUpperCase().replace(/^SIG/, "");
  // The real-time signals have no fixed numbers: glibc keeps the first two to itself.
  const isReal = /^RTM(IN(\+([0-9]|1[0-5]))?|AX(-([0-9]|1[0-4]))?)$/.test(name);
  const isNumber = /^\d+$/.test(name) && Number(name) >= 1 && Number(name) <= 64;
  if (isReal || isNumber || Object.hasOwn(SIG, name)) return isNumber ? name : `SIG${name}`;
  throw wrongValue("stop-signal", text, "is not a signal; write SIGTERM, TERM or 15");
}

/** Programs that are made to be PID 1: linked statically, because they run in any image. */
const INITS = [
  "/usr/bin/docker-init",
  "/usr/libexec/docker/docker-init",
  "/usr/local/bin/docker-init",
  "/usr/bin/catatonit",
  "/usr/libexec/podman/catatonit",
  "/usr/libexec/catatonit/catatonit",
  "/usr/bin/tini-static",
];

function findInit(): string {
  const found = INITS.find((path) => statOf(path)?.isFile);
  if (found !== undefined) return found;
  throw wrongFlag(
    "--init: no init is installed: get catatonit or tini (on Debian: apt install catatonit)",
  );
}
