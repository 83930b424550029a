/**
 * Limits as a person sets them, with `run`, on whichever version this machine has its controllers
 * in.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { assertUnchanged, hostSnapshot } from "../../helpers/host.ts";
import { hasCgroup, isRoot, needs } from "../../helpers/needs.ts";
import { type Outcome, runTiffin } from "../../helpers/run_tiffin.ts";
import { type TempRoot, tempRoot } from "../../helpers/temp_root.ts";

let root: TempRoot;

// making the image is the dearest part, and it stays
Deno.test.beforeAll(async () => {
  root = await tempRoot();
  if (!isRoot) return;
  // the guest's processors are emulated
  const { code, stderr } = await runTiffin(["run", "local", "true"], {
    root: root.path,
    timeout: 300,
  });
  assertEquals(code, 0, stderr);
});

Deno.test.afterAll(async () => {
  await root[Symbol.asyncDispose]();
});

/** Runs a shell command in a container, and looks at the host afterwards. */
async function run(flags: string[], command: string): Promise<Outcome> {
  const before = hostSnapshot(root.path);
  const args = ["run", ...flags, "local", "sh", "-c", command];
  const outcome = await runTiffin(args, { root: root.path });
  await assertUnchanged(before);
  return outcome;
}

Deno.test({
  ...needs("run -m 32m: killed at the limit, and it says so", { root: true }),
  async fn() {
    const { code, stderr } = await run(["-m", "32m"], "tail /dev/zero");
    assertEquals(code, 137);
    assertStringIncludes(stderr, "it reached its memory limit");
  },
});

Deno.test({
  ...needs("run --pids-limit 8: a fork loop ends", { root: true }),
  async fn() {
    const loop = "i=0; while [ $i -lt 20 ]; do i=$((i+1)); sleep 5 & done; echo $i";
    const { code, stdout, stderr } = await run(["--pids-limit", "8"], loop);
    assert(code !== 0);
    assertEquals(stdout, "");
    assertMatch(stderr, /[Cc]annot fork/);
  },
});

Deno.test({
  ...needs("run --cpus 0.5: a busy loop has half a processor", { root: true }),
  async fn() {
    const stat = hasCgroup("v2") ? "cpu.stat" : "unified/cpu.stat";
    const used = `sed -n 's/^usage_usec //p' /sys/fs/cgroup/${stat}`;
    const loop = "timeout 3 sh -c 'while :; do :; done'";
    const { stdout } = await run(
      ["--cpus", "0.5"],
      `date +%s%N; ${used}; ${loop}; date +%s%N; ${used}`,
    );
    const [start, before, end, after] = stdout.trim().split("\n").map(Number);
    const share = (after - before) / ((end - start) / 1000);
    assert(share > 0.2 && share < 0.56, `${share} of a processor`);
  },
});

Deno.test({
  ...needs("a container sees its own group as the root, and cannot write to it", { root: true }),
  async fn() {
    const { stdout, stderr, code } = await run(
      ["-m", "64m"],
      `cat /proc/self/cgroup; cat /sys/fs/cgroup/${
        hasCgroup("v2") ? "memory.max" : "memory/memory.limit_in_bytes"
      }; mkdir /sys/fs/cgroup/${hasCgroup("v2") ? "" : "memory/"}mine`,
    );
    assertMatch(stdout, /^0::\/$/m);
    assertMatch(stdout, /^67108864$/m);
    assertEquals(stdout.includes("tiffin"), false, stdout);
    assertMatch(stderr, /Read-only file system/);
    assert(code !== 0);
  },
});

Deno.test({
  ...needs("in a group of version 2 a container may make nodes, and open those it was given", {
    root: true,
    cgroup: "v2",
  }),
  async fn() {
    const { stdout, stderr } = await run(
      [],
      "echo x >/dev/null && echo null; mknod /tmp/disk b 254 0 && echo made; head -c 1 /tmp/disk",
    );
    assertEquals(stdout, "null\nmade\n");
    assertMatch(stderr, /Operation not permitted/);
  },
});

Deno.test({
  ...needs("a limit that cannot be had is said before anything is made", { root: true }),
  async fn() {
    const { code, stderr } = await run(["--cpuset-cpus", "4095"], "true");
    assertEquals(code, 125);
    assertMatch(stderr, /linux\.resources\.cpu\.cpus: 4095 is outside of 0/);
  },
});
