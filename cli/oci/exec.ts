/**
 * `oci exec`: a further process in a container.
 *
 * @module
 */

import { findContainer } from "../../runtime/oci/container.ts";
import { execInContainer, readProcess } from "../../runtime/oci/exec.ts";
import type { Process } from "../../runtime/spec.ts";
import {
  type Flags,
  type FlagTable,
  parseFlags,
  UsageError,
  wrongValue,
} from "../flags/grammar.ts";
import type { Help } from "../usage.ts";
import { type OciContext, readCount } from "./context.ts";

const FLAGS = {
  process: { short: "p", value: "FILE", help: "a process.json that says all of it" },
  detach: { short: "d", help: "do not wait for its end" },
  tty: { short: "t", help: "give it a terminal" },
  "console-socket": { value: "SOCKET", help: "send the master of its terminal there" },
  "pid-file": { value: "FILE", help: "write its process id into this file" },
  user: { short: "u", value: "UID[:GID]", help: "as whom it runs (as the container's own)" },
  "additional-gids": { short: "g", value: "GID", many: true, help: "a further group" },
  cwd: { value: "DIR", help: "where it begins" },
  env: { short: "e", value: "KEY=VALUE", many: true, help: "a variable, beside the container's" },
  cap: { short: "c", value: "CAP_NAME", many: true, help: "a capability, beside the container's" },
  "no-new-privs": { help: "execve(2) gives it no rights" },
  "preserve-fds": { value: "N", help: "pass on N descriptors after standard error" },
  apparmor: { value: "PROFILE", help: "its AppArmor profile" },
  "process-label": { value: "LABEL", help: "its SELinux context" },
  "ignore-paused": { help: "also where the container is paused: it waits there" },
} as const satisfies FlagTable;

/** Flags of runc's that change nothing here. */
const HIDDEN = {
  cgroup: { refused: "a process is started in the container's own group" },
} as const;

/** The help of `oci exec`. */
export const help: Help = {
  usage: "oci exec [FLAGS] ID COMMAND…",
  summary: "start a further process in a container",
  flags: { Flags: FLAGS },
  examples: [
    { command: "oci exec box ps", does: "the container's processes, seen from inside" },
    { command: "oci exec -p process.json -d box", does: "as engines do it" },
  ],
};

/** Starts a process. */
export async function command(args: string[], { root }: OciContext): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS, { stopEarly: true, hidden: HIDDEN });
  const [id, ...words] = operands;
  if (id === undefined) throw new UsageError("exec takes the id of a container, and a command");
  const container = findContainer(root, id);
  const process = flags.process === undefined
    ? adapt(container.record.spec.process, words, flags)
    : readProcess(flags.process);
  const { detach = false } = flags;
  const started = await execInContainer(container, {
    root,
    // engines say of a process.json that it has a terminal here, too
    process: flags.tty === undefined ? process : { ...process, terminal: flags.tty },
    detach,
    pidFile: flags["pid-file"],
    consoleSocket: flags["console-socket"],
    keep: readCount("preserve-fds", flags["preserve-fds"] ?? "0"),
    ignorePaused: flags["ignore-paused"],
  });
  if (detach) return 0;
  const { attend } = await import("../run.ts");
  return await attend(started);
}

/** The container's own process with what the flags say. */
function adapt(process: Process, args: string[], flags: Flags<typeof FLAGS>): Process {
  if (!args.length) throw new UsageError("exec needs a command, or --process");
  const { cap = [], env = [] } = flags;
  const user = flags.user === undefined ? process.user : readUser(flags.user);
  const gids = (flags["additional-gids"] ?? []).map((gid) => readCount("additional-gids", gid));
  return {
    ...process,
    args,
    terminal: false,
    env: [...process.env ?? [], ...env],
    cwd: flags.cwd ?? process.cwd,
    user: gids.length ? { ...user, additionalGids: gids } : user,
    capabilities: cap.length
      ? Object.fromEntries(
        (["bounding", "effective", "permitted", "ambient", "inheritable"] as const).map((set) => [
          set,
          [...new Set([...process.capabilities?.[set] ?? [], ...cap])],
        ]),
      )
      : process.capabilities,
    noNewPrivileges: flags["no-new-privs"] ?? process.noNewPrivileges,
    apparmorProfile: flags.apparmor ?? process.apparmorProfile,
    selinuxLabel: flags["process-label"] ?? process.selinuxLabel,
  };
}

function readUser(text: string): Process["user"] {
  const [, uid, gid = "0"] = /^(\d+)(?::(\d+))?$/.exec(text) ?? [];
  if (uid === undefined) throw wrongValue("user", text, "is not a number, nor two with a colon");
  return { uid: Number(uid), gid: Number(gid) };
}
