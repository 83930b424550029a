/**
 * Hooks: what they are given, where they run, and what becomes of those that fail.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertRejects } from "@std/assert/rejects";
import { HookError, runAllHooks, runHooks } from "../../runtime/hooks.ts";
import type { Hook, Hooks } from "../../runtime/spec.ts";
import type { State } from "../../runtime/spec/state.ts";
import { needs } from "../helpers/needs.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { BUSYBOX } from "./birth/trial.ts";
import { makeBundle, type Outcome, runOurs, runRunc, type TestBundle } from "./bundles.ts";

function stateIn(bundle: string): State {
  return { ociVersion: "1.2.1", id: "one", status: "stopped", bundle, annotations: { a: "é" } };
}

/** A hook that is a line of shell. */
function shell(script: string, more: Partial<Hook> = {}): Hook {
  return { path: "/bin/sh", args: ["sh", "-c", script], ...more };
}

async function failure(hook: Hook, bundle = "/tmp"): Promise<string> {
  const error = await assertRejects(() => runHooks("poststop", [hook], stateIn(bundle)), HookError);
  return error.message;
}

Deno.test("a hook gets the state, its own words and variables, and begins in the bundle", async () => {
  await using root = await tempRoot();
  const out = `${root.path}/out`;
  await runHooks("poststart", [{
    path: "/bin/sh",
    args: ["a name", "-c", `{ cat; echo; echo "$0 $1"; pwd; env; } > ${out}`, "b", "c"],
    env: ["ONE=1"],
  }], stateIn(root.path));
  const [state, ...rest] = (await Deno.readTextFile(out)).trimEnd().split("\n");
  assertEquals(JSON.parse(state), stateIn(root.path));
  assertEquals(rest.slice(0, 2), ["b c", root.path]);
  assertEquals(rest.includes("ONE=1"), true);
  assertEquals(rest.some((line) => line.startsWith("HOME=")), false);
});

Deno.test("without arguments its path is its name, and its input and signals are as usual", async () => {
  await using root = await tempRoot();
  const [program, out] = [`${root.path}/hook`, `${root.path}/out`];
  await Deno.writeTextFile(
    program,
    `#!/bin/sh\n{ echo "$0 $#"; readlink /proc/self/fd/1; grep ^SigBlk /proc/self/status; } >${out}`,
    { mode: 0o755 },
  );
  await runHooks("poststart", [{ path: program }], stateIn(root.path));
  assertEquals(
    (await Deno.readTextFile(out)).split("\n"),
    [`${program} 0`, out, "SigBlk:\t0000000000000000", ""],
  );
});

Deno.test("how a hook failed is said, with the last that it printed", async () => {
  assertEquals(
    await failure(shell("echo one; echo two >&2; exit 3")),
    "hooks.poststop[0]: /bin/sh ended with status 3: one; two",
  );
  assertEquals(
    await failure(shell("kill -9 $$")),
    "hooks.poststop[0]: /bin/sh was killed by signal 9",
  );
  assertEquals(await failure({ path: "/no/such" }), "hooks.poststop[0]: /no/such: ENOENT");
  assertEquals(await failure(shell("true"), "/no/such"), "hooks.poststop[0]: the bundle: ENOENT");
});

Deno.test("a hook has the time that it is given, and a daemon of its may go on", async () => {
  const began = performance.now();
  assertEquals(
    await failure(shell("exec sleep 30", { timeout: 1 })),
    "hooks.poststop[0]: /bin/sh did not end within 1 s",
  );
  await runHooks("poststop", [shell("sleep 3 & exit 0", { timeout: 30 })], stateIn("/tmp"));
  assertEquals(performance.now() - began < 2500, true);
});

Deno.test("the first failure ends a list, except for one that is only logged", async () => {
  await using root = await tempRoot();
  const out = `${root.path}/out`;
  const hooks = [1, 2, 3].map((i) => shell(`echo ${i} >> ${out}; test ${i} != 2`));
  await assertRejects(
    () => runHooks("prestart", hooks, stateIn(root.path)),
    HookError,
    "prestart[1]",
  );
  assertEquals(await Deno.readTextFile(out), "1\n2\n");
  const errors = await runAllHooks("poststop", hooks, stateIn(root.path));
  assertEquals(errors.map(({ field }) => field), ["hooks.poststop[1]"]);
  assertEquals(await Deno.readTextFile(out), "1\n2\n1\n2\n3\n");
});

/** The kinds that are run on the way to the container's program, in their order. */
const KINDS = ["prestart", "createRuntime", "createContainer", "startContainer"] as const;

const NEEDED = { root: true, files: [BUSYBOX], programs: ["runc"] } as const;

/** Has a hook of each kind say where it is, one line each. */
async function report(root: string): Promise<{ bundle: TestBundle; log: string }> {
  const bundle = await makeBundle(root);
  const log = `${root}/log`;
  const look = (kind: string, file: string) =>
    `{ echo ${kind}; cat; echo; pwd; ls -d /bin/busybox ${bundle.rootfs} 2>/dev/null; ` +
    `[ "$(readlink /proc/self/ns/mnt)" = "${Deno.readLinkSync("/proc/self/ns/mnt")}" ] ` +
    `&& echo host || echo container; cut -d' ' -f5 /proc/self/mountinfo | ` +
    `grep -e ^${bundle.rootfs} -e ^/dev$; echo; } >> ${file}`;
  await bundle.write("true", (config) => {
    config.annotations = { "org.example": "yes" };
    config.hooks = Object.fromEntries(KINDS.map((kind) => [kind, [
      shell(look(kind, kind === "startContainer" ? "/tmp/log" : log)),
    ]]));
  });
  return { bundle, log };
}

/** What the hooks said, without what differs from run to run. */
async function said(bundle: TestBundle, log: string, outcome: Outcome): Promise<string[]> {
  assertEquals([outcome.error, outcome.code], ["", 0]);
  const inner = `${bundle.rootfs}/tmp/log`;
  const text = await Deno.readTextFile(log) + await Deno.readTextFile(inner);
  await Promise.all([Deno.remove(log), Deno.remove(inner)]);
  return text.replaceAll(/tiffin-test-\w+"/g, 'ID"').replaceAll(/"pid":\d{2,}/g, '"pid":"host\'s"')
    .replaceAll(/"ociVersion":"[^"]*",/g, "").split("\n\n");
}

Deno.test({
  ...needs("as with runc: what each kind of hook is told, and sees", NEEDED),
  async fn() {
    await using root = await tempRoot();
    const { bundle, log } = await report(root.path);
    const ours = await said(bundle, log, await runOurs(bundle));
    const theirs = await said(bundle, log, await runRunc(bundle));
    // the order of the fields in the state is nobody's business
    const normal = (entries: string[]) =>
      entries.filter(Boolean).map((entry) => {
        const [kind, state, ...rest] = entry.trim().split("\n");
        return { kind, state: JSON.parse(state), rest };
      });
    assertEquals(normal(ours), normal(theirs));
    assertEquals(normal(ours).map(({ kind }) => kind), [...KINDS]);
    assertEquals(normal(ours)[2].rest.includes(`${bundle.rootfs}/proc`), true);
  },
});

for (const kind of KINDS) {
  Deno.test({
    ...needs(`a container does not start when a hook fails: ${kind}`, NEEDED),
    async fn() {
      await using root = await tempRoot();
      const bundle = await makeBundle(root.path);
      await bundle.write("echo started", (config) => {
        config.hooks = { [kind]: [shell("exit 0"), shell("exit 7"), shell("exit 0")] } as Hooks;
      });
      const { code, output, error } = await runOurs(bundle);
      assertEquals([code, output], [125, ""]);
      assertMatch(error, new RegExp(`hooks\\.${kind}\\[1\\].*status 7`));
    },
  });
}

Deno.test({
  ...needs("a hook in the container that takes too long is killed, and the start fails", NEEDED),
  async fn() {
    await using root = await tempRoot();
    const bundle = await makeBundle(root.path);
    await bundle.write("echo started", (config) => {
      config.hooks = { createContainer: [shell("exec sleep 30", { timeout: 1 })] };
    });
    const began = performance.now();
    const { output, error } = await runOurs(bundle);
    assertEquals([output, performance.now() - began < 5000], ["", true]);
    assertMatch(error, /hooks\.createContainer\[0\].*within 1 s/);
  },
});

Deno.test({
  ...needs("a mount that a hook makes in the root before the pivot is there after it", NEEDED),
  async fn() {
    await using root = await tempRoot();
    const bundle = await makeBundle(root.path);
    const mount = `mount -t tmpfs -o size=64k hook ${bundle.rootfs}/opt`;
    await Deno.mkdir(`${bundle.rootfs}/opt`);
    await bundle.write("grep ' /opt ' /proc/self/mountinfo | cut -d' ' -f5", (config) => {
      config.hooks = { createContainer: [shell(mount, { env: ["PATH=/bin:/usr/bin:/sbin"] })] };
    });
    const { output, error } = await runOurs(bundle);
    assertEquals([error, output], ["", "/opt\n"]);
  },
});
