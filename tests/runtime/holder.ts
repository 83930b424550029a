/**
 * A process that waits in namespaces of its own, for others to join.
 *
 * @module
 */

/** A process in namespaces of its own; it ends when this goes out of scope. */
export interface Holder extends AsyncDisposable {
  /** its process id */
  pid: number;
}

/**
 * Starts a shell in new namespaces, by unshare(1).
 *
 * @param flags unshare's: `--net`, `--pid --fork` …
 * @param script what it does there; it must not end by itself
 */
export async function hold(flags: string[], script = "exec sleep 60"): Promise<Holder> {
  const child = new Deno.Command("unshare", {
    args: [...flags, "sh", "-c", `echo ready; ${script}`],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  // with --fork the first process in the namespaces is a child of unshare's
  const children = await Deno.readTextFile(`/proc/${child.pid}/task/${child.pid}/children`);
  const pid = flags.includes("--fork") ? Number(children.trim()) : child.pid;
  return {
    pid,
    async [Symbol.asyncDispose]() {
      await reader.cancel();
      Deno.kill(pid, "SIGKILL");
      await child.status;
    },
  };
}

/** A namespace of a process's, as the kernel numbers it: `net:[4026531840]`. */
export function namespaceOf(pid: number | "self", name: string): string {
  return Deno.readLinkSync(`/proc/${pid}/ns/${name}`);
}
