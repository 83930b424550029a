/**
 * What /proc says of a process, read as plainly as possible: the second opinion on what a debugger
 * of births says has changed.
 *
 * @module
 */

/** Lines of /proc by what they are about, in raw form. */
export interface Raw {
  /** `/proc/PID/ns`: numbers by kind */
  namespaces: Map<string, string>;
  /** `/proc/PID/mountinfo`: mount points by the mounts' numbers */
  mounts: Map<string, string>;
  /** `/proc/PID/status`: values by field */
  status: Map<string, string>;
  /** `/proc/PID/fd`: targets by number */
  descriptors: Map<string, string>;
  /** `/proc/PID/cgroup`: paths by hierarchy */
  cgroups: Map<string, string>;
  /** `/proc/PID/uid_map` and its like, and where the process stands */
  others: Map<string, string>;
}

/** Reads it. */
export function readRaw(pid: number): Raw {
  const text = (name: string) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/${name}`);
    } catch {
      return "";
    }
  };
  const lines = (name: string) => text(name).split("\n").filter(Boolean);
  const links = (name: string) =>
    new Map(
      entries(`/proc/${pid}/${name}`).flatMap((entry): [string, string][] => {
        try {
          return [[entry, Deno.readLinkSync(`/proc/${pid}/${name}/${entry}`)]];
        } catch {
          return [];
        }
      }),
    );
  return {
    namespaces: new Map([...links("ns")].filter(([name]) => !name.endsWith("_for_children"))),
    mounts: new Map(
      lines("mountinfo").map((line) => {
        const [id, , , , point] = line.split(" ");
        return [id, point];
      }),
    ),
    status: new Map(
      lines("status").map((line) => {
        const [name, ...rest] = line.split(":");
        return [name, rest.join(":").trim()];
      }),
    ),
    descriptors: links("fd"),
    cgroups: new Map(
      lines("cgroup").map((line) => {
        const [, name, path] = line.split(":");
        return [name || "version 2", path];
      }),
    ),
    others: new Map([
      ...["uid_map", "gid_map", "setgroups"].map((name): [string, string] => [name, text(name)]),
      ["cwd", links(".").get("cwd") ?? ""],
    ]),
  };
}

/** The names whose values differ. */
export function differing(before: Map<string, string>, after: Map<string, string>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((name) => before.get(name) !== after.get(name)).sort();
}

function entries(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name);
  } catch {
    return [];
  }
}
