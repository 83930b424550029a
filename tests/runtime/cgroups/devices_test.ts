/**
 * Rules about devices: as version 1's lines, and as version 2's program, against a plain reading of
 * the specification.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { deviceProgram } from "../../../runtime/cgroups/device_program.ts";
import {
  ACCESS,
  allowEverything,
  deviceLines,
  type DeviceRule,
  deviceRules,
} from "../../../runtime/cgroups/devices.ts";
import { CgroupError } from "../../../runtime/cgroups/plan.ts";
import type { LinuxDeviceCgroup } from "../../../runtime/spec/resources.ts";
import { type DeviceRequest, run, unreachable } from "./bpf.ts";

const BLOCK = 1;
const CHARACTER = 2;
const { m: MKNOD, r: READ, w: WRITE } = ACCESS;

const isAllowed = (devices: LinuxDeviceCgroup[] | undefined, request: DeviceRequest) =>
  run(deviceProgram(deviceRules({ devices })), request) === 1;

const lines = (devices?: LinuxDeviceCgroup[]) =>
  deviceLines(deviceRules({ devices })).map(({ file, value }) => `${file.slice(8)} ${value}`);

Deno.test("by default a container has null and its like, and may make what it cannot open", () => {
  const may = (type: number, major: number, minor: number, access: number) =>
    isAllowed(undefined, { type, major, minor, access });
  for (const minor of [3, 5, 7, 8, 9]) assertEquals(may(CHARACTER, 1, minor, READ | WRITE), true);
  assertEquals(may(CHARACTER, 5, 0, READ | WRITE), true); // tty
  assertEquals(may(CHARACTER, 5, 2, READ | WRITE), true); // ptmx
  assertEquals(may(CHARACTER, 136, 42, READ | WRITE), true); // pts/42
  assertEquals(may(BLOCK, 8, 0, MKNOD), true);

  assertEquals(may(BLOCK, 8, 0, READ), false); // sda
  assertEquals(may(CHARACTER, 1, 1, READ), false); // mem
  assertEquals(may(CHARACTER, 1, 11, WRITE), false); // kmsg
  assertEquals(may(CHARACTER, 5, 1, WRITE), false); // the host's console
  assertEquals(may(CHARACTER, 10, 200, READ | WRITE), false); // tun
  assertEquals(may(BLOCK, 1, 3, READ), false); // a ram disk has null's numbers
});

Deno.test("the specification's first rule, deny all, changes nothing; privileged changes all", () => {
  assertEquals(deviceRules({ devices: [{ allow: false, access: "rwm" }] }).length, 11);
  assertEquals(allowEverything(deviceRules({})), false);
  assertEquals(allowEverything(deviceRules({ devices: [{ allow: true, access: "rwm" }] })), true);
  const but = [{ allow: true }, { allow: false, type: "b", major: 8 } as const];
  assertEquals(allowEverything(deviceRules({ devices: but })), false);
});

Deno.test("a later rule narrows what an earlier one gave, bit by bit", () => {
  const devices: LinuxDeviceCgroup[] = [
    { allow: true, type: "b", major: 8 },
    { allow: false, type: "b", major: 8, minor: 1, access: "w" },
  ];
  const disk = { type: BLOCK, major: 8, minor: 1 };
  assertEquals(isAllowed(devices, { ...disk, access: READ }), true);
  assertEquals(isAllowed(devices, { ...disk, access: WRITE }), false);
  assertEquals(isAllowed(devices, { ...disk, access: READ | WRITE }), false);
  assertEquals(isAllowed(devices, { ...disk, minor: 2, access: READ | WRITE }), true);
});

Deno.test("read by one rule and write by another are both there in one open", () => {
  const devices: LinuxDeviceCgroup[] = [
    { allow: true, type: "c", major: 10, access: "r" },
    { allow: true, type: "c", major: 10, minor: 200, access: "w" },
  ];
  const tun = { type: CHARACTER, major: 10, minor: 200 };
  assertEquals(isAllowed(devices, { ...tun, access: READ | WRITE }), true);
  assertEquals(lines(devices).filter((line) => line.includes("10:")), [
    "allow c 10:* rm",
    // version 1's kernel wants one line to say all of it
    "allow c 10:200 rwm",
  ]);
});

Deno.test("Docker takes /dev/fuse back: it can be made as any node, and not be opened", () => {
  const devices: LinuxDeviceCgroup[] = [
    { allow: false, access: "rwm" },
    { allow: true, type: "c", major: 1, minor: 3, access: "rwm" },
    { allow: false, type: "c", major: 10, minor: 229, access: "rwm" },
  ];
  assertEquals(lines(devices).filter((line) => line.includes("10:")), []);
  const fuse = { type: CHARACTER, major: 10, minor: 229 };
  assertEquals(isAllowed(devices, { ...fuse, access: READ }), false);
});

Deno.test("version 1 cannot have an exception to an exception, and says so", () => {
  assertThrows(
    () =>
      lines([
        { allow: true, type: "b", major: 8 },
        { allow: false, type: "b", major: 8, minor: 1, access: "w" },
      ]),
    CgroupError,
    'linux.resources.devices: "b 8:1 w" means some of what "b 8:* rwm" means, and version 1',
  );
  // but a whole one can be taken back, and what is wider takes the narrow ones with it
  assertEquals(
    lines([{ allow: false, type: "c", access: "m" }, { allow: false, type: "c", major: 1 }]),
    ["deny a", "allow b *:* m", "allow c 5:0 rw", "allow c 5:2 rw", "allow c 136:* rw"],
  );
});

Deno.test("a rule about nothing that exists is refused by its number", () => {
  const rules = (rule: Record<string, unknown>) => () =>
    deviceRules({ devices: [{ allow: false }, rule as unknown as LinuxDeviceCgroup] });
  assertThrows(
    rules({ allow: true, type: "x" }),
    CgroupError,
    'linux.resources.devices[1].type: "x" is not a, b or c',
  );
  assertThrows(
    rules({ allow: true, access: "rx" }),
    CgroupError,
    'linux.resources.devices[1].access: "rx" has something else than r, w and m',
  );
});

/** Version 1's check, as security/device_cgroup.c makes it, over the lines that were written. */
function v1Allows(written: string[], request: DeviceRequest): boolean {
  let standard = true;
  let exceptions: { type: string; major: string; minor: string; access: number }[] = [];
  for (const text of written) {
    const [verb, type, numbers, letters] = text.split(" ");
    if (type === "a") {
      standard = verb === "allow";
      exceptions = [];
    } else {
      const [major, minor] = numbers.split(":");
      const access = [...letters].reduce((bits, letter) => bits | ACCESS[letter as "r"], 0);
      exceptions.push({ type, major, minor, access });
    }
  }
  const found = exceptions.some(({ type, major, minor, access }) =>
    type === (request.type === BLOCK ? "b" : "c") &&
    (major === "*" || Number(major) === request.major) &&
    (minor === "*" || Number(minor) === request.minor) &&
    (standard ? (access & request.access) !== 0 : (request.access & ~access) === 0)
  );
  return standard !== found;
}

/** The specification read plainly: each bit is as the last rule says that names it. */
function plainly(rules: DeviceRule[], request: DeviceRequest): boolean {
  return [MKNOD, READ, WRITE].filter((bit) => request.access & bit).every((bit) =>
    rules.findLast(({ type, major, minor, access }) =>
      (type === "a" || type === (request.type === BLOCK ? "b" : "c")) &&
      (major < 0 || major === request.major) && (minor < 0 || minor === request.minor) &&
      (access & bit) !== 0
    )?.allow ?? false
  );
}

Deno.test("program, lines and a plain reading agree on random rules", () => {
  // a generator of our own, so that a failure can be had again
  let state = 1;
  const random = (below: number) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
  const number = () => random(3) === 0 ? undefined : random(3);
  let compared = 0;
  for (let round = 0; round < 2000; round++) {
    const devices = Array.from({ length: random(6) }, (): LinuxDeviceCgroup => ({
      allow: random(2) === 0,
      type: (["a", "b", "c"] as const)[random(3)],
      major: number(),
      minor: number(),
      access: ["r", "w", "m", "rw", "rwm", "wm"][random(6)],
    }));
    const rules = deviceRules({ devices });
    const program = deviceProgram(rules);
    assertEquals(unreachable(program), []);
    let written: string[] | undefined;
    try {
      written = lines(devices);
    } catch (error) {
      if (!(error instanceof CgroupError)) throw error;
    }
    for (let i = 0; i < 20; i++) {
      const request = {
        type: 1 + random(2),
        access: 1 + random(7),
        major: random(4),
        minor: random(4),
      };
      const right = plainly(rules, request);
      const told = JSON.stringify({ devices, request });
      assertEquals(run(program, request), right ? 1 : 0, told);
      // version 1 lets any node be made, where a rule takes that back for some
      if (written && !(request.access & MKNOD)) {
        assertEquals(v1Allows(written, request), right, told);
        compared++;
      }
    }
  }
  assertEquals(compared > 10_000, true);
});
