/**
 * A place to measure in: a temporary directory, and namespaces that take with them, when they go,
 * what the contestants leave mounted, and the networks that they make.
 *
 * @module
 */

/** What a bench may ask of its ground. */
export interface GroundOptions {
  /** Whether containers are started on it, by crun among others, with networks among other things. */
  starts?: boolean;
}

/** Names the directory to the copy of this process that runs inside the namespace. */
const DIRECTORY = "BENCH_DIRECTORY";

/** The v2 hierarchy of a hybrid host. */
const UNIFIED = "/sys/fs/cgroup/unified/cgroup.controllers";

/**
 * Call `measure` with an empty directory, in a process that has these namespaces of its own, and
 * exit; the directory is removed.
 *
 * On a hybrid host crun refuses to start while the v2 hierarchy has controllers. There, where
 * containers are started, the namespace shows an empty list of them, to every contestant alike.
 */
export async function onOwnGround(
  measure: (directory: string) => void | Promise<void>,
  { starts = true }: GroundOptions = {},
): Promise<void> {
  const inside = Deno.env.get(DIRECTORY);
  if (inside) return await measure(inside);
  if (Deno.uid() !== 0) {
    console.error("the others are measured as root: run the bench with sudo");
    Deno.exit(1);
  }
  const directory = await Deno.makeTempDir({ prefix: "tiffin-bench-" });
  try {
    Deno.exitCode = await againInNamespace(directory, starts);
  } finally {
    await new Deno.Command("rm", { args: ["-rf", "--one-file-system", directory] }).output();
  }
}

async function againInNamespace(directory: string, starts: boolean): Promise<number> {
  const controllers = await Deno.readTextFile(UNIFIED).catch(() => "");
  const hybrid = starts && controllers.trim() !== "";
  if (hybrid) console.log("hybrid cgroups: the v2 controllers are hidden, or crun would refuse\n");
  const hide = hybrid ? `mount --bind /dev/null ${UNIFIED} && ` : "";
  const loopback = starts ? "ip link set lo up && " : "";
  const again = [Deno.execPath(), "run", "-A", Deno.mainModule, ...Deno.args];
  const { code } = await new Deno.Command("unshare", {
    args: [
      ...["--mount", "--propagation", "private", ...(starts ? ["--net"] : [])],
      ...["sh", "-c", `${loopback}${hide}exec "$@"`, "sh", ...again],
    ],
    env: { [DIRECTORY]: directory },
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  return code;
}
