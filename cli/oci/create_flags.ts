/**
 * The flags of `create`, which `run` has as well.
 *
 * @module
 */

import type { CreateOptions } from "../../runtime/oci/create.ts";
import type { Flags, FlagTable } from "../flags/grammar.ts";
import { absolute, type OciContext, readCount } from "./context.ts";

/** The flags. */
export const CREATE_FLAGS = {
  bundle: { short: "b", value: "DIR", help: "the bundle (the working directory)" },
  "pid-file": { value: "FILE", help: "write the process id of the first process into this file" },
  "console-socket": { value: "SOCKET", help: "send the master of its terminal there" },
  "preserve-fds": { value: "N", help: "pass on N descriptors after standard error" },
  "no-pivot": { help: "move the root to the top, where the host's root is a ramfs" },
  "no-new-keyring": { help: "stay in the session keyring of the caller" },
} as const satisfies FlagTable;

/** Reads them. */
export function readCreateFlags(
  flags: Flags<typeof CREATE_FLAGS>,
  id: string,
  { root, cgroups }: OciContext,
): CreateOptions {
  return {
    root,
    id,
    cgroups,
    bundle: absolute(flags.bundle ?? "."),
    pidFile: flags["pid-file"],
    consoleSocket: flags["console-socket"],
    keep: readCount("preserve-fds", flags["preserve-fds"] ?? "0"),
    listen: listenDescriptors(),
    movesRoot: flags["no-pivot"],
    keepsKeyring: flags["no-new-keyring"],
  };
}

/** How many sockets systemd has passed to this very process, sd_listen_fds(3). */
function listenDescriptors(): number {
  const [count, pid] = [Deno.env.get("LISTEN_FDS"), Deno.env.get("LISTEN_PID")];
  return count && pid === String(Deno.pid) ? readCount("LISTEN_FDS", count) : 0;
}
