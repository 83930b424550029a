/**
 * A container as the library has it: started, signalled, waited for, and undone where it fails.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { assertStringIncludes } from "@std/assert/string-includes";
import { SIG } from "../../ffi/constants.ts";
import { type Container, start } from "../../runtime/container.ts";
import { findImage } from "../../runtime/images/find.ts";
import { type ContainerRequest, prepare, type Prepared } from "../../runtime/prepare.ts";
import { identify } from "../../runtime/processes.ts";
import { claimFile, readIdentity, readRecord } from "../../runtime/records.ts";
import { differences, hostSnapshot } from "../helpers/host.ts";
import { isRoot, needs } from "../helpers/needs.ts";
import { type TempRoot, tempRoot } from "../helpers/temp_root.ts";

const anyUser = isRoot ? { root: true as const } : { ordinaryUser: true as const };
let root: TempRoot;

Deno.test.beforeAll(async () => {
  root = await tempRoot();
});

Deno.test.afterAll(async () => {
  await root[Symbol.asyncDispose]();
});

/** Works out a container of the image local that runs a shell script. */
async function prepared(script: string, more: Partial<ContainerRequest> = {}): Promise<Prepared> {
  const from = await findImage(root.path, "local");
  const options = { command: ["sh", "-c", script] };
  return await prepare({ dataRoot: root.path, from, hasInput: false, options, ...more });
}

async function run(script: string): Promise<Container> {
  return await start(await prepared(script));
}

function containers(): string[] {
  return [...Deno.readDirSync(`${root.path}/containers`)].map(({ name }) => name);
}

Deno.test({
  ...needs(
    "prepare touches nothing; start makes the directory, the record and the process",
    anyUser,
  ),
  async fn() {
    await (await run("true")).wait();
    const before = hostSnapshot(root.path);
    const work = await prepared("read line");
    assertEquals(differences(before, hostSnapshot(root.path)), []);
    const container = await start(work);
    assertEquals(containers().includes(container.id), true);
    const record = readRecord(work.directory)!;
    assertEquals([record.id, record.image], [container.id, "local"]);
    assertEquals(record.command, ["sh", "-c", "read line"]);
    assertEquals(readIdentity(claimFile(root.path, container.id)), identify("self"));
    assertEquals((await container.wait()).code, 1);
    assertEquals(containers(), []);
  },
});

Deno.test({
  ...needs("an exit code is the program's; a signal is told, and adds to 128", anyUser),
  async fn() {
    const plain = { isOutOfMemory: false };
    assertEquals(await (await run("exit 42")).wait(), { code: 42, ...plain });
    for (const signal of [SIG.KILL, SIG.SEGV]) {
      const container = await run("sleep 93");
      container.signal(signal);
      // PID 1 has no handler for SIGSEGV: sent by a process of the host's it counts for nothing
      if (signal !== SIG.KILL) container.signal(SIG.KILL);
      assertEquals(await container.wait(), { code: 137, signal: SIG.KILL, ...plain });
    }
    const told = await run("trap 'exit 5' USR1; while :; do sleep 0.01; done");
    const handler = 1n << BigInt(SIG.USR1 - 1);
    while (!(caught(told.pid) & handler)) await new Promise((resolve) => setTimeout(resolve, 5));
    told.signal(SIG.USR1);
    assertEquals(await told.wait(), { code: 5, ...plain });
  },
});

/** The signals that a process has handlers for, proc(5). */
function caught(pid: number): bigint {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return BigInt(`0x${/^SigCgt:\s*(\S+)/m.exec(status)![1]}`);
}

Deno.test({
  ...needs(
    "containers of one process run at the same time, and are waited for in any order",
    anyUser,
  ),
  async fn() {
    const slow = await run("sleep 0.3; exit 1");
    const quick = await run("exit 2");
    const third = await run("sleep 0.1; exit 3");
    assertEquals(containers().length, 3);
    const codes = await Promise.all([third, slow, quick].map((container) => container.wait()));
    assertEquals(codes.map(({ code }) => code), [3, 1, 2]);
    assertEquals(containers(), []);
  },
});

Deno.test({
  ...needs("a start that fails is undone, and leaves no process and no descriptor", anyUser),
  async fn() {
    await (await run("true")).wait();
    const before = hostSnapshot(root.path);
    const descriptors = [...Deno.readDirSync("/proc/self/fd")].length;
    const failures: [Partial<ContainerRequest>, string][] = [
      [{ options: { command: ["/no/such"] } }, "execve("],
      [{ options: { command: ["true"], workdir: "/etc/passwd" } }, "chdir("],
      [{
        options: {
          command: ["true"],
          mounts: [{ destination: "/m", type: "bind", source: "/no/such", options: ["bind"] }],
        },
      }, "open_tree("],
      [{
        options: { command: ["true"], mounts: [{ destination: "/m", type: "nosuchfs" }] },
      }, "mount("],
    ];
    for (const [more, call] of failures) {
      const work = await prepared("", more);
      const error = await assertRejects(() => start(work), Error);
      assertStringIncludes(error.message, call);
      assertEquals(differences(before, hostSnapshot(root.path)), []);
      const left = await new Deno.Command("ps", { args: ["-o", "stat=", "--ppid", `${Deno.pid}`] })
        .output();
      assert(!new TextDecoder().decode(left.stdout).includes("Z"), "a zombie was not waited for");
    }
    assertEquals([...Deno.readDirSync("/proc/self/fd")].length, descriptors);
  },
});
