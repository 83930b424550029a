/**
 * Plans where this process is not the master of the whole hierarchy: for an ordinary user, and in a
 * container.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { CgroupError } from "../../../runtime/cgroups/plan.ts";
import { needs } from "../../helpers/needs.ts";
import { HYBRID, planOn, PURE } from "./hosts.ts";

const SCOPE = "/user.slice/user-1000.slice/user@1000.service/app.slice/run-7.scope";
const BASE = `/sys/fs/cgroup${SCOPE}`;
const NOT_MINE = ["/sys/fs/cgroup/cgroup.procs"];

/** After `systemd-run --user --scope -p Delegate=yes`, with a shell and this process in the scope. */
const DELEGATED = {
  ...PURE,
  "/proc/self/cgroup": `0::${SCOPE}\n`,
  [`${BASE}/cgroup.controllers`]: "cpu memory pids\n",
  [`${BASE}/cgroup.subtree_control`]: "\n",
  [`${BASE}/cgroup.procs`]: "500\n501\n",
};

Deno.test("an ordinary user without a delegated group gets none, and no limit", async () => {
  const plan = await planOn(PURE, { rootless: true }, ["/sys/fs/cgroup"]);
  assertEquals([plan.into, plan.directories, plan.mounts], [undefined, [], []]);
  assertEquals(plan.record, { path: "/c", v1: {}, made: [] });
  await assertRejects(
    () =>
      planOn(PURE, { rootless: true, resources: { memory: { limit: 100 } } }, ["/sys/fs/cgroup"]),
    CgroupError,
    "linux.resources.memory.limit: needs a memory group, but /sys/fs/cgroup/user.slice/" +
      "user-1000.slice/session-3.scope may not be written to: start it with `systemd-run --user " +
      "--scope -p Delegate=yes ...`, or as root",
  );
});

Deno.test("an ordinary user's limits work in the group that systemd handed over", async () => {
  const resources = { memory: { limit: 100 } };
  const plan = await planOn(DELEGATED, { rootless: true, resources }, NOT_MINE);
  assertEquals(plan.directories.map(({ path, shared }) => [path, shared]), [
    [`${BASE}/tiffin-outside`, true],
    [`${BASE}/c`, false],
  ]);
  // first out with what is there, then the controllers, then the limit
  assertEquals(plan.writes.map(({ path, value, allow }) => [path, value, allow]), [
    [`${BASE}/tiffin-outside/cgroup.procs`, "500", ["ESRCH"]],
    [`${BASE}/tiffin-outside/cgroup.procs`, "501", ["ESRCH"]],
    [`${BASE}/cgroup.subtree_control`, "+memory", undefined],
    [`${BASE}/c/memory.max`, "100", undefined],
  ]);
  assertEquals(plan.into, `${BASE}/c`);
  // where this process stands stays
  assertEquals(plan.record.made, [`${BASE}/c`]);
  assertEquals(plan.deviceProgram, undefined);
});

Deno.test("nobody is moved for a container without limits", async () => {
  const plan = await planOn(DELEGATED, { rootless: true }, NOT_MINE);
  assertEquals(plan.directories.map(({ path }) => path), [`${BASE}/c`]);
  assertEquals(plan.writes, []);
});

Deno.test("a second container finds the first one's work done", async () => {
  const texts = {
    ...DELEGATED,
    "/proc/self/cgroup": `0::${SCOPE}/tiffin-outside\n`,
    [`${BASE}/cgroup.subtree_control`]: "memory\n",
    [`${BASE}/cgroup.procs`]: "",
  };
  const resources = { memory: { limit: 100 }, pids: { limit: 3 } };
  const plan = await planOn(texts, { rootless: true, resources }, NOT_MINE);
  assertEquals(plan.directories.map(({ path }) => path), [`${BASE}/c`]);
  assertEquals(plan.writes.map(({ path, value }) => [path, value]), [
    [`${BASE}/cgroup.subtree_control`, "+pids"],
    [`${BASE}/c/memory.max`, "100"],
    [`${BASE}/c/pids.max`, "3"],
  ]);
});

Deno.test("a controller that systemd did not hand over is named", async () => {
  await assertRejects(
    () => planOn(DELEGATED, { rootless: true, resources: { cpu: { cpus: "0" } } }, NOT_MINE),
    CgroupError,
    "linux.resources.cpu.cpus: the cpuset controller is not handed down to",
  );
});

Deno.test("an ordinary user cannot limit anything through version 1", async () => {
  assertEquals((await planOn(HYBRID, { rootless: true }, ["/sys/fs/cgroup"])).joins, []);
  await assertRejects(
    () => planOn(HYBRID, { rootless: true, resources: { pids: { limit: 3 } } }),
    CgroupError,
    "linux.resources.pids.limit: an ordinary user cannot limit anything on this host",
  );
});

Deno.test("root in a container stands in a group of the host's, and makes room like a user", async () => {
  const texts = {
    ...PURE,
    "/proc/self/cgroup": "0::/\n",
    "/sys/fs/cgroup/cgroup.type": "domain\n",
    "/sys/fs/cgroup/cgroup.subtree_control": "\n",
    "/sys/fs/cgroup/cgroup.procs": "1\n9\n",
  };
  const plan = await planOn(texts, { resources: { pids: { limit: 3 } } });
  assertEquals(plan.writes.map(({ path, value }) => [path, value]), [
    ["/sys/fs/cgroup/tiffin-outside/cgroup.procs", "1"],
    ["/sys/fs/cgroup/tiffin-outside/cgroup.procs", "9"],
    ["/sys/fs/cgroup/cgroup.subtree_control", "+pids"],
    ["/sys/fs/cgroup/c/pids.max", "3"],
  ]);
  // a process of another PID namespace has no number here, and cannot be moved
  await assertRejects(
    () =>
      planOn({ ...texts, "/sys/fs/cgroup/cgroup.procs": "0\n1\n" }, {
        resources: { pids: { limit: 3 } },
      }),
    CgroupError,
    "/sys/fs/cgroup has processes that cannot be moved",
  );
});

Deno.test("where nothing may be written, root is told what it cannot have", async () => {
  const readOnly = {
    ...PURE,
    "/proc/self/mountinfo": "29 22 0:25 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n",
  };
  await assertRejects(
    () => planOn(readOnly),
    CgroupError,
    "linux.resources.devices: there is nothing to keep a container's root from",
  );
  const everything = [{ allow: true }];
  assertEquals((await planOn(readOnly, { resources: { devices: everything } })).directories, []);
  await assertRejects(
    () => planOn(readOnly, { resources: { devices: everything, pids: { limit: 3 } } }),
    CgroupError,
    "linux.resources.pids.limit: needs a pids group, but /sys/fs/cgroup may not be written to: " +
      "mount cgroup2 read-write",
  );
});

/** A group as systemd hands it over: the user's are the directory and the files that move and share. */
function delegate(path: string, user: number): void {
  Deno.mkdirSync(path);
  for (const file of ["", "/cgroup.procs", "/cgroup.threads", "/cgroup.subtree_control"]) {
    Deno.chownSync(path + file, user, user);
  }
}

Deno.test({
  ...needs("an ordinary user's limit bites in a group that was handed over", {
    root: true,
    cgroup: "v2",
    programs: ["setpriv"],
  }),
  async fn() {
    const nobody = 65534;
    const scope = `/sys/fs/cgroup/tiffin-test-${crypto.randomUUID()}`;
    const cache = await Deno.makeTempDir();
    Deno.chownSync(cache, nobody, nobody);
    delegate(scope, nobody);
    try {
      // reading every file lets nobody reach this tree, and is no right to write to any group
      const rights = "--inh-caps=-all,+dac_read_search --ambient-caps=+dac_read_search";
      const user = `setpriv --reuid=${nobody} --regid=${nobody} --clear-groups ${rights}`;
      const script = new URL("as_delegate.ts", import.meta.url).pathname;
      const { code, stdout, stderr } = await new Deno.Command("sh", {
        args: ["-c", `echo 0 >${scope}/cgroup.procs && exec ${user} "$@"`, "sh"]
          .concat(Deno.execPath(), "run", "--allow-all", "--no-check", "--no-lock", script),
        env: { DENO_DIR: cache },
      }).output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      assertEquals(code, 0, text(stderr));
      const { user: who, signal, kills, group, outside } = JSON.parse(text(stdout));
      assertEquals([who, signal, kills], [nobody, "SIGKILL", 1]);
      assertEquals(group.startsWith(`${scope}/tiffin-test-`), true, group);
      assertEquals(outside, `0::${scope.slice("/sys/fs/cgroup".length)}/tiffin-outside`);
      // the group has gone, and what it took to make it is left as it was
      assertEquals(directories(scope), ["tiffin-outside"]);
    } finally {
      Deno.removeSync(`${scope}/tiffin-outside`);
      Deno.removeSync(scope);
      await Deno.remove(cache, { recursive: true });
    }
  },
});

function directories(path: string): string[] {
  return [...Deno.readDirSync(path)].filter((entry) => entry.isDirectory).map(({ name }) => name);
}
