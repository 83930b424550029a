/**
 * What a failed start says when there is nothing to be found, and what it never says.
 *
 * The causes that are found have their tests in diagnosis/, by subject.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import { CLONE, O } from "../../ffi/constants.ts";
import { SyscallError } from "../../ffi/errno.ts";
import { attempt, libc } from "../../ffi/libc.ts";
import { cloneArgs } from "../../ffi/structs.ts";
import type { BirthRequest } from "../../runtime/birth/birth.ts";
import { readCgroupHost } from "../../runtime/cgroups/host.ts";
import { parseMountinfo } from "../../runtime/diagnosis/mountinfo.ts";
import { needs } from "../helpers/needs.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { BUSYBOX, failure, makeRootfs, start } from "./birth/trial.ts";
import { domainController, provokeHere } from "./diagnosis/held.ts";

Deno.test("where nothing is found, the call and its errno are all that is said", async () => {
  const error = await provokeHere((program) => program.call("why").dup3(-1, 5, 0));
  assertEquals(error.message, "the test: dup3(-1, 5, 0): EBADF (bad file descriptor)");
  assertEquals([error.name, error.exitCode, error.phase], ["StartError", 125, "the test"]);
  assertEquals(error.finding, undefined);
  assertEquals(error.step.why, "why");
  assertEquals(error.cause instanceof SyscallError, true);
  assertEquals([error.cause.call, error.cause.code], ["dup3", "EBADF"]);
});

Deno.test("what is found is there in parts, for whoever prints it otherwise", async () => {
  const error = await provokeHere((program) => program.call("").mkdir("/no/such/place", 0o755));
  assertEquals(error.finding?.cause, "/no is not there, on the way to /no/such/place");
  assertEquals(error.cause.hint, error.finding?.cause);
  assertEquals(
    error.message,
    'the test: mkdir("/no/such/place", 0755): ENOENT (no such file or directory): ' +
      "/no is not there, on the way to /no/such/place",
  );
});

Deno.test("a name with odd characters cannot write to a person's terminal", async () => {
  const error = await provokeHere((program) => program.call("").mkdir("/\x1b[2J/x", 0o755));
  assertStringIncludes(error.message, '"/\\u001b[2J" is not there');
  assertEquals(error.message.includes("\x1b"), false);
});

Deno.test({
  ...needs("a child that is gone when it is looked at does not hide the failure", { root: true }),
  async fn() {
    await using root = await tempRoot();
    const rootfs = await makeRootfs(`${root.path}/rootfs`);
    let looked: Error | undefined;
    try {
      await start(rootfs, { args: ["missing"] }, async (failure) => {
        libc.kill(failure.pid!, 9);
        // until it is a zombie, which has no root directory any more
        while (!Deno.readTextFileSync(`/proc/${failure.pid}/status`).includes("zombie")) {
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        const { examine } = await import("../../runtime/diagnosis.ts");
        return looked = await examine(failure);
      });
    } catch (error) {
      assertEquals(error, looked);
    }
    assertStringIncludes(looked!.message, '["missing"], [1 variables]): ENOENT');
  },
});

Deno.test({
  ...needs("the environment is not shown, and a long command is cut", {
    root: true,
    files: [BUSYBOX],
  }),
  async fn() {
    await using root = await tempRoot();
    const rootfs = await makeRootfs(`${root.path}/rootfs`);
    const { message } = await failure(rootfs, {
      args: ["missing", "x".repeat(5000)],
      process: { env: ["PATH=/bin", "PASSWORD=swordfish"] },
    });
    assertEquals(message.includes("swordfish"), false);
    assertStringIncludes(message, ", [2 variables]): ENOENT");
    assertEquals(message.length < 1000, true);
  },
});

Deno.test({
  ...needs("nothing of a failed container is left, and nothing stays open", {
    root: true,
    files: [BUSYBOX],
  }),
  async fn() {
    await using root = await tempRoot();
    const rootfs = await makeRootfs(`${root.path}/rootfs`);
    const open = () => [...Deno.readDirSync("/proc/self/fd")].length;
    const mounts = () => Deno.readTextFileSync("/proc/self/mountinfo");
    await failure(rootfs, { args: ["missing"] });
    const before = [open(), mounts()];
    for (let i = 0; i < 5; i++) await failure(rootfs, { args: ["missing"] });
    assertEquals([open(), mounts()], before);
    // no child of ours is left to be waited for
    assertEquals(attempt.waitpid(-1, null, 1) <= 0, true);
  },
});

const unified = readCgroupHost().v2?.mount ?? "";
const controller = unified ? domainController(unified) : undefined;

Deno.test({
  ...needs("clone3 into a group that hands controllers on", {
    root: true,
    files: [controller ? unified : "a cgroup v2 hierarchy that hands a controller on"],
  }),
  async fn() {
    const group = `${unified}/tiffin-test-${crypto.randomUUID()}`;
    await Deno.mkdir(group);
    const directory = libc.open(group, O.RDONLY | O.DIRECTORY | O.CLOEXEC, 0);
    try {
      await Deno.writeTextFile(`${group}/cgroup.subtree_control`, `+${controller}`);
      const error = await provokeHere((program) => {
        const args = cloneArgs(CLONE.INTO_CGROUP, directory);
        program.call("", { fork: {} }).clone3(args, args.bytes.length);
        program.call("")._exit(0);
      }, { request: { cgroup: { into: group } as BirthRequest["cgroup"] } });
      assertStringIncludes(error.message, `EBUSY (device or resource busy): ${group} hands`);
      assertStringIncludes(error.message, "choose another group with --cgroup-parent");
    } finally {
      libc.close(directory);
      await Deno.remove(group);
    }
  },
});

Deno.test("mountinfo: every field that matters, and names with spaces", () => {
  const [shared, plain] = parseMountinfo(
    "31 23 0:28 / /a\\040b\\134 rw,noexec shared:4 master:2 - tmpfs tmpfs ro,size=4k\n" +
      "32 31 8:1 /sub /c rw - ext4 /dev/sda1 rw\n",
  );
  assertEquals(shared, {
    id: 31,
    parent: 23,
    root: "/",
    point: "/a b\\",
    options: ["rw", "noexec"],
    isReadOnly: true,
    isShared: true,
    type: "tmpfs",
  });
  assertEquals([plain.isShared, plain.isReadOnly, plain.root], [false, false, "/sub"]);
});

Deno.test({
  ...needs("an ordinary user's failed start is diagnosed too", {
    ordinaryUser: true,
    files: [BUSYBOX],
  }),
  async fn() {
    await using root = await tempRoot();
    const rootfs = await makeRootfs(`${root.path}/rootfs`);
    const own = (id: number) => [{ containerID: 0, hostID: id, size: 1 }];
    const types = ["user", "pid", "mount", "uts", "ipc", "network", "cgroup"] as const;
    const error = await failure(rootfs, {
      args: ["bash"],
      linux: {
        namespaces: types.map((type) => ({ type })),
        uidMappings: own(Deno.uid()!),
        gidMappings: own(Deno.gid()!),
      },
      request: { mayChangeGroups: false },
      writer: { denySetgroups: true },
    });
    assertStringIncludes(error.message, "there is no program bash in any directory of PATH");
    assertEquals(error.exitCode, 127);
  },
});
