/**
 * The user and group maps of a new user namespace: who in it is whom outside.
 *
 * They are written from outside, once, before anybody in the namespace can do anything
 * (user_namespaces(7), "Defining user and group ID mappings"). An ordinary user may map its own
 * ids alone; a range of others is given by /etc/subuid, and newuidmap(1), which is privileged,
 * checks that and writes the map.
 *
 * @module
 */

import { cloneArgs } from "../../ffi/structs.ts";
import type { Memory } from "../../ffi/memory.ts";
import type { Program } from "../../ffi/program.ts";
import type { LinuxIDMapping, Spec } from "../spec.ts";
import { writeFile } from "./files.ts";

/** How maps are written. */
export interface MapWriter {
  /** absolute paths of newuidmap(1) and newgidmap(1); without them the maps are written directly */
  helpers?: { uid: string; gid: string };
  /** whether setgroups(2) must be given up first, as an ordinary user's own map demands */
  denySetgroups: boolean;
}

/** A helper that was run, and where its wait status is once it has ended. */
export interface HelperRun {
  /** its path and arguments */
  command: string[];
  /** its wait status, as waitpid(2) writes it */
  status: Memory;
}

/**
 * Writes down the parent's calls that give the child its maps.
 *
 * @param pid the child's process id; `"PID"` where a person reads what would be done
 * @returns the helpers that are run: a status other than 0 is a failure
 */
export function writeMaps(
  program: Program,
  pid: number | "PID",
  spec: Spec,
  writer: MapWriter,
): HelperRun[] {
  const { uidMappings = [], gidMappings = [] } = spec.linux ?? {};
  program.phase("user namespace", 13);
  if (writer.denySetgroups) {
    const why = "or a group that only takes rights away could be dropped";
    writeFile(program, `/proc/${pid}/setgroups`, "deny", why);
  }
  const { helpers } = writer;
  if (helpers) {
    return [
      runHelper(program, helpers.gid, pid, gidMappings),
      runHelper(program, helpers.uid, pid, uidMappings),
    ];
  }
  writeFile(
    program,
    `/proc/${pid}/gid_map`,
    mapLines(gidMappings),
    "groups: inside, outside, how many",
  );
  writeFile(
    program,
    `/proc/${pid}/uid_map`,
    mapLines(uidMappings),
    "users: inside, outside, how many",
  );
  return [];
}

/** The text of a uid_map or gid_map file. */
export function mapLines(mappings: readonly LinuxIDMapping[]): string {
  return mappings.map((map) => `${map.containerID} ${map.hostID} ${map.size}\n`).join("");
}

/** Runs newuidmap(1) or newgidmap(1) to its end; what went wrong it says on standard error. */
function runHelper(
  program: Program,
  helper: string,
  pid: number | "PID",
  mappings: readonly LinuxIDMapping[],
): HelperRun {
  const numbers = mappings.flatMap((map) => [map.containerID, map.hostID, map.size].map(String));
  const command = [helper, String(pid), ...numbers];
  const parent = program.label();
  const child = program.call("a range of other users' ids needs a privileged helper", {
    name: "helper",
    fork: { parent },
  }).clone3(cloneArgs(0), 88);
  program.call("which checks /etc/subuid or /etc/subgid, and writes the map")
    .execve(helper, command, ["PATH=/usr/bin:/bin"]);
  program.place(parent);
  const status = program.arena.allocate(8, "status");
  program.call("wait for it").waitpid(child, status, 0);
  return { command, status };
}

/**
 * Looks at how the helpers ended.
 *
 * @throws {Error} where one of them refused to write its map
 */
export function checkHelpers(helpers: readonly HelperRun[]): void {
  for (const { command, status } of helpers) {
    const code = status.at(0).value >> 8;
    if (code === 0) continue;
    throw new Error(
      `${
        command.join(" ")
      }: exit status ${code}: /etc/subuid and /etc/subgid must give this user ` +
        "the range, and the program must be setuid root or have file capabilities",
    );
  }
}
