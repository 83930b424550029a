/**
 * Ids, groups, capabilities, limits and filters that the kernel refuses; each call is really made.
 *
 * @module
 */

import { CLONE, PR, RLIMIT, S } from "../../../ffi/constants.ts";
import { ints, rlimit } from "../../../ffi/structs.ts";
import { installFilter, setCapabilities } from "../../../runtime/birth/process.ts";
import type { Spec } from "../../../runtime/spec.ts";
import type { Ground } from "./held.ts";
import { becomeNobody, refuses } from "./refusals.ts";

const USER: Spec["linux"] = { namespaces: [{ type: "user" }, { type: "mount" }] };
const IN_USER: Ground = { flags: CLONE.NEWUSER | CLONE.NEWNS, trial: { linux: USER } };

refuses(
  "setresuid: a user that is not mapped",
  (program) => program.call("").setresuid(1000, 1000, 1000),
  [
    "setresuid(1000, 1000, 1000): EINVAL (invalid argument): user 1000 is not in the container's " +
    "user namespace, which has users 0-0; choose another --user, or",
    "/etc/subuid",
  ],
  IN_USER,
);
refuses(
  "setresgid: a group that is not mapped",
  (program) => program.call("").setresgid(5, 70000, 5),
  ["EINVAL", "group 70000 is not in the container's user namespace, which has groups 0-0, 5-9"],
  { ...IN_USER, maps: { uid: "0 0 1", gid: "0 0 1\n5 100005 5" } },
);
refuses(
  "setgroups: a group that is not mapped",
  (program) => program.call("").setgroups(2, ints([0, 29])),
  ["EINVAL", "group 29 is not in the container's user namespace"],
  {
    ...IN_USER,
    trial: { linux: USER, process: { user: { uid: 0, gid: 0, additionalGids: [0, 29] } } },
  },
);
refuses(
  "setgroups: given up",
  (program) => program.call("").setgroups(0, null),
  ["EPERM", "this user namespace may not change its groups", "leave --group-add away"],
  { ...IN_USER, maps: { uid: "0 0 1", gid: "0 0 1", setgroups: "deny" } },
);
refuses(
  "setgroups: too many",
  (program) => {
    const groups = Array.from({ length: 65537 }, (_, i) => i);
    program.call("").setgroups(groups.length, ints(groups));
  },
  ["EINVAL", "there are 65537 groups, and the kernel takes 65536"],
);
refuses(
  "setresuid: without the right to",
  (program) => {
    becomeNobody(program);
    program.call("").setresuid(0, 0, 0);
  },
  ["EPERM", "setresuid(2) needs CAP_SETUID here, and this process does not have it"],
);
refuses(
  "chown: an owner that is not mapped",
  (program) => {
    program.call("").mount("tmpfs", "/tmp", "tmpfs", 0, null);
    program.call("").mkdir("/tmp/x", 0o755);
    program.call("").chown("/tmp/x", 1000, 0);
  },
  ["EINVAL", "user 1000 is not in the container's user namespace"],
  IN_USER,
);
refuses(
  "capset: capabilities that the process does not have",
  (program) => {
    becomeNobody(program);
    const some = ["CAP_CHOWN", "CAP_CHECKPOINT_RESTORE"];
    setCapabilities(program, { effective: some, permitted: some });
  },
  [
    "EPERM",
    "CAP_CHOWN, CAP_CHECKPOINT_RESTORE cannot be given on: this process does not have them; leave " +
    "them away with --cap-drop",
  ],
);
refuses(
  "capset: one that was cut from the bounding set",
  (program) => {
    const CAP_NET_RAW = 13;
    program.call("").prctl(PR.CAPBSET_DROP, CAP_NET_RAW, 0, 0, 0);
    setCapabilities(program, { inheritable: ["CAP_NET_RAW"] });
  },
  ["EPERM", "CAP_NET_RAW cannot be given on: this process does not have it"],
);
refuses(
  "prctl: the bounding set without the right to cut it",
  (program) => {
    becomeNobody(program);
    program.call("").prctl(PR.CAPBSET_DROP, 0, 0, 0, 0);
  },
  ["EPERM", "prctl(2) needs CAP_SETPCAP here"],
);
refuses(
  "prlimit: above the hard limit",
  (program) => {
    program.call("").prlimit(0, RLIMIT.CORE, rlimit(0, 0), null);
    becomeNobody(program);
    program.call("").prlimit(0, RLIMIT.CORE, rlimit(0, 1000), null);
  },
  ["EPERM", "RLIMIT_CORE is to be raised above its hard limit, which needs CAP_SYS_RESOURCE"],
);
refuses(
  "prlimit: more open files than any process may have",
  (program) => program.call("").prlimit(0, RLIMIT.NOFILE, rlimit(1024, 2 ** 40), null),
  ["EPERM", "no process may have more than ", "open files (fs.nr_open); ask for less with"],
  {
    trial: { process: { rlimits: [{ type: "RLIMIT_NOFILE", soft: 1024, hard: 2 ** 40 }] } },
  },
);
refuses(
  "prlimit: the soft limit above the hard one",
  (program) => program.call("").prlimit(0, RLIMIT.CORE, rlimit(5, 1), null),
  ["EINVAL", "the soft limit of RLIMIT_CORE is above the hard one"],
);

/** The filter that allows everything, so many instructions long. */
function filter(instructions: number): Uint8Array {
  const bytes = new Uint8Array(instructions * 8);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < instructions; i++) {
    view.setUint16(i * 8, 6, true);
    view.setUint32(i * 8 + 4, 0x7fff0000, true);
  }
  return bytes;
}

refuses(
  "seccomp: by a process that can still gain rights",
  (program) => {
    becomeNobody(program);
    installFilter(program, { filter: filter(1), flags: 0 });
  },
  ["EACCES", "this process has neither; leave --security-opt no-new-privileges=false away"],
);
refuses(
  "seccomp: a filter that is too long",
  (program) => installFilter(program, { filter: filter(4097), flags: 0 }),
  ["EINVAL", "the seccomp filter has 4097 instructions, and the kernel takes 1 to 4096"],
  { request: { seccomp: { filter: filter(4097), flags: 0 } } },
);
refuses(
  "seccomp: a flag that the kernel does not know",
  (program) => installFilter(program, { filter: filter(1), flags: 1 << 20 }),
  ["EINVAL", "the kernel does not know one of the filter's flags"],
  { request: { seccomp: { filter: filter(1), flags: 1 << 20 } } },
);
refuses(
  "mknod: a device in a user namespace",
  (program) => {
    program.call("").mount("tmpfs", "/tmp", "tmpfs", 0, null);
    program.call("").mknod("/tmp/null", S.IFCHR | 0o666, 0x103);
  },
  ["EPERM", "nobody makes device nodes such as /tmp/null in a user namespace; bind the host's"],
  IN_USER,
);
refuses(
  "mknod: without the right to",
  (program) => {
    program.call("").mount("tmpfs", "/tmp", "tmpfs", 0, null);
    becomeNobody(program);
    program.call("").mknod("/tmp/null", S.IFCHR | 0o666, 0x103);
  },
  ["EPERM", "making /tmp/null needs CAP_MKNOD"],
);
refuses(
  "sethostname: of the host, in a user namespace",
  (program) => program.call("").sethostname("box", 3),
  [
    "EPERM",
    "the uts namespace is the host's and does not belong to the container's user namespace",
  ],
  IN_USER,
);
refuses(
  "sethostname: without the right to",
  (program) => {
    program.call("").unshare(CLONE.NEWUTS);
    becomeNobody(program);
    program.call("").sethostname("box", 3);
  },
  ["EPERM", "sethostname(2) needs CAP_SYS_ADMIN here"],
);
