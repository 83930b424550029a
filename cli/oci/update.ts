/**
 * `oci update`: new limits for a container that is there.
 *
 * @module
 */

import { updateCgroup } from "../../runtime/cgroups/update.ts";
import { findContainer, OciError, stateFile } from "../../runtime/oci/container.ts";
import type { LinuxResources, Spec } from "../../runtime/spec.ts";
import { parseSpec } from "../../runtime/validate.ts";
import { type Flags, type FlagTable, parseFlags, wrongValue } from "../flags/grammar.ts";
import type { Help } from "../usage.ts";
import { type OciContext, onlyId } from "./context.ts";

const FLAGS = {
  resources: { short: "r", value: "FILE|-", help: "linux.resources as JSON; - is standard input" },
  memory: { value: "BYTES", help: "the most memory; -1: no limit" },
  "memory-reservation": { value: "BYTES", help: "what it keeps when memory runs short" },
  "memory-swap": { value: "BYTES", help: "the most memory and swap together" },
  "cpu-shares": { value: "N", help: "its weight against other containers" },
  "cpu-quota": { value: "MICROSECONDS", help: "processor time in each period" },
  "cpu-period": { value: "MICROSECONDS", help: "the length of a period" },
  "cpuset-cpus": { value: "LIST", help: "the processors that it may use" },
  "cpuset-mems": { value: "LIST", help: "the memory nodes that it may use" },
  "pids-limit": { value: "N", help: "the most processes; -1: no limit" },
  "blkio-weight": { value: "N", help: "its weight at block devices" },
} as const satisfies FlagTable;

/** The help of `oci update`. */
export const help: Help = {
  usage: "oci update [FLAGS] ID",
  summary: "change the limits of a container",
  flags: { Flags: FLAGS },
  examples: [
    { command: "oci update --pids-limit 100 box", does: "at most a hundred processes" },
    { command: "oci update -r - box <limits.json", does: "as engines do it" },
  ],
};

/** Changes the limits. */
export async function command(args: string[], { root }: OciContext): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  const { directory, record } = findContainer(root, onlyId("update", operands));
  if (!record.cgroup) throw new OciError("the container has no control group of its own");
  const resources = flags.resources === undefined
    ? fromFlags(flags)
    : checked(await readText(flags.resources));
  updateCgroup(record.cgroup, resources);
  const { linux } = record.spec;
  record.spec.linux = { ...linux, resources: { ...linux?.resources, ...resources } };
  const file = stateFile(directory);
  Deno.writeTextFileSync(`${file}.new`, JSON.stringify(record), { mode: 0o600 });
  Deno.renameSync(`${file}.new`, file);
  return 0;
}

async function readText(file: string): Promise<string> {
  if (file !== "-") return Deno.readTextFileSync(file);
  return await new Response(Deno.stdin.readable).text();
}

/** Resources are checked as what they are in a config.json. */
function checked(text: string): LinuxResources {
  const spec = parseSpec(
    `{"ociVersion":"1.2.1","root":{"path":"/"},"linux":{"resources":${text}}}`,
  );
  return spec.linux?.resources ?? {};
}

function fromFlags(flags: Flags<typeof FLAGS>): LinuxResources {
  const number = (flag: keyof typeof FLAGS) => {
    const text = flags[flag];
    if (text === undefined) return undefined;
    if (/^-?\d+$/.test(text)) return Number(text);
    throw wrongValue(flag, text, "is not a number");
  };
  const pids = number("pids-limit");
  const resources: LinuxResources = {
    memory: {
      limit: number("memory"),
      reservation: number("memory-reservation"),
      swap: number("memory-swap"),
    },
    cpu: {
      shares: number("cpu-shares"),
      quota: number("cpu-quota"),
      period: number("cpu-period"),
      cpus: flags["cpuset-cpus"],
      mems: flags["cpuset-mems"],
    },
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
    blockIO: { weight: number("blkio-weight") },
  };
  return checked(JSON.stringify(resources satisfies NonNullable<Spec["linux"]>["resources"]));
}
