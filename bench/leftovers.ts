/**
 * What containers have left, when all of them were removed.
 *
 * @module
 */

/** Files of the data root, control groups, mounts, and processes of containers: a line each. */
export function leftovers(root: string): string[] {
  const files = ["containers", "running", "names"].flatMap((name) =>
    names(`${root}/${name}`).map((entry) => `${root}/${name}/${entry}`)
  );
  const groups = ["", ...names("/sys/fs/cgroup")].flatMap((hierarchy) =>
    names(`/sys/fs/cgroup/${hierarchy}`).filter((name) => name.startsWith("tiffin-"))
      .map((name) => `/sys/fs/cgroup/${hierarchy}/${name}`)
  );
  const mounts = Deno.readTextFileSync("/proc/self/mountinfo").split("\n")
    .filter((line) => line.includes(`${root}/containers`));
  const monitors = names("/proc").filter((pid) => read(`/proc/${pid}/comm`) === "tiffin-monitor\n")
    .filter((pid) => read(`/proc/${pid}/environ`).includes(`TIFFIN_ROOT=${root}\0`));
  return [...files, ...groups, ...mounts, ...monitors.map((pid) => `process ${pid}`)];
}

function names(directory: string): string[] {
  try {
    return Array.from(Deno.readDirSync(directory), ({ name }) => name);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
