/**
 * Structs by value: laid out as the C headers and the kernel have them, on both machines.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { CLONE, IOCTL, MOUNT_ATTR, MS, O, RESOLVE, RLIMIT } from "../../ffi/constants.ts";
import { attempt, libc } from "../../ffi/libc.ts";
import { E } from "../../ffi/errno.ts";
import type { Struct } from "../../ffi/memory.ts";
import {
  cloneArgs,
  ints,
  mountAttr,
  openHow,
  rlimit,
  schedAttr,
  winsize,
} from "../../ffi/structs.ts";
import { needs } from "../helpers/needs.ts";
import { architectures, compiler, evaluate } from "./c_headers.ts";

const INFINITY = 2n ** 64n - 1n;

/** Each struct with a value in every field that it can be given; fields not named here are 0. */
const samples: { type: string; struct: Struct; fields: Record<string, bigint> }[] = [
  {
    type: "struct open_how",
    struct: openHow({ flags: O.PATH, mode: 0o644, resolve: RESOLVE.IN_ROOT }),
    fields: { flags: BigInt(O.PATH), mode: 0o644n, resolve: 16n },
  },
  {
    type: "struct mount_attr",
    struct: mountAttr({ set: 1, clear: 0x70, propagation: MS.SLAVE, usernsFd: 9 }),
    fields: { attr_set: 1n, attr_clr: 0x70n, propagation: BigInt(MS.SLAVE), userns_fd: 9n },
  },
  {
    type: "struct rlimit",
    struct: rlimit(1024, INFINITY),
    fields: { rlim_cur: 1024n, rlim_max: INFINITY },
  },
  {
    type: "struct winsize",
    struct: winsize(24, 80),
    fields: { ws_row: 24n, ws_col: 80n },
  },
  {
    type: "struct clone_args",
    struct: cloneArgs(CLONE.NEWPID + CLONE.INTO_CGROUP, 5),
    fields: { flags: 0x2_2000_0000n, exit_signal: 17n, cgroup: 5n },
  },
  {
    type: "struct sched_attr",
    struct: schedAttr({
      policy: "DEADLINE",
      flags: 5,
      nice: 3,
      priority: 4,
      runtime: 10,
      deadline: 20,
      period: 2 ** 40,
    }),
    fields: {
      size: 56n,
      sched_policy: 6n,
      sched_flags: 5n,
      sched_nice: 3n,
      sched_priority: 4n,
      sched_runtime: 10n,
      sched_deadline: 20n,
      sched_period: 2n ** 40n,
    },
  },
];

const headers = [
  ...["sys/resource.h", "sys/ioctl.h", "linux/openat2.h", "linux/mount.h", "linux/sched.h"],
  "linux/sched/types.h",
];

for (const arch of architectures) {
  Deno.test({
    ...needs(`${arch}: structs are laid out as in the C headers`, { programs: [compiler(arch)] }),
    async fn() {
      for (const { type, struct, fields } of samples) {
        const names = Object.keys(fields);
        const [size, ...layout] = await evaluate(arch, headers, [
          `sizeof (${type})`,
          ...names.flatMap((name) => [
            `offsetof (${type}, ${name})`,
            `sizeof (((${type} *) 0)->${name})`,
          ]),
        ]);
        const expected = new Uint8Array(size);
        names.forEach((name, i) => {
          for (let byte = 0; byte < layout[2 * i + 1]; byte++) {
            expected[layout[2 * i] + byte] = Number(fields[name] >> BigInt(8 * byte) & 0xffn);
          }
        });
        assertEquals(struct.bytes, expected, type);
      }
    },
  });
}

Deno.test("structs have the sizes that their calls are told", () => {
  assertEquals(samples.map(({ struct }) => struct.bytes.length), [24, 32, 16, 8, 88, 56]);
});

Deno.test("structs are written with the names of their fields", () => {
  assertEquals(samples.map(({ struct }) => struct.text), [
    "{flags=O_RDONLY|O_PATH, mode=0644, resolve=RESOLVE_IN_ROOT}",
    "{attr_set=MOUNT_ATTR_RDONLY, attr_clr=MOUNT_ATTR__ATIME, propagation=MS_SLAVE, userns_fd=9}",
    "{rlim_cur=1024, rlim_max=RLIM_INFINITY}",
    "{ws_row=24, ws_col=80}",
    "{flags=CLONE_NEWPID|CLONE_INTO_CGROUP, exit_signal=SIGCHLD, cgroup=5}",
    "{sched_policy=SCHED_DEADLINE, sched_flags=SCHED_FLAG_RESET_ON_FORK|SCHED_FLAG_DL_OVERRUN, " +
    "sched_nice=3, sched_priority=4, sched_runtime=10, sched_deadline=20, " +
    "sched_period=1099511627776}",
  ]);
  assertEquals(openHow({ flags: O.RDWR | O.CLOEXEC }).text, "{flags=O_RDWR|O_CLOEXEC}");
  assertEquals(mountAttr({ set: MOUNT_ATTR.NOSUID }).text, "{attr_set=MOUNT_ATTR_NOSUID}");
  assertEquals(cloneArgs(0).text, "{flags=0, exit_signal=SIGCHLD}");
  assertEquals(cloneArgs(CLONE.PARENT).text, "{flags=CLONE_PARENT}");
});

Deno.test("a limit that a JSON number cannot hold is no limit", () => {
  // JSON.parse makes 2^64 of it
  const read = JSON.parse("18446744073709551615");
  assertEquals(rlimit(read, read).bytes, rlimit(INFINITY, INFINITY).bytes);
  assertEquals(
    rlimit(2n ** 53n, 2 ** 53).text,
    "{rlim_cur=9007199254740992, rlim_max=9007199254740992}",
  );
  assertThrows(() => rlimit(1.5, 2), RangeError);
});

Deno.test("a list of numbers has 32 bits for each", () => {
  assertEquals([...ints([0, 1, 65534, 4294967294]).bytes], [
    ...[0, 0, 0, 0, 1, 0, 0, 0, 0xfe, 0xff, 0, 0, 0xfe, 0xff, 0xff, 0xff],
  ]);
  assertEquals(ints([5, 6]).text, "[5, 6]");
  assertEquals(ints([]).bytes.length, 0);
});

Deno.test("the kernel reads a limit as it was meant", () => {
  const now = new BigUint64Array(2);
  const bytes = new Uint8Array(now.buffer);
  libc.prlimit(0, RLIMIT.CORE, null, bytes);
  const [soft, hard] = now;
  libc.prlimit(0, RLIMIT.CORE, rlimit(0, hard), null);
  libc.prlimit(0, RLIMIT.CORE, rlimit(soft, hard), bytes);
  assertEquals([...now], [0n, hard]);
});

Deno.test("the kernel reads a window's size as it was meant", () => {
  const terminal = libc.open("/dev/ptmx", O.RDWR | O.NOCTTY | O.CLOEXEC, 0);
  try {
    libc.ioctl(terminal, IOCTL.TIOCSWINSZ, winsize(40, 132));
    const size = new Uint16Array(4);
    libc.ioctl(terminal, IOCTL.TIOCGWINSZ, new Uint8Array(size.buffer));
    assertEquals([...size], [40, 132, 0, 0]);
  } finally {
    libc.close(terminal);
  }
});

Deno.test("the kernel reads what is to be opened, and where a child is to be born", () => {
  const directory = libc.openat2(-1, "/proc", openHow({ flags: O.DIRECTORY | O.CLOEXEC }), 24);
  const how = (resolve: number) => openHow({ flags: O.PATH | O.CLOEXEC, resolve });
  assertEquals(attempt.openat2(directory, "self", how(RESOLVE.NO_SYMLINKS), 24), -E.ELOOP);
  assertEquals(attempt.openat2(directory, "..", how(RESOLVE.BENEATH), 24), -E.EXDEV);
  libc.close(libc.openat2(directory, "..", how(RESOLVE.IN_ROOT), 24));
  libc.close(directory);
  // refused for the descriptor, which is the last of its fields: there is no child
  assertEquals(attempt.clone3(cloneArgs(CLONE.INTO_CGROUP, 1 << 20), 88), -E.EBADF);
});
