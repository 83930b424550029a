/**
 * What a spec asks for and cannot have, here or anywhere: each is an error with its field.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { type ReadFile, refuseUnsupported } from "../../runtime/unsupported.ts";
import type { Spec } from "../../runtime/spec.ts";
import { SpecError } from "../../runtime/validate.ts";

const BASE: Spec = {
  ociVersion: "1.2.1",
  process: { args: ["true"], cwd: "/", user: { uid: 0, gid: 0 } },
  root: { path: "/rootfs" },
  linux: { namespaces: [{ type: "mount" }] },
};

/** A host that has none of what can be missing. */
const bare: ReadFile = () => undefined;

/** A host that has all of it. */
const rich: ReadFile = (path) => path.includes("apparmor") ? "Y\n" : "1";

function refusal(change: Partial<Spec>, read = bare): string | undefined {
  try {
    refuseUnsupported({ ...BASE, ...change }, read);
  } catch (error) {
    if (error instanceof SpecError) return error.path;
    throw error;
  }
}

const process = (more: Partial<NonNullable<Spec["process"]>>) => ({
  process: { ...BASE.process!, ...more },
});
const linux = (more: Spec["linux"]) => ({ linux: { ...BASE.linux, ...more } });
const mapping = [{ containerID: 0, hostID: 1000, size: 1 }];

Deno.test("a plain spec is refused nothing", () => {
  assertEquals(refusal({}), undefined);
});

Deno.test("labels are refused where nothing would enforce them", () => {
  const cases: [string, Partial<Spec>][] = [
    ["process.apparmorProfile", process({ apparmorProfile: "docker-default" })],
    ["process.selinuxLabel", process({ selinuxLabel: "a:b:c:s0" })],
    ["linux.mountLabel", linux({ mountLabel: "a:b:c:s0" })],
  ];
  for (const [path, change] of cases) {
    assertEquals(refusal(change), path);
    assertEquals(refusal(change, rich), undefined);
  }
  assertEquals(refusal(process({ apparmorProfile: "", selinuxLabel: "" })), undefined);
  assertEquals(
    refusal(process({ apparmorProfile: "a" }), () => "N\n"),
    "process.apparmorProfile",
  );
});

Deno.test("what no Linux has", () => {
  assertEquals(
    refusal(process({ scheduler: { policy: "SCHED_ISO" } })),
    "process.scheduler.policy",
  );
  assertEquals(refusal(process({ scheduler: { policy: "SCHED_IDLE" } })), undefined);
});

Deno.test("a container needs a process, and mounts of its own", () => {
  assertEquals(refusal({ process: undefined }), "process");
  assertEquals(refusal({ linux: {} }), "linux.namespaces");
  const joined = linux({ namespaces: [{ type: "mount", path: "/proc/1/ns/mnt" }] });
  assertEquals(refusal(joined), undefined);
});

Deno.test("clocks are shifted in a new namespace only", () => {
  const timeOffsets = { monotonic: { secs: 1 } };
  const namespaces = (
    path?: string,
  ) => [{ type: "mount" as const }, { type: "time" as const, path }];
  assertEquals(refusal(linux({ timeOffsets, namespaces: namespaces() })), undefined);
  assertEquals(refusal(linux({ timeOffsets, namespaces: namespaces("/t") })), "linux.timeOffsets");
});

Deno.test("a mapping needs a bind and a map, a copy a tmpfs", () => {
  const mounts = (...list: NonNullable<Spec["mounts"]>) => ({ mounts: list });
  const bind = { destination: "/a", source: "/a", options: ["bind", "idmap"] };
  assertEquals(refusal(mounts(bind)), "mounts[0].uidMappings");
  assertEquals(
    refusal(mounts({ ...bind, uidMappings: mapping, gidMappings: mapping })),
    undefined,
  );
  assertEquals(
    refusal({ ...mounts(bind), ...linux({ uidMappings: mapping, gidMappings: mapping }) }),
    undefined,
  );
  assertEquals(
    refusal(mounts({ destination: "/a", type: "tmpfs", uidMappings: mapping })),
    "mounts[0]",
  );
  assertEquals(
    refusal(mounts({ destination: "/a", type: "proc", options: ["tmpcopyup"] })),
    "mounts[0].options",
  );
});

Deno.test("the call that announces a listener cannot be reported to it", () => {
  const seccomp = (name: string) =>
    linux({
      seccomp: {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["read", name], action: "SCMP_ACT_NOTIFY" }],
      },
    });
  assertEquals(refusal(seccomp("write")), "linux.seccomp.syscalls[0]");
  assertEquals(refusal(seccomp("mkdir")), undefined);
});

Deno.test("an error says what is wrong with the field", () => {
  const error = assertThrows(() => refuseUnsupported({ ...BASE, linux: {} }, bare), SpecError);
  assertEquals(
    error.message,
    "config.json: linux.namespaces: a container without a mount namespace would change the host's " +
      "mounts",
  );
});
