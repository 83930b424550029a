/**
 * What a test needs of the machine, and how it says so where that is missing.
 *
 * A test that cannot run here is skipped under a name that ends in the reason, so that every
 * reporter shows it and `.ci/run` can count the reasons:
 *
 * ```ts ignore
 * Deno.test({
 *   ...needs("pivot_root refuses a root that is no mount point", { root: true }),
 *   fn() {},
 * });
 * ```
 *
 * @module
 */

/** Whether the tests run as root. */
export const isRoot = Deno.uid() === 0;

/** What a test can need. */
export interface Requirements {
  /** The effective user is root. */
  root?: true;
  /** The user is not root, may make user namespaces, and has ranges in subuid(5) and subgid(5). */
  ordinaryUser?: true;
  /** Programs found in `PATH`. */
  programs?: readonly string[];
  /** Shared libraries, by the name that dlopen(3) is given. */
  libraries?: readonly string[];
  /** A pure v2 hierarchy that has the four controllers, or v1 hierarchies. */
  cgroup?: "v2" | "v1";
  /** Files or directories that exist. */
  files?: readonly string[];
  /** The machine's architecture, as Deno names it. */
  arch?: typeof Deno.build.arch;
}

/**
 * The name of a test and whether to skip it.
 *
 * @throws If root is needed and missing, and `TIFFIN_TEST_ROOT` says that nothing may be skipped
 * for want of it.
 */
export function needs(
  name: string,
  requirements: Requirements,
): { name: string; ignore: boolean } {
  if (requirements.root && !isRoot && Deno.env.get("TIFFIN_TEST_ROOT")) {
    throw new Error(`"${name}" needs root: sudo env "PATH=$PATH" deno task test:root`);
  }
  const lacking = missing(requirements);
  return lacking.length === 0
    ? { name, ignore: false }
    : { name: `${name} (needs ${lacking.join(", ")})`, ignore: true };
}

function missing(requirements: Requirements): string[] {
  const { root, ordinaryUser, programs, libraries, cgroup, files, arch } = requirements;
  const lacking: string[] = [];
  if (root && !isRoot) lacking.push("root");
  if (ordinaryUser) lacking.push(...missingOfOrdinaryUser());
  lacking.push(...(programs ?? []).filter((program) => !hasProgram(program)));
  lacking.push(...(libraries ?? []).filter((library) => !hasLibrary(library)));
  if (cgroup && !hasCgroup(cgroup)) lacking.push(`cgroup ${cgroup}`);
  lacking.push(...(files ?? []).filter((file) => !exists(file)));
  if (arch && arch !== Deno.build.arch) lacking.push(arch);
  return lacking;
}

/** Whether a program is in `PATH`. */
export function hasProgram(program: string): boolean {
  const directories = (Deno.env.get("PATH") ?? "").split(":").concat("/usr/sbin", "/sbin");
  return directories.some((directory) => exists(`${directory}/${program}`));
}

/** Whether cgroups of this version carry the controllers that limits need. */
export function hasCgroup(version: "v2" | "v1"): boolean {
  if (version === "v1") return exists("/sys/fs/cgroup/memory/cgroup.procs");
  const controllers = read("/sys/fs/cgroup/cgroup.controllers").trim().split(" ");
  return ["cpu", "io", "memory", "pids"].every((controller) => controllers.includes(controller));
}

function missingOfOrdinaryUser(): string[] {
  if (isRoot) return ["an ordinary user"];
  const lacking: string[] = [];
  // Debian's switch, the namespace count of user_namespaces(7), and Ubuntu's AppArmor switch.
  const refused = read("/proc/sys/kernel/unprivileged_userns_clone").trim() === "0" ||
    read("/proc/sys/user/max_user_namespaces").trim() === "0" ||
    read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").trim() === "1";
  if (refused) lacking.push("user namespaces");
  if (!hasProgram("newuidmap")) lacking.push("newuidmap");
  for (const file of ["/etc/subuid", "/etc/subgid"]) {
    const owners = read(file).split("\n").map((line) => line.split(":")[0]);
    if (!owners.includes(userName()) && !owners.includes(String(Deno.uid()))) {
      lacking.push(`a range in ${file}`);
    }
  }
  return lacking;
}

function userName(): string {
  const entries = read("/etc/passwd").split("\n").map((line) => line.split(":"));
  return entries.find((entry) => entry[2] === String(Deno.uid()))?.[0] ?? "";
}

function hasLibrary(library: string): boolean {
  try {
    Deno.dlopen(library, {}).close();
    return true;
  } catch {
    return false;
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
