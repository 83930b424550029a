/**
 * The kernel's capabilities, and Docker's way of choosing among them.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import {
  boundingSet,
  capabilities,
  CAPABILITY_NAMES,
  CapabilityError,
  capabilityMask,
  capabilityNames,
  DEFAULT_CAPABILITIES,
  resolveCapabilities,
} from "../../runtime/capabilities.ts";
import { needs } from "../helpers/needs.ts";

const CAPABILITIES = capabilities();

const HEADER = "/usr/include/linux/capability.h";

Deno.test({
  ...needs("names and numbers are those of the kernel's header", { files: [HEADER] }),
  async fn() {
    const header = await Deno.readTextFile(HEADER);
    const defined = [...header.matchAll(/^#define (CAP_[A-Z_]+)\s+(\d+)$/gm)];
    const expected = defined.map(([, name, number]) => [name, Number(number)]);
    const known = CAPABILITIES.map(({ name, number }) => [name, number]);
    assert(expected.length >= 38, "the header names fewer than Linux 4.0 has");
    // Either may be newer than the other, but no number ever changes its meaning.
    const both = Math.min(known.length, expected.length);
    assertEquals(known.slice(0, both), expected.slice(0, both));
  },
});

Deno.test("the running kernel has no capability that the table lacks", async () => {
  const last = Number(await Deno.readTextFile("/proc/sys/kernel/cap_last_cap"));
  assert(last < CAPABILITIES.length, `the kernel has ${last}`);
});

Deno.test("each capability says what it lets a process do, as a phrase", () => {
  for (const { name, lets } of CAPABILITIES) {
    assert(/^[a-z].{10,80}[a-zA-Z0-9)]$/.test(lets), `${name}: ${lets}`);
  }
});

Deno.test("the default set has the mask that Docker's containers show", () => {
  assertEquals(DEFAULT_CAPABILITIES.length, 14);
  assertEquals(capabilityMask(DEFAULT_CAPABILITIES), 0xa80425fbn);
  assertEquals(resolveCapabilities({}), [...DEFAULT_CAPABILITIES]);
});

Deno.test("a mask and its names are one another's inverse", () => {
  assertEquals(capabilityMask([]), 0n);
  assertEquals(capabilityNames(0n), []);
  assertEquals(capabilityMask(CAPABILITY_NAMES), 0x1ff_ffff_ffffn);
  assertEquals(capabilityNames(0x1ff_ffff_ffffn), [...CAPABILITY_NAMES]);
  for (const { name, number } of CAPABILITIES) {
    assertEquals(capabilityMask([name]), 1n << BigInt(number));
    assertEquals(capabilityNames(1n << BigInt(number)), [name]);
  }
  assertEquals(capabilityNames(1n << 63n), ["CAP_63"]);
  assertThrows(() => capabilityMask(["CHOWN"]), CapabilityError, 'unknown capability "CHOWN"');
});

Deno.test("added and dropped are combined by Docker's rules", () => {
  const all = [...CAPABILITY_NAMES];
  const without = (list: readonly string[], name: string) => list.filter((each) => each !== name);

  const added = resolveCapabilities({ add: ["net_admin", "CAP_CHOWN", "NET_ADMIN"] });
  assertEquals(added.filter((name) => !DEFAULT_CAPABILITIES.includes(name)), ["CAP_NET_ADMIN"]);
  assertEquals(added.length, 15);

  assertEquals(
    resolveCapabilities({ drop: ["Mknod"] }),
    without(DEFAULT_CAPABILITIES, "CAP_MKNOD"),
  );
  assertEquals(resolveCapabilities({ drop: ["all"] }), []);
  assertEquals(resolveCapabilities({ drop: ["ALL"], add: ["cap_kill"] }), ["CAP_KILL"]);
  assertEquals(resolveCapabilities({ add: ["ALL"] }), all);
  assertEquals(resolveCapabilities({ add: ["ALL"], drop: ["BPF"] }), without(all, "CAP_BPF"));
  assertEquals(resolveCapabilities({ add: ["ALL"], drop: ["ALL"] }), all);
  // What is dropped leaves the default set before what is added joins it.
  assertEquals(resolveCapabilities({ add: ["KILL"], drop: ["KILL"] }), [...DEFAULT_CAPABILITIES]);
  assertEquals(resolveCapabilities({ privileged: true, drop: ["ALL"] }), all);
});

Deno.test("who has not everything gives ALL of what it has", () => {
  const status = "Name:\tsh\nCapBnd:\t0000000000000009\nCapAmb:\t0000000000000000\n";
  const all = boundingSet(status);
  assertEquals(all, ["CAP_CHOWN", "CAP_FOWNER"]);
  assertEquals(resolveCapabilities({ privileged: true, all }), all);
  assertEquals(resolveCapabilities({ add: ["ALL"], all, drop: ["CHOWN"] }), ["CAP_FOWNER"]);
  // what is asked for by its name is not passed over: the kernel says that it cannot be had
  const asked = resolveCapabilities({ add: ["ALL", "BPF"], all });
  assertEquals(asked, [...all, "CAP_BPF"]);
});

Deno.test("an unknown name is refused with the nearest one", () => {
  const message = (name: string) =>
    assertThrows(() => resolveCapabilities({ add: [name] }), CapabilityError).message;
  assertEquals(message("NET_ADMN"), 'unknown capability "NET_ADMN"; did you mean "NET_ADMIN"?');
  assertEquals(
    message("cap_sysadmin"),
    'unknown capability "cap_sysadmin"; did you mean "CAP_SYS_ADMIN"?',
  );
  assertEquals(message("everything"), 'unknown capability "everything"');
  assertEquals(message(""), 'unknown capability ""');
  assertEquals(message("x".repeat(1e6)).length < 100, true);
  assertThrows(() => resolveCapabilities({ drop: ["NOPE!"] }), CapabilityError);
});
