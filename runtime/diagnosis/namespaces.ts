/**
 * No new process, or no new namespace: who forbids it, or which limit is reached?
 *
 * clone(2), unshare(2), setns(2), namespaces(7); the kernel's kernel/ucount.c for the limits.
 *
 * @module
 */

import { CLONE } from "../../ffi/constants.ts";
import { Memory } from "../../ffi/memory.ts";
import { filteredFromOutside, lacks, restrictedByAppArmor, unknownCall } from "./causes.ts";
import { type Cases, each, either, type Finder, type Finding, named, type Scene } from "./scene.ts";

/** The kinds of namespaces, by the name of their limit in /proc/sys/user. */
const KINDS: Record<string, number> = {
  user: CLONE.NEWUSER,
  pid: CLONE.NEWPID,
  mnt: CLONE.NEWNS,
  uts: CLONE.NEWUTS,
  ipc: CLONE.NEWIPC,
  net: CLONE.NEWNET,
  cgroup: CLONE.NEWCGROUP,
  time: CLONE.NEWTIME,
};

/** The CLONE flags that were asked for, the sum of them: they do not fit in 32 bits. */
function flagsOf({ step }: Scene): number {
  const [args] = step.args;
  if (step.name !== "clone3") return Number(args);
  const bytes = args instanceof Memory ? args.bytes : (args as { bytes: Uint8Array }).bytes;
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
}

function has(scene: Scene, flag: number): boolean {
  return (BigInt(flagsOf(scene)) & BigInt(flag)) !== 0n;
}

/** The kinds of namespaces that were asked for. */
function kindsOf(scene: Scene): string[] {
  return Object.keys(KINDS).filter((kind) => has(scene, KINDS[kind]));
}

const userNamespacesSwitchedOff: Finder = (scene) => {
  if (!has(scene, CLONE.NEWUSER)) return;
  if (scene.host("/proc/sys/kernel/unprivileged_userns_clone") !== "0") return;
  return {
    cause: "this system does not let ordinary users make user namespaces " +
      "(kernel.unprivileged_userns_clone is 0)",
    advice: "sudo sysctl -w kernel.unprivileged_userns_clone=1, or run as root",
  };
};

const notPrivileged: Finder = (scene) => {
  const kinds = kindsOf(scene);
  if (kinds.length === 0 || has(scene, CLONE.NEWUSER)) return;
  const finding = lacks("CAP_SYS_ADMIN")(scene);
  return finding && {
    cause: `${kinds.join(", ")} namespaces: ${finding.cause}`,
    advice: "run as root, or have a user namespace made as well: in it every right is there",
  };
};

const chrooted: Finder = (scene) => {
  if (!has(scene, CLONE.NEWUSER) || !scene.isChrooted) return;
  return {
    cause: "a process in a chroot may not make a user namespace, user_namespaces(7)",
    advice: "run this outside of the chroot",
  };
};

const limitReached: Finder = (scene) => {
  const limits = kindsOf(scene).map((kind) => {
    const name = `max_${kind}_namespaces`;
    return { kind, name, value: scene.host(`/proc/sys/user/${name}`) };
  });
  const zero = limits.find(({ value }) => value === "0");
  if (zero) {
    return {
      cause: `no ${zero.kind} namespace may be made on this system (user.${zero.name} is 0)`,
      advice: `sudo sysctl -w user.${zero.name}=10000`,
    };
  }
  if (limits.length === 0) return;
  return {
    cause: "this user has as many namespaces as it may have, or they are nested 32 deep: " +
      limits.map(({ name, value }) => `user.${name} is ${value || "unknown"}`).join(", "),
    advice: "end some containers, or raise the limit with sysctl",
  };
};

const tooManyProcesses: Finder = (scene) => {
  const groupLimit = scene.failure.request.spec.linux?.resources?.pids?.limit;
  const limits = [
    ["the user's limit of processes (ulimit -u)", processLimit(scene)],
    ["kernel.threads-max", scene.host("/proc/sys/kernel/threads-max")],
    ["kernel.pid_max", scene.host("/proc/sys/kernel/pid_max")],
    ...groupLimit ? [["the container's own --pids-limit", String(groupLimit)]] : [],
  ];
  return {
    cause: "a limit of processes is reached: one of " +
      limits.map(([name, value]) => `${name}, ${value || "unknown"}`).join("; ") +
      "; or pids.max of the cgroup that this runs in",
    advice: "end some processes, or raise the limit that is nearest",
  };
};

function processLimit(scene: Scene): string {
  return /^Max processes\s+(\S+)/m.exec(scene.proc("limits"))?.[1] ?? "";
}

const intoCgroup = (say: (cgroup: string) => Finding): Finder => (scene) => {
  if (!has(scene, CLONE.INTO_CGROUP)) return;
  return say(named(scene.failure.request.cgroup?.into ?? "the cgroup"));
};

const hasInnerGroups = intoCgroup((cgroup) => ({
  cause:
    `${cgroup} hands controllers on to groups below it, and such a group may have no process ` +
    "of its own, cgroups(7)",
  advice: "choose another group with --cgroup-parent",
}));

const invalidGroup = intoCgroup((cgroup) => ({
  cause:
    `${cgroup} is of a type that takes no whole processes: its cgroup.type is "domain invalid" ` +
    'or "threaded"',
  advice: "choose another group with --cgroup-parent",
}));

const forbiddenGroup = intoCgroup((cgroup) => ({
  cause:
    `a process may be put into ${cgroup} only by who may write cgroup.procs there and in the ` +
    "group that both are below",
  advice: "run as root, or have the group delegated: systemd-run --user --scope -p Delegate=yes",
}));

const sharedWrongly: Finder = (scene) => ({
  cause: `${named(scene.origin(0)?.args[0]?.toString() ?? "the file")} is not a namespace of the ` +
    "kind that is to be joined",
  advice: "name a file such as /proc/PID/ns/net",
});

const foreignNamespace: Finder = () => ({
  cause: "joining that namespace needs CAP_SYS_ADMIN in the user namespace that it belongs to",
  advice: "run as the user who made it, or as root",
});

const notAllowed = either(
  userNamespacesSwitchedOff,
  restrictedByAppArmor,
  notPrivileged,
  chrooted,
  filteredFromOutside,
);

/** What to look for when there is no new process or namespace. */
export const NAMESPACES: Cases = {
  clone3: {
    EPERM: notAllowed,
    ...each("ENOSPC EUSERS", limitReached),
    EAGAIN: tooManyProcesses,
    ENOSYS: unknownCall,
    EBUSY: hasInnerGroups,
    EOPNOTSUPP: invalidGroup,
    EACCES: forbiddenGroup,
  },
  unshare: {
    EPERM: notAllowed,
    ...each("ENOSPC EUSERS", limitReached),
    ENOSYS: unknownCall,
  },
  setns: { EINVAL: sharedWrongly, EPERM: foreignNamespace },
};
