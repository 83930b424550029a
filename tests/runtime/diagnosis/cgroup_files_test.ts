/**
 * Control groups that cannot be made or set, on the hierarchies that this machine has.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { MS } from "../../../ffi/constants.ts";
import { attempt } from "../../../ffi/libc.ts";
import type { Program } from "../../../ffi/program.ts";
import { writeFile } from "../../../runtime/birth/files.ts";
import { readCgroupHost } from "../../../runtime/cgroups/host.ts";
import { needs } from "../../helpers/needs.ts";
import { domainController, type Ground, provoke } from "./held.ts";
import { assertRefused } from "./refusals.ts";

const host = readCgroupHost();
const unified = host.v2?.mount ?? "";
const controller = unified ? domainController(unified) : undefined;
const cpuset = host.v1.get("cpuset")?.mount ?? "";

interface Case {
  name: string;
  /** the hierarchy that it is about */
  mount: string;
  /** the calls, in a fresh group */
  write: (program: Program, group: string) => void;
  /** `GROUP` is the group's path, `MOUNT` that of the hierarchy */
  says: string[];
  ground?: Ground;
}

function refuses({ name, mount, write, says, ground }: Case): void {
  Deno.test({
    ...needs(name, { root: true, files: [mount || "a cgroup hierarchy that has it"] }),
    async fn() {
      const group = `${mount}/tiffin-test-${crypto.randomUUID()}`;
      await Deno.mkdir(group);
      try {
        const error = await provoke((program) => write(program, group), ground);
        assertRefused(error, says, { GROUP: group, MOUNT: mount });
      } finally {
        await removeGroup(group);
      }
    },
  });
}

/** A group goes when its last process has been buried, which takes the kernel a moment. */
async function removeGroup(group: string): Promise<void> {
  for (let tries = 0; attempt.rmdir(group) < 0 && tries < 100; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assertEquals(attempt.access(group, 0) < 0, true, `${group} is still there`);
}

refuses({
  name: "cgroup v2: a controller that is not handed on",
  mount: unified,
  write: (program, group) => writeFile(program, `${group}/nosuch.max`, "1", ""),
  says: [
    "ENOENT",
    "the controller nosuch is not handed on to GROUP: MOUNT/cgroup.subtree_control has ",
    "Delegate=cpu cpuset io memory pids",
  ],
});
refuses({
  name: "cgroup v2: a group in one that is not there",
  mount: unified,
  write: (program, group) => program.call("").mkdir(`${group}/none/one`, 0o755),
  says: ["ENOENT", "the cgroup GROUP/none is not there"],
});
refuses({
  name: "cgroup v2: a group that is there already",
  mount: unified,
  write: (program, group) => program.call("").mkdir(group, 0o755),
  says: ["EEXIST", "the cgroup GROUP is there already: another container has it"],
});
refuses({
  name: "cgroup v2: a value that the file does not take",
  mount: unified,
  write: (program, group) => writeFile(program, `${group}/cgroup.max.depth`, "deep", ""),
  says: ["EINVAL", 'cgroup.max.depth does not take the value "deep"; give another value'],
});
refuses({
  name: "cgroup v2: no more groups",
  mount: unified,
  write: (program, group) => {
    writeFile(program, `${group}/cgroup.max.descendants`, "0", "");
    program.call("").mkdir(`${group}/one`, 0o755);
  },
  says: ["EAGAIN", "a group above GROUP/one lets no more groups be made below it"],
});
refuses({
  name: "cgroup v2: controllers handed on where processes are",
  mount: controller ? unified : "",
  write: (program, group) => {
    writeFile(program, `${group}/cgroup.procs`, "0", "");
    writeFile(program, `${group}/cgroup.subtree_control`, `+${controller}`, "");
  },
  says: ["EBUSY", "GROUP has processes of its own", 'the "no internal processes" rule, cgroups(7)'],
});
refuses({
  name: "cgroup v2: somebody else's",
  mount: unified,
  write: (program, group) => {
    program.call("").setresuid(61234, 61234, 61234);
    program.call("").mkdir(`${group}/one`, 0o755);
  },
  says: [
    "EACCES",
    "user 61234 may not change the cgroup GROUP, which belongs to user 0; run as root, or in a " +
    "group of your own: systemd-run --user --scope -p Delegate=yes",
  ],
});
refuses({
  name: "cgroup v2: mounted read-only",
  mount: unified,
  write: (program, group) => {
    program.call("").mount(unified, unified, null, MS.BIND, null);
    program.call("").mount(null, unified, null, MS.REMOUNT | MS.BIND | MS.RDONLY, null);
    program.call("").mkdir(`${group}/one`, 0o755);
  },
  says: ["EROFS", "the cgroup hierarchy at MOUNT is mounted read-only, as in most containers"],
});
refuses({
  name: "cgroup v1: a file that this kernel does not have",
  mount: cpuset,
  write: (program, group) => writeFile(program, `${group}/cpuset.nosuch`, "1", ""),
  says: ["ENOENT", "the controller of GROUP has no file cpuset.nosuch in this kernel"],
});
refuses({
  name: "cgroup v1: CPUs that are not there",
  mount: cpuset,
  write: (program, group) => writeFile(program, `${group}/cpuset.cpus`, "8000", ""),
  says: ['cpuset.cpus does not take the value "8000": it takes CPUs that are online: 0'],
});
refuses({
  name: "cgroup v1: a cpuset without CPUs",
  mount: cpuset,
  write: (program, group) => writeFile(program, `${group}/tasks`, "0", ""),
  says: ["ENOSPC", "the cpuset GROUP has no CPUs or no memory nodes yet, so nobody can run in it"],
});
