/**
 * Devices: `--device`, `--device-cgroup-rule`, and the limits of single disks.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { deviceNumbers } from "../../../cli/flags/devices.ts";
import { isRoot, needs } from "../../helpers/needs.ts";
import { options, refusal } from "../run_flags.ts";

/** /dev/null, which is the same on every Linux: see null(4). */
function nullDevice(path: string, access: string) {
  const owner = isRoot ? { uid: 0, gid: 0 } : {};
  const device = { path, type: "c" as const, major: 1, minor: 3, fileMode: 0o666, ...owner };
  return { devices: [{ device, access }] };
}

Deno.test("--device gives a node of the host's", async () => {
  assertEquals(await options("--device", "/dev/null"), nullDevice("/dev/null", "rwm"));
  assertEquals(await options("--device", "/dev/null:r"), nullDevice("/dev/null", "r"));
  assertEquals(await options("--device", "/dev/null:/dev/x"), nullDevice("/dev/x", "rwm"));
  assertEquals(await options("--device", "/dev/null:/dev/x:rw"), nullDevice("/dev/x", "rw"));
});

Deno.test({
  ...needs("--device gives all nodes below a directory", { files: ["/dev/cpu/0/cpuid"] }),
  async fn() {
    const { devices = [] } = await options("--device", "/dev/cpu:/dev/x");
    assertEquals(devices.some(({ device }) => device.path === "/dev/x/0/cpuid"), true);
  },
});

Deno.test("--device that is wrong", async () => {
  const says = async (text: string, problem: string) =>
    assertEquals(await refusal("--device", text), `--device: ${JSON.stringify(text)} ${problem}`);
  await says("/dev/a:b:c:d", "is not DEVICE[:DEST][:rwm]");
  await says("vendor.com/class=gpu", "is not a path: a device begins with /dev/");
  await says("/dev/tiffin-none", "is not there");
  await says("/etc/passwd", "is not a device");
  await says("/dev/null:/x:rwx", 'has "rwx" for what may be done: r, w and m, each once');
  await says("/dev/null:/x:rr", 'has "rr" for what may be done: r, w and m, each once');
});

Deno.test("a device number's halves, as makedev(3) mixes them", () => {
  assertEquals(deviceNumbers(0x103), { major: 1, minor: 3 });
  assertEquals(deviceNumbers(0x12345678), { major: 0x456, minor: 0x12378 });
  assertEquals(deviceNumbers(0x1000 * 2 ** 32 + 0x100), { major: 0x1001, minor: 0 });
});

Deno.test("--device-cgroup-rule", async () => {
  const rules = { major: 1, minor: 3, access: "mr" };
  assertEquals(await options("--device-cgroup-rule", "c 1:3 mr"), {
    deviceCgroupRules: [{ allow: true, type: "c", ...rules }],
  });
  assertEquals(await options("--device-cgroup-rule", "a *:* rwm"), {
    deviceCgroupRules: [
      { allow: true, type: "a", major: undefined, minor: undefined, access: "rwm" },
    ],
  });
  for (const text of ["", "c", "d 1:3 r", "c 1:3", "c 1:3 x", "c 1 r"]) {
    assertEquals(
      await refusal(`--device-cgroup-rule=${text}`),
      `--device-cgroup-rule: ${
        JSON.stringify(text)
      } is not TYPE MAJOR:MINOR ACCESS, as 'c 1:3 rwm'`,
    );
  }
});

/** A block device of this machine's, if it has one. */
const disk = Array.from(Deno.readDirSync("/dev"), ({ name }) => `/dev/${name}`)
  .find((path) => {
    try {
      return Deno.statSync(path).isBlockDevice;
    } catch {
      return false;
    }
  });

Deno.test({
  ...needs("limits of single disks", { files: [disk ?? "/dev/sda"] }),
  async fn() {
    const numbers = deviceNumbers(Deno.statSync(disk!).rdev!);
    const { resources } = await options(
      `--device-read-bps=${disk}:1m`,
      `--device-write-bps=${disk}:2k`,
      `--device-read-iops=${disk}:100`,
      `--device-write-iops=${disk}:200`,
      `--blkio-weight-device=${disk}:300`,
    );
    assertEquals(resources?.blockIO, {
      throttleReadBpsDevice: [{ ...numbers, rate: 2 ** 20 }],
      throttleWriteBpsDevice: [{ ...numbers, rate: 2048 }],
      throttleReadIOPSDevice: [{ ...numbers, rate: 100 }],
      throttleWriteIOPSDevice: [{ ...numbers, rate: 200 }],
      weightDevice: [{ ...numbers, weight: 300 }],
    });
    assertEquals(
      await refusal("--device-read-bps", `${disk}:x`),
      '--device-read-bps: "x" is not a size; write 32m or 1g',
    );
  },
});

Deno.test("limits of disks that are none", async () => {
  assertEquals(
    await refusal("--device-read-bps", "1m"),
    '--device-read-bps: "1m" is not DISK:VALUE, as /dev/sda:1m',
  );
  assertEquals(
    await refusal("--device-read-bps", "/dev/null:1m"),
    '--device-read-bps: "/dev/null" is not a block device',
  );
  assertEquals(
    await refusal("--blkio-weight-device", "/dev/none:1"),
    '--blkio-weight-device: "/dev/none" is not there',
  );
});
