/**
 * No new process and no new namespace: limits that are reached, rights that are missing, systems that
 * are set up so.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import { CLONE, O, SYS } from "../../../ffi/constants.ts";
import type { Program } from "../../../ffi/program.ts";
import { cloneArgs, rlimit } from "../../../ffi/structs.ts";
import type { Spec } from "../../../runtime/spec.ts";
import { writeFile } from "../../../runtime/birth/files.ts";
import { needs } from "../../helpers/needs.ts";
import { elsewhere, forbidCall, provoke, provokeHere } from "./held.ts";
import { becomeNobody, refuses } from "./refusals.ts";

const RLIMIT_NPROC = 6;

const USER: Spec["linux"] = { namespaces: [{ type: "user" }, { type: "mount" }] };

function unshare(program: Program, flags: number): void {
  program.call("").unshare(flags);
}

function fork(program: Program, flags = 0): void {
  const args = cloneArgs(flags);
  program.call("", { fork: { parent: program.label() } }).clone3(args, args.bytes.length);
}

refuses(
  "namespaces without the right to make them",
  (program) => {
    becomeNobody(program);
    unshare(program, CLONE.NEWNS | CLONE.NEWNET);
  },
  ["EPERM", "mnt, net namespaces: unshare(2) needs CAP_SYS_ADMIN here", "or have a user namespace"],
);
refuses(
  "a process in new namespaces without the right to make them",
  (program) => {
    becomeNobody(program);
    fork(program, CLONE.NEWUTS);
  },
  ["clone3({flags=CLONE_NEWUTS", "EPERM", "uts namespaces: clone3(2) needs CAP_SYS_ADMIN here"],
);
refuses(
  "a limit of namespaces that is 0",
  (program) => {
    // the limits are those of the user namespace that the child is root in
    writeFile(program, "/proc/sys/user/max_uts_namespaces", "0", "");
    unshare(program, CLONE.NEWUTS);
  },
  [
    "ENOSPC",
    "no uts namespace may be made on this system (user.max_uts_namespaces is 0)",
    "sudo sysctl -w user.max_uts_namespaces=10000",
  ],
  {
    flags: CLONE.NEWUSER | CLONE.NEWNS,
    // where the diagnosis runs, the file is that of the host's own user namespace
    read: elsewhere({ "/proc/sys/user/max_uts_namespaces": "0\n" }),
  },
);
refuses(
  "a limit of namespaces that is reached",
  (program) => {
    writeFile(program, "/proc/sys/user/max_uts_namespaces", "1", "");
    unshare(program, CLONE.NEWUTS);
    unshare(program, CLONE.NEWUTS);
    unshare(program, CLONE.NEWUTS);
  },
  ["ENOSPC", "this user has as many namespaces as it may have", "user.max_uts_namespaces is"],
  { flags: CLONE.NEWUSER | CLONE.NEWNS },
);
refuses(
  "a limit of processes",
  (program) => {
    program.call("").prlimit(0, RLIMIT_NPROC, rlimit(0, 0), null);
    becomeNobody(program);
    fork(program);
  },
  [
    "EAGAIN",
    "a limit of processes is reached: one of the user's limit of processes (ulimit -u), 0",
  ],
);
refuses(
  "a filter of an outer container's hides a call",
  (program) => {
    forbidCall(program, SYS.clone3);
    fork(program);
  },
  [
    "ENOSYS (function not implemented): a seccomp filter is on this process, most likely that of a " +
    "container that it runs in, and it forbids clone3(2); run the outer container with",
  ],
  { read: elsewhere({ "/proc/self/status": "Name:\tdeno\nSeccomp:\t2\n" }) },
);
refuses(
  "a kernel that does not know the call",
  (program) => {
    forbidCall(program, SYS.clone3);
    fork(program);
  },
  ["clone3(2) came with Linux 5.3, and this is 4.19; use a newer kernel"],
  { read: elsewhere({ "/proc/sys/kernel/osrelease": "4.19.0-27-amd64\n" }) },
);
refuses(
  "a user namespace in a chroot",
  (program) => {
    program.call("").chroot("/usr");
    program.call("").chdir("/");
    unshare(program, CLONE.NEWUSER);
  },
  ["EPERM", "a process in a chroot may not make a user namespace"],
);
refuses(
  "a namespace to join that is none",
  (program) => {
    const fd = program.call("").open("/proc/version", O.RDONLY, 0);
    program.call("").setns(fd, CLONE.NEWNET);
  },
  ["EINVAL", "/proc/version is not a namespace of the kind that is to be joined"],
);
refuses(
  "a namespace to join that belongs to others",
  (program) => {
    const fd = program.call("").open("/proc/self/ns/net", O.RDONLY, 0);
    becomeNobody(program);
    program.call("").setns(fd, CLONE.NEWNET);
  },
  ["EPERM", "joining that namespace needs CAP_SYS_ADMIN in the user namespace that it belongs to"],
);

/** An ordinary user on a machine that is set up so; what the kernel answers there is EPERM. */
const ORDINARY = "Name:\tdeno\nUid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n";

for (
  const [name, files, says] of [
    [
      "Debian's switch for user namespaces",
      { "/proc/sys/kernel/unprivileged_userns_clone": "0\n" },
      "(kernel.unprivileged_userns_clone is 0); sudo sysctl -w kernel.unprivileged_userns_clone=1",
    ],
    [
      "AppArmor's limit on user namespaces",
      { "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n" },
      "AppArmor lets an ordinary user have a user namespace only where a profile allows it " +
      "(kernel.apparmor_restrict_unprivileged_userns is 1); give deno a profile with the rule",
    ],
  ] as const
) {
  Deno.test({
    ...needs(name, { root: true }),
    async fn() {
      const read = elsewhere({ "/proc/self/status": ORDINARY, ...files });
      const error = await provoke((program) => {
        // CLONE_NEWUSER in a chroot is refused with the same errno as by those switches
        program.call("").chroot("/usr");
        unshare(program, CLONE.NEWUSER);
      }, { read, trial: { linux: USER } });
      assertStringIncludes(error.message, `EPERM (operation not permitted): `);
      assertStringIncludes(error.message, says);
    },
  });
}

Deno.test({
  ...needs("the parent's own call can fail as well", { root: true }),
  async fn() {
    const error = await provokeHere((program) => {
      program.call("").open("/proc/1/ns/nothing", O.RDONLY, 0);
    });
    assertStringIncludes(error.message, "the namespace /proc/1/ns/nothing is not there");
    assertEquals(error.exitCode, 125);
  },
});
