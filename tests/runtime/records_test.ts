/**
 * What a killed command has left is cleared away by the next one, and nothing else is.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { O } from "../../ffi/constants.ts";
import { libc } from "../../ffi/libc.ts";
import { formatStat, identify, type ProcessIdentity } from "../../runtime/processes.ts";
import {
  claimFile,
  claimsDirectory,
  clearLeftovers,
  type ContainerRecord,
  containersDirectory,
  processFile,
  readRecord,
} from "../../runtime/records.ts";
import { readStatus } from "../../runtime/status.ts";
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

/** Makes a container's directory, and somebody's claim on it, as a start leaves them. */
function leave(
  root: string,
  name: string,
  owner: ProcessIdentity | undefined,
  more: Partial<ContainerRecord> | string = {},
): string {
  const directory = `${containersDirectory(root)}/${name}`;
  Deno.mkdirSync(claimsDirectory(root), { recursive: true });
  Deno.writeTextFileSync(claimFile(root, name), owner ? formatStat(owner) : "");
  Deno.mkdirSync(`${directory}/upper/etc`, { recursive: true });
  Deno.mkdirSync(`${directory}/work/work`, { recursive: true });
  Deno.chmodSync(`${directory}/work/work`, 0);
  Deno.writeTextFileSync(`${directory}/upper/etc/file`, "text");
  Deno.symlinkSync("/etc/passwd", `${directory}/upper/link`);
  const text = typeof more === "string" ? more : JSON.stringify({ id: name, request: {}, ...more });
  if (text !== "") Deno.writeTextFileSync(`${directory}/record.json`, text);
  return directory;
}

/** The containers that are left; there is a claim on each of them, and on nothing else. */
function containers(root: string): string[] {
  const [names, claimed] = [containersDirectory(root), claimsDirectory(root)]
    .map((path) => [...Deno.readDirSync(path)].map(({ name }) => name).sort());
  assertEquals(claimed, names);
  return names;
}

Deno.test("what a living command has is left alone, what a dead one had is cleared away", async () => {
  await using root = await tempRoot();
  await using other = sleeper();
  const dead = await ended();
  leave(root.path, "dead", dead);
  leave(root.path, "mine", identify("self"));
  leave(root.path, "other", other.identity);
  // the number was given to somebody else: an owner is its number and its start
  const start = other.identity.start - 1;
  leave(root.path, "reused", { pid: other.identity.pid, start });
  await clearLeftovers(root.path);
  assertEquals(containers(root.path), ["mine", "other"]);
  assertEquals(readRecord(`${containersDirectory(root.path)}/mine`)?.id, "mine");
  assert(other.isThere());
});

Deno.test("a claim without a word is somebody's first step, until it is old", async () => {
  await using root = await tempRoot();
  for (const [name, text] of Object.entries({ empty: "", half: '{"id":"half","crea' })) {
    leave(root.path, `young-${name}`, undefined, text);
    leave(root.path, `old-${name}`, undefined, text);
    Deno.utimeSync(claimFile(root.path, `old-${name}`), 0, Date.now() / 1000 - 60);
  }
  await clearLeftovers(root.path);
  assertEquals(containers(root.path), ["young-empty", "young-half"]);
});

Deno.test("one that stays is cleared of its run, and it says that it was killed", async () => {
  await using root = await tempRoot();
  await using first = sleeper();
  const owner = await ended();
  const ran = leave(root.path, "ran", owner, { keep: true });
  Deno.writeTextFileSync(processFile(ran), formatStat(first.identity));
  const made = leave(root.path, "made", owner, { keep: true });
  await clearLeftovers(root.path);
  assertEquals([...Deno.readDirSync(claimsDirectory(root.path))], []);
  assertEquals(first.isThere(), false);
  const status = readStatus(ran)!;
  assertEquals([status.exit.code, status.exit.signal, status.owner], [137, 9, owner]);
  // it never had a process: it is as it was made
  assertEquals([readRecord(made)?.id, readStatus(made)], ["made", undefined]);
});

Deno.test("a process that outlived its command is ended, a stranger with its number is not", async () => {
  await using root = await tempRoot();
  await using left = sleeper();
  await using stranger = sleeper();
  const owner = await ended();
  const write = (name: string, process: ProcessIdentity) => {
    const directory = leave(root.path, name, owner);
    Deno.writeTextFileSync(processFile(directory), formatStat(process));
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
    leave(root.path, "left", await ended(), { cgroup });
    await clearLeftovers(root.path);
    assertEquals(containers(root.path), []);
    assertEquals([exists(pids), left.isThere()], [false, false]);
  },
});

Deno.test("a tree too deep for Deno's own removal is cleared away as well", async () => {
  await using root = await tempRoot();
  const directory = leave(root.path, "deep", await ended());
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
    for (const name of ["a", "b", "c"]) leave(root.path, name, owner);
    const busy = `${containersDirectory(root.path)}/b/upper`;
    libc.mount("tiffin-test", busy, "tmpfs", 0, null);
    try {
      await clearLeftovers(root.path);
      assertEquals(containers(root.path), ["b"]);
    } finally {
      libc.umount2(busy, 0);
    }
    await clearLeftovers(root.path);
    assertEquals(containers(root.path), []);
  },
});

Deno.test("several commands that clear away at once do not hinder one another", async () => {
  await using root = await tempRoot();
  const owner = await ended();
  for (let i = 0; i < 20; i++) leave(root.path, `container-${i}`, owner);
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
