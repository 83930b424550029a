/**
 * A birth walked call by call: what is said of each call is what /proc says, and nothing is left
 * wherever it is given up.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { start } from "../../../runtime/container.ts";
import { findImage } from "../../../runtime/images/find.ts";
import { type ContainerRequest, prepare } from "../../../runtime/prepare.ts";
import type { Change } from "../../../runtime/stepping/changes.ts";
import { isMeantToChange } from "../../../runtime/stepping/changes.ts";
import type { Section } from "../../../runtime/stepping/look.ts";
import {
  type Audience,
  type Happened,
  Quit,
  Stepper,
  type Stop,
} from "../../../runtime/stepping/stepper.ts";
import { assertUnchanged, hostSnapshot } from "../../helpers/host.ts";
import { isRoot, needs } from "../../helpers/needs.ts";
import { type TempRoot, tempRoot } from "../../helpers/temp_root.ts";
import { differing, type Raw, readRaw } from "./witness.ts";

const anyUser = isRoot ? { root: true as const } : { ordinaryUser: true as const };
let root: TempRoot;

Deno.test.beforeAll(async () => {
  root = await tempRoot();
  if (needs("", anyUser).ignore) return;
  const { stepper, starting } = await born(new Guide(() => false, () => {}));
  const container = await starting;
  await stepper.end();
  assertEquals((await container.wait()).code, 7);
});

Deno.test.afterAll(async () => {
  await root[Symbol.asyncDispose]();
});

/** Starts a container under a debugger. */
async function born(audience: Audience, more: Partial<ContainerRequest["options"]> = {}) {
  const from = await findImage(root.path, "local");
  const stepper = new Stepper(audience);
  const options = { command: ["sh", "-c", "exit 7"], ...more };
  const prepared = await prepare({ dataRoot: root.path, from, hasInput: false, options }, stepper);
  stepper.conduct(prepared);
  return { stepper, prepared, starting: start(prepared) };
}

/** Fields of /proc/PID/status, and where a change of theirs is told. */
const FIELDS: Record<string, [Section, string]> = {
  Uid: ["ids", "user"],
  Gid: ["ids", "group"],
  Groups: ["ids", "further groups"],
  CapBnd: ["rights", "bounding set"],
  CapPrm: ["rights", "permitted"],
  CapEff: ["rights", "effective"],
  CapInh: ["rights", "inheritable"],
  CapAmb: ["rights", "ambient"],
  NoNewPrivs: ["rights", "no_new_privs"],
  Seccomp: ["rights", "seccomp mode"],
  Umask: ["process", "umask"],
  SigBlk: ["process", "blocked signals"],
  SigIgn: ["process", "ignored signals"],
};

/** Compares what is told with what is seen. */
function assertTold(call: string, before: Raw, after: Raw, changes: readonly Change[]): void {
  const told = (section: Section) =>
    changes.filter((change) => change.section === section).map(({ name }) => name).sort();
  assertEquals(told("namespaces"), differing(before.namespaces, after.namespaces), call);
  for (const { name, after: number } of changes.filter(({ section }) => section === "namespaces")) {
    assert(after.namespaces.get(name)!.includes(`[${number}]`), call);
  }
  assertEquals(told("cgroups"), differing(before.cgroups, after.cgroups), call);
  // another file may have the same name: /dev/null is in every mount namespace
  const descriptors = changes.filter((one) =>
    one.section === "descriptors" && (one.after === undefined || !one.before?.includes(one.after))
  );
  assertEquals(
    descriptors.map(({ name }) => name).sort(),
    differing(before.descriptors, after.descriptors),
    call,
  );
  const maps = ["uid_map", "gid_map", "setgroups"];
  const changedOthers = differing(before.others, after.others);
  assertEquals(told("maps"), changedOthers.filter((name) => maps.includes(name)).sort(), call);
  assertEquals(told("root").includes("working directory"), changedOthers.includes("cwd"), call);
  for (const [field, [section, name]] of Object.entries(FIELDS)) {
    const isOther = before.status.get(field) !== after.status.get(field);
    assertEquals(told(section).includes(name), isOther, `${call}: ${field}`);
  }
  // a mount that came or went is told by its point; one above another has a number behind it
  const points = (raw: Raw) => [...raw.mounts.values()].sort();
  const count = (list: string[], point: string) => list.filter((one) => one === point).length;
  const [old, now] = [points(before), points(after)];
  const moved = [...new Set([...old, ...now])].filter((p) => count(old, p) !== count(now, p));
  const toldPoints = told("mounts").map((name) => name.replace(/ \(\d+\)$/, ""));
  for (const point of moved) assert(toldPoints.includes(point), `${call}: ${point} is not told of`);
  const added = changes.filter((one) => one.section === "mounts" && one.before === undefined);
  const removed = changes.filter((one) => one.section === "mounts" && one.after === undefined);
  assertEquals(added.length - removed.length, now.length - old.length, call);
}

/** Looks at the child in front of each call and behind it, by itself. */
class Doubter implements Audience {
  readonly made: string[] = [];
  readonly silent: string[] = [];
  readonly sections = new Set<string>();
  private raw?: Raw;
  pid = 0;

  before({ pid, by }: Stop): Promise<void> {
    this.raw = pid !== undefined && by === "child" ? readRaw(pid) : undefined;
    return Promise.resolve();
  }

  after({ program, step, pid, by }: Stop, { outcome, changes, unchanged }: Happened) {
    this.pid = pid ?? 0;
    const call = program.format(step, true);
    this.made.push(step.name);
    const isMade = outcome === undefined || outcome.errno === 0;
    // who writes the maps is nothing of the container's; what came of it is told with the wait for it
    const isHelper = by === "parent" && step.options.name === "helper";
    if (isMade && !isHelper && isMeantToChange(step) && changes.length + unchanged.length === 0) {
      this.silent.push(call);
    }
    for (const { section } of changes) this.sections.add(section);
    const raw = this.raw;
    if (raw && by === "child") {
      const now = readRaw(pid!);
      assertTold(call, raw, now, changes);
      for (const { section, name, after } of unchanged) {
        if (section === "ids" && name === "user") {
          assertEquals(now.status.get("Uid")!.replaceAll("\t", " "), after);
        }
      }
    }
    return Promise.resolve();
  }
}

Deno.test({
  ...needs("every call that is to change something is told of, as /proc has it", anyUser),
  async fn() {
    const doubter = new Doubter();
    const limits = isRoot ? { resources: { memory: { limit: 64 << 20 } } } : {};
    const { stepper, starting } = await born(doubter, {
      ...limits,
      workdir: "/tmp",
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 64, hard: 128 }],
    });
    const container = await starting;
    await stepper.end();
    assertEquals((await container.wait()).code, 7);
    assertEquals(doubter.silent, []);
    for (const name of ["mount", "pivot_root", "sethostname", "capset", "execve", "prlimit"]) {
      assert(doubter.made.includes(name), name);
    }
    if (!isRoot) assert(doubter.sections.has("maps"));
  },
});

/** Follows a birth to a call, and does something there. */
class Guide implements Audience {
  constructor(
    private readonly isThere: (stop: Stop) => boolean,
    private readonly act: (stop: Stop, happened?: Happened) => void | Promise<void>,
    private readonly when: "before" | "after" = "before",
  ) {}

  async before(stop: Stop): Promise<void> {
    if (this.when === "before" && this.isThere(stop)) await this.act(stop);
  }

  async after(stop: Stop, happened: Happened): Promise<void> {
    if (this.when === "after" && this.isThere(stop)) await this.act(stop, happened);
  }
}

async function output(command: string, ...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(command, { args, stderr: "null" }).output();
  return new TextDecoder().decode(stdout).trim();
}

Deno.test({
  ...needs("the host name, loopback and a parameter are told as who is inside sees them", {
    ...anyUser,
    programs: ["nsenter", "hostname"],
  }),
  async fn() {
    const seen: string[] = [];
    const names = ["sethostname", "ioctl"];
    const into = (pid: number) => [
      ...["-t", String(pid), "--uts", "--net"],
      ...(isRoot ? [] : ["--user", "--preserve-credentials"]),
    ];
    const guide = new Guide(({ step }) => names.includes(step.name), async (stop, happened) => {
      seen.push(stop.step.name);
      const told = Object.fromEntries(happened!.changes.map(({ name, after }) => [name, after]));
      if (stop.step.name === "sethostname") {
        assertEquals(told["host name"], "half-made");
        assertEquals(await output("nsenter", ...into(stop.pid!), "hostname"), "half-made");
      } else {
        assertEquals(told["127.0.0.1"], "an address of its own");
        const trie = await output("nsenter", ...into(stop.pid!), "cat", "/proc/net/fib_trie");
        assert(trie.includes("127.0.0.1"), trie);
      }
    }, "after");
    const { stepper, starting } = await born(guide, { hostname: "half-made" });
    const container = await starting;
    await stepper.end();
    await container.wait();
    assertEquals(seen, names);
  },
});

/** Some calls at which a birth is given up: the first, in each phase, the last. */
const PLACES: [name: string, isThere: (stop: Stop) => boolean][] = [
  ["the first call", ({ number }) => number === 1],
  ["the record", ({ number }) => number === 7],
  ["clone3", ({ step, by }) => step.name === "clone3" && by === "parent"],
  ["the child's first call", ({ by }) => by === "child"],
  ["the child's wait", ({ step, by }) => by === "child" && step.name === "unshare"],
  ["pivot_root", ({ step }) => step.name === "pivot_root"],
  ["the filter", ({ step }) => step.name === "seccomp"],
  ["execve", ({ step }) => step.name === "execve"],
];

for (const [place, isThere] of PLACES) {
  Deno.test({
    ...needs(`given up at ${place}, a birth leaves nothing behind`, anyUser),
    async fn() {
      const before = hostSnapshot(root.path);
      const guide = new Guide(isThere, () => {
        throw new Quit();
      });
      const { stepper, starting } = await born(guide);
      await assertRejects(async () => {
        const container = await starting;
        try {
          await stepper.end();
        } finally {
          await container.wait();
        }
      }, Quit);
      await assertUnchanged(before);
    },
  });
}

Deno.test({
  ...needs("a call that fails is told with its errno, before the start fails with it", anyUser),
  async fn() {
    const told: string[] = [];
    const guide = new Guide(() => true, ({ step }, happened) => {
      if (happened!.outcome?.errno) told.push(step.name);
    }, "after");
    const { stepper, starting } = await born(guide, { command: ["/no/such/program"] });
    await assertRejects(() => starting, Error, "/no/such/program");
    await stepper.end();
    assertEquals(told.at(-1), "execve");
  },
});
