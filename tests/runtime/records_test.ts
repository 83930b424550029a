/**
 * What a killed command has left is cleared away by the next one, and nothing else is.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { O } from "../../ffi/constants.ts";
import { libc } from "../../ffi/libc.ts";
import { identify, type ProcessIdentity } from "../../runtime/processes.ts";
import {
  clearLeftovers,
  type ContainerRecord,
  containersDirectory,
  processFile,
  readRecord,
} from "../../runtime/records.ts";
import { needs } from "../helpers/needs.ts";
import { tempRoot } from "../helpers/temp_root.ts";

/** A process that has ended: its number may be anybody's by now, its start cannot. */
async function ended(): Promise<ProcessIdentity> {
  await using child = sleeper();
  return child.identity;
}

/** A process that runs; `await using` ends it. */
function sleeper(): AsyncDisposable & { identity: ProcessIdentity; isThere: () => boolean } {
  const child = new Deno.Command("sleep", { args: ["600"] }).spawn();
  const identity = identify(child.pid)!;
  return {
    identity,
    isThere: () => identify(child.pid)?.start === identity.start,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // somebody has done it
      }
      await child.status;
    },
  };
}

/** Makes a container's directory as a start leaves it. */
function leave(root: string, name: string, record: Partial<ContainerRecord> | string): string {
  const directory = `${containersDirectory(root)}/${name}`;
  Deno.mkdirSync(`${directory}/upper/etc`, { recursive: true });
  Deno.mkdirSync(`${directory}/work/work`, { recursive: true });
  Deno.chmodSync(`${directory}/work/work`, 0);
  Deno.writeTextFileSync(`${directory}/upper/etc/file`, "text");
  Deno.symlinkSync("/etc/passwd", `${directory}/upper/link`);
  const text = typeof record === "string" ? record : JSON.stringify(record);
  if (text !== "") Deno.writeTextFileSync(`${directory}/record.json`, text);
  return directory;
}

function containers(root: string): string[] {
  return [...Deno.readDirSync(containersDirectory(root))].map(({ name }) => name).sort();
}

Deno.test("what a living command has is left alone, what a dead one had is cleared away", async () => {
  await using root = await tempRoot();
  await using other = sleeper();
  const dead = await ended();
  leave(root.path, "dead", { id: "dead", owner: dead });
  leave(root.path, "mine", { id: "mine", owner: identify("self") });
  leave(root.path, "other", { id: "other", owner: other.identity });
  // the number was given to somebody else: an owner is its number and its start
  const start = other.identity.start - 1;
  leave(root.path, "reused", { id: "reused", owner: { pid: other.identity.pid, start } });
  await clearLeftovers(root.path);
  assertEquals(containers(root.path), ["mine", "other"]);
  assertEquals(readRecord(`${containersDirectory(root.path)}/mine`)?.id, "mine");
  assert(other.isThere());
});

Deno.test("a directory without a record is somebody's first step, until it is old", async () => {
  await using root = await tempRoot();
  for (const [name, text] of Object.entries({ empty: "", half: '{"id":"half","owner":{"pi' })) {
    leave(root.path, `young-${name}`, text);
    const old = leave(root.path, `old-${name}`, text);
    Deno.utimeSync(old, 0, Date.now() / 1000 - 60);
  }
  await clearLeftovers(root.path);
  assertEquals(containers(root.path), ["young-empty", "young-half"]);
});

Deno.test("a process that outlived its command is ended, a stranger with its number is not", async () => {
  await using root = await tempRoot();
  await using left = sleeper();
  await using stranger = sleeper();
  const owner = await ended();
  const write = (name: string, process: ProcessIdentity) => {
    const directory = leave(root.path, name, { id: name, owner });
    Deno.writeTextFileSync(processFile(directory), JSON.stringify(process));
  };
  write("left", left.identity);
  write("stranger", { pid: stranger.identity.pid, start: stranger.identity.start - 1 });
  write("gone", owner);
  await clearLeftovers(root.path);
  assertEquals(containers(root.path), []);
  assertEquals([left.isThere(), stranger.isThere()], [false, true]);
});

Deno.test({
  ...needs("groups go with all that is in them, groups in groups too", {
    root: true,
    files: ["/sys/fs/cgroup/pids"],
  }),
  async fn() {
    await using root = await tempRoot();
    await using left = sleeper();
    const name = `tiffin-test-${crypto.randomUUID()}`;
    const pids = `/sys/fs/cgroup/pids/${name}`;
    Deno.mkdirSync(`${pids}/inner`, { recursive: true });
    Deno.writeTextFileSync(`${pids}/inner/cgroup.procs`, `${left.identity.pid}`);
    const cgroup = { path: `/${name}`, v1: { pids }, made: [pids] };
    leave(root.path, "left", { id: "left", owner: await ended(), cgroup });
    await clearLeftovers(root.path);
    assertEquals(containers(root.path), []);
    assertEquals([exists(pids), left.isThere()], [false, false]);
  },
});

Deno.test("a tree too deep for Deno's own removal is cleared away as well", async () => {
  await using root = await tempRoot();
  const directory = leave(root.path, "deep", { id: "deep", owner: await ended() });
  let fd = libc.open(`${directory}/upper`, O.RDONLY | O.DIRECTORY, 0);
  for (let i = 0; i < 6000; i++) {
    libc.mkdirat(fd, "d", 0o755);
    const inner = libc.openat(fd, "d", O.RDONLY | O.DIRECTORY, 0);
    libc.close(fd);
    fd = inner;
  }
  libc.close(fd);
  await clearLeftovers(root.path);
  assertEquals(containers(root.path), []);
});

Deno.test({
  ...needs("what cannot be cleared away keeps nothing else from it", { root: true }),
  async fn() {
    await using root = await tempRoot();
    const owner = await ended();
    for (const name of ["a", "b", "c"]) leave(root.path, name, { id: name, owner });
    const busy = `${containersDirectory(root.path)}/b/upper`;
    libc.mount("tiffin-test", busy, "tmpfs", 0, null);
    try {
      await clearLeftovers(root.path);
      assertEquals(containers(root.path), ["b"]);
    } finally {
      libc.umount2(busy, 0);
    }
    await clearLeftovers(root.path);
    // its record went with the first try: what is left of it is old one day
    for (const name of containers(root.path)) {
      Deno.utimeSync(`${containersDirectory(root.path)}/${name}`, 0, 0);
    }
    await clearLeftovers(root.path);
    assertEquals(containers(root.path), []);
  },
});

Deno.test("several commands that clear away at once do not hinder one another", async () => {
  await using root = await tempRoot();
  const owner = await ended();
  for (let i = 0; i < 20; i++) leave(root.path, `container-${i}`, { id: `${i}`, owner });
  await Promise.all(Array.from({ length: 5 }, () => clearLeftovers(root.path)));
  assertEquals(containers(root.path), []);
});

Deno.test("where no container ever was, there is nothing to clear away", async () => {
  await clearLeftovers("/no/such/root");
});

function exists(path: string): boolean {
  try {
    return Deno.statSync(path) !== undefined;
  } catch {
    return false;
  }
}
