/**
 * Who the process is to be, and what it may do: ids, capabilities, limits, the filter.
 *
 * @module
 */

import { PR, RLIMIT } from "../../ffi/constants.ts";
import { capabilityNames } from "../capabilities.ts";
import {
  filteredFromOutside,
  lacks,
  restrictedByAppArmor,
  unknownCall,
  unmapped,
} from "./causes.ts";
import { type Cases, each, either, type Finder, named, type Scene } from "./scene.ts";

/** NGROUPS_MAX. */
const MOST_GROUPS = 65536;
/** BPF_MAXINSNS: instructions of one filter. */
const LONGEST_FILTER = 4096;

/** A map of a user namespace as one line: `0-0, 1-65536`. */
function ranges(map: string): string {
  const lines = map.split("\n").filter(Boolean).map((line) => line.trim().split(/\s+/).map(Number));
  return lines.map(([first, , count]) => `${first}-${first + count - 1}`).join(", ") || "none";
}

const idNotMapped = (kind: "uid" | "gid", idsOf: (scene: Scene) => number[]): Finder => (scene) => {
  const id = unmapped(scene, kind, idsOf(scene));
  if (id === undefined) return;
  const what = kind === "uid" ? "user" : "group";
  return {
    cause: `${what} ${id} is not in the container's user namespace, which has ${what}s ` +
      ranges(scene.proc(`${kind}_map`)),
    advice: `choose another --user, or give this user a longer range in /etc/sub${kind}`,
  };
};

/** 2^32 − 1 stands for "leave it as it is". */
const idArguments = (...indices: number[]) => (scene: Scene) =>
  indices.map((index) => scene.number(index)).filter((id) => id >= 0 && id < 0xffffffff);

const groupsOf = ({ failure: { request } }: Scene) =>
  request.spec.process.user.additionalGids ?? [];

const groupsForbidden: Finder = (scene) => {
  if (scene.proc("setgroups") !== "deny") return;
  return {
    cause: "this user namespace may not change its groups: an ordinary user who maps only itself " +
      "has to give that up, user_namespaces(7)",
    advice: "leave --group-add away, or give this user ranges in /etc/subuid and /etc/subgid",
  };
};

const tooManyGroups: Finder = (scene) => {
  const count = scene.number(0);
  return count <= MOST_GROUPS ? undefined : {
    cause: `there are ${count} groups, and the kernel takes ${MOST_GROUPS}`,
  };
};

const tooManyProcesses: Finder = (scene) => ({
  cause: `user ${scene.number(0)} has as many processes as RLIMIT_NPROC lets it have`,
  advice: "raise --ulimit nproc: it counts the user's processes in all containers together",
});

const rightsNotHad: Finder = (scene) => {
  const struct = scene.step.args[1];
  if (struct === null || typeof struct !== "object" || !("bytes" in struct)) return;
  const { bytes } = struct;
  const words = new DataView(bytes.buffer, bytes.byteOffset);
  const mask = (index: number) =>
    BigInt(words.getUint32(index * 4, true)) | BigInt(words.getUint32(index * 4 + 12, true)) << 32n;
  const { permitted, bounding } = scene.credentials;
  const excess = (mask(0) | mask(1)) & ~permitted;
  const names = capabilityNames(excess || mask(2) & ~bounding);
  if (names.length === 0) return;
  return {
    cause: `${names.join(", ")} cannot be given on: this process does not have ` +
      (names.length === 1 ? "it" : "them"),
    advice: `leave ${names.length === 1 ? "it" : "them"} away with --cap-drop, or run as root`,
  };
};

const resourceName = (scene: Scene) =>
  Object.keys(RLIMIT).find((name) => RLIMIT[name as keyof typeof RLIMIT] === scene.number(1)) ??
    "?";

const limitRaised: Finder = (scene) => {
  const name = resourceName(scene);
  const asked = scene.failure.request.spec.process.rlimits
    ?.find(({ type }) => type === `RLIMIT_${name}`);
  const largest = scene.host("/proc/sys/fs/nr_open");
  if (name === "NOFILE" && asked && Number(largest) < asked.hard) {
    return {
      cause: `no process may have more than ${largest} open files (fs.nr_open)`,
      advice: `ask for less with --ulimit nofile, or sudo sysctl -w fs.nr_open=${asked.hard}`,
    };
  }
  return {
    cause: `RLIMIT_${name} is to be raised above its hard limit, which needs CAP_SYS_RESOURCE`,
    advice: "ask for less with --ulimit, or raise the limit of the user who starts this",
  };
};

const limitsCrossed: Finder = (scene) => ({
  cause: `the soft limit of RLIMIT_${resourceName(scene)} is above the hard one`,
  advice: "write --ulimit name=soft:hard with the smaller number first",
});

const filterNeedsPrivilege: Finder = (scene) => {
  if (scene.credentials.noNewPrivileges) return;
  return {
    cause: "a filter of system calls may be set by who has given up new privileges, or has " +
      "CAP_SYS_ADMIN: this process has neither",
    advice: "leave --security-opt no-new-privileges=false away",
  };
};

const filterRefused: Finder = ({ failure: { request: { seccomp } } }) => {
  const length = (seccomp?.filter.length ?? 0) / 8;
  if (length > LONGEST_FILTER || length === 0) {
    return {
      cause: `the seccomp filter has ${length} instructions, and the kernel takes 1 to ` +
        LONGEST_FILTER,
      advice: "shorten the profile",
    };
  }
  return {
    cause: "the kernel does not know one of the filter's flags, or one of its instructions",
    advice: "take the flags out of the profile: not every kernel has them all",
  };
};

const noSeccomp: Finder = either(unknownCall, () => ({
  cause: "this kernel is built without seccomp filters",
  advice: "--security-opt seccomp=unconfined runs the container without one",
}));

const nodeInUserNamespace: Finder = (scene) => {
  const path = named(scene.text(0));
  const CAP_MKNOD = 1n << 27n;
  if (scene.isNew("user")) {
    return {
      cause: `nobody makes device nodes such as ${path} in a user namespace`,
      advice: "bind the host's with --device or --volume, or run as root",
    };
  }
  if ((scene.credentials.effective & CAP_MKNOD) === 0n) {
    return {
      cause: `making ${path} needs CAP_MKNOD, and this process does not have it`,
      advice: "an outer container has to let it have that: --cap-add MKNOD",
    };
  }
  return {
    cause: `the cgroup that this runs in does not let device nodes such as ${path} be made`,
    advice: 'an outer container has to let it: --device-cgroup-rule "c *:* m", or --privileged',
  };
};

const foreignHost: Finder = (scene) =>
  scene.isNew("user") && !scene.isNew("uts")
    ? {
      cause:
        "the uts namespace is the host's and does not belong to the container's user namespace",
      advice: "leave --uts=host or --hostname away",
    }
    : undefined;

const needsSetpcap: Finder = (scene) =>
  scene.number(0) === PR.CAPBSET_DROP ? lacks("CAP_SETPCAP")(scene) : undefined;

/** What to look for when the process cannot become what it shall be. */
export const RIGHTS: Cases = {
  setresuid: {
    EINVAL: idNotMapped("uid", idArguments(0, 1, 2)),
    EPERM: either(lacks("CAP_SETUID"), restrictedByAppArmor),
    EAGAIN: tooManyProcesses,
  },
  setresgid: {
    EINVAL: idNotMapped("gid", idArguments(0, 1, 2)),
    EPERM: either(lacks("CAP_SETGID"), restrictedByAppArmor),
  },
  setgroups: {
    EINVAL: either(tooManyGroups, idNotMapped("gid", groupsOf)),
    EPERM: either(groupsForbidden, lacks("CAP_SETGID"), restrictedByAppArmor),
  },
  chown: { EINVAL: either(idNotMapped("uid", idArguments(1)), idNotMapped("gid", idArguments(2))) },
  fchown: {
    EINVAL: either(idNotMapped("uid", idArguments(1)), idNotMapped("gid", idArguments(2))),
  },
  capset: { EPERM: rightsNotHad },
  prctl: { EPERM: needsSetpcap },
  prlimit: { EPERM: limitRaised, EINVAL: limitsCrossed },
  ioprio_set: { EPERM: lacks("CAP_SYS_NICE") },
  seccomp: {
    EACCES: filterNeedsPrivilege,
    ...each("EINVAL ENOMEM", filterRefused),
    ENOSYS: noSeccomp,
  },
  mknod: { EPERM: nodeInUserNamespace },
  sethostname: { EPERM: either(foreignHost, lacks("CAP_SYS_ADMIN"), restrictedByAppArmor) },
  setdomainname: { EPERM: either(foreignHost, lacks("CAP_SYS_ADMIN"), restrictedByAppArmor) },
  bpf: { EPERM: either(lacks("CAP_BPF"), filteredFromOutside), ENOSYS: unknownCall },
};
