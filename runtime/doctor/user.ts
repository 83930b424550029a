/**
 * Whether the user may make containers: user namespaces and the ids in them.
 *
 * @module
 */

import { ordinaryIdentity } from "../rootless.ts";
import type { Finding, Host } from "./finding.ts";

/** Who the user is, and what that allows. */
export function examineUser(host: Host): Finding[] {
  const { uid } = host;
  const isRoot = uid === 0;
  return [
    {
      subject: "user",
      state: "good",
      found: isRoot ? "root" : `an ordinary user (${uid}): containers get a user namespace`,
    },
    examineNamespaces(host, isRoot),
    ...(isRoot ? [] : [examineIds(host)]),
    examineTracing(host, isRoot),
  ];
}

/** The switches that forbid user namespaces: Debian's, the kernel's own, Ubuntu's. */
const SWITCHES = [
  ["kernel.unprivileged_userns_clone", "0", "1"],
  ["user.max_user_namespaces", "0", "15000"],
  ["kernel.apparmor_restrict_unprivileged_userns", "1", "0"],
] as const;

function examineNamespaces({ read, probes }: Host, isRoot: boolean): Finding {
  const subject = "user namespaces";
  const problem = probes.userNamespace;
  if (!problem) return { subject, state: "good", found: "can be made, and mounted in" };
  const state = isRoot ? "limited" : "bad";
  for (const [name, bad, good] of SWITCHES) {
    if (read(`/proc/sys/${name.replaceAll(".", "/")}`)?.trim() !== bad) continue;
    // what is written there outlasts the next boot
    const file = "/etc/sysctl.d/60-containers.conf";
    const fix = `echo ${name}=${good} | sudo tee -a ${file} && sudo sysctl --system`;
    return { subject, state, found: `forbidden: ${name} is ${bad} (${problem})`, fix };
  }
  return {
    subject,
    state,
    found: `refused with ${problem}: by the kernel's configuration (CONFIG_USER_NS), by a filter ` +
      "of system calls, or by a security module",
    fix: "sudo dmesg | tail   # says which module refused it",
  };
}

function examineIds(host: Host): Finding {
  const { uid, gid, read, program, isPrivileged } = host;
  const subject = "user ids";
  const isProgram = (path: string) => program(path.slice(path.lastIndexOf("/") + 1)) === path;
  const { hasRange, uidMappings } = ordinaryIdentity({ uid, gid, read, isProgram });
  const one = "a container has one user only, root: packages and other users do not work in it";
  const helpers = ["newuidmap", "newgidmap"].map((name) => program(name));
  if (helpers.some((path) => path === undefined)) {
    return {
      subject,
      state: "limited",
      found: `newuidmap is missing: ${one}`,
      fix: "sudo apt install uidmap",
    };
  }
  const weak = helpers.find((path) => !isPrivileged(path!));
  if (weak) {
    return {
      subject,
      state: "bad",
      found: `${weak} has neither the setuid bit nor file capabilities`,
      fix: `sudo chmod u+s ${helpers.join(" ")}`,
    };
  }
  if (!hasRange) {
    return {
      subject,
      state: "limited",
      found: `no range in /etc/subuid and /etc/subgid: ${one}`,
      fix: `sudo usermod --add-subuids ${freeRange(read("/etc/subuid"))} ` +
        `--add-subgids ${freeRange(read("/etc/subgid"))} "$(id -un)"`,
    };
  }
  const count = uidMappings.reduce((sum, { size }) => sum + size, 0);
  return { subject, state: "good", found: `${count} for each container, by newuidmap` };
}

/** A range behind all that are given away already. */
function freeRange(text = ""): string {
  const ends = text.split("\n").map((line) => line.split(":"))
    .map(([, start, count]) => Number(start) + Number(count)).filter((end) => end > 0);
  const first = Math.max(100_000, ...ends);
  return `${first}-${first + 65_535}`;
}

/** What Yama lets somebody trace, Documentation/admin-guide/LSM/Yama.rst; only `step` traces. */
function examineTracing({ read }: Host, isRoot: boolean): Finding {
  const subject = "tracing";
  const scope = Number(read("/proc/sys/kernel/yama/ptrace_scope") ?? 0);
  if (scope < (isRoot ? 3 : 2)) return { subject, state: "good", found: "step can trace" };
  return {
    subject,
    state: "limited",
    found: `step cannot trace its child: kernel.yama.ptrace_scope is ${scope}`,
    fix: scope === 3
      ? "sudo reboot   # 3 stays until then"
      : "sudo sysctl kernel.yama.ptrace_scope=1",
  };
}
