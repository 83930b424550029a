/**
 * The constants are those of the system's headers, by name and by value, on both machines.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { formatArguments } from "../../ffi/calls.ts";
import * as constants from "../../ffi/constants.ts";
import { project } from "../helpers/run_tiffin.ts";
import { needs } from "../helpers/needs.ts";
import { type Arch, architectures, compiler, evaluate } from "./c_headers.ts";

type Families = Record<string, Record<string, number>>;

/** Headers that can be included together, and the families that they define. */
const GROUPS: { headers: string[]; families: (keyof typeof constants)[] }[] = [
  {
    headers: [
      "fcntl.h",
      "sys/stat.h",
      "sys/mman.h",
      "sys/file.h",
      "sys/ioctl.h",
      "linux/kvm.h",
      "unistd.h",
    ],
    families: ["O", "AT", "S", "STATX", "F", "LOCK", "MFD", "PROT", "MAP", "MADV", "IOCTL"],
  },
  { headers: ["fcntl.h", "sys/mount.h"], families: ["MNT"] },
  {
    headers: ["fcntl.h", "linux/mount.h", "linux/openat2.h", "linux/close_range.h"],
    families: [
      ...["MS", "OPEN_TREE", "FSOPEN", "FSCONFIG", "FSMOUNT", "MOVE_MOUNT", "MOUNT_ATTR"] as const,
      ...["RESOLVE", "CLOSE_RANGE"] as const,
    ],
  },
  {
    headers: [
      ...["linux/sched.h", "linux/prctl.h", "linux/seccomp.h", "linux/bpf.h", "linux/keyctl.h"],
      ...["linux/futex.h", "linux/ptrace.h"],
    ],
    families: [
      ...[
        "CLONE",
        "PR",
        "PR_SET_MM",
        "PR_CAP_AMBIENT",
        "SECCOMP_SET_MODE",
        "SECCOMP_FILTER_FLAG",
      ] as const,
      ...["BPF", "KEYCTL", "FUTEX", "PTRACE", "PTRACE_O", "SCHED_FLAG"] as const,
    ],
  },
  {
    headers: [
      "sched.h",
      "signal.h",
      "sys/wait.h",
      "sys/resource.h",
      "time.h",
      "dlfcn.h",
      "linux/ioprio.h",
    ],
    families: [
      ...["SIG", "SIG_HOW", "W", "RLIMIT", "CLOCK", "RTLD", "IOPRIO_WHO", "SCHED"] as const,
    ],
  },
  {
    headers: ["sys/socket.h", "poll.h", "sys/eventfd.h", "sys/syscall.h"],
    families: ["AF", "SOCK", "SOL", "MSG", "POLL", "EFD", "SYS"],
  },
];

/** Newer than the headers of Debian 12. */
const NEWER = ["MFD_EXEC"];

/** The constants as they are on a machine: the module asks which one it is when it is loaded. */
async function constantsOf(arch: Arch): Promise<Families> {
  if (arch === Deno.build.arch) return constants;
  const source = await Deno.readTextFile(`${project}/ffi/constants.ts`);
  const other = source.replace("Deno.build.arch", JSON.stringify(arch));
  return await import(`data:application/typescript,${encodeURIComponent(other)}`);
}

/** The name as messages have it, which is to be the name in the header. */
function headerName(family: string, value: number): string {
  const name = formatArguments(["int", `value: ${family}`], [value]);
  assertEquals(/^[A-Z]/.test(name), true, name);
  return name;
}

Deno.test("every family is compared with a header", () => {
  const compared = GROUPS.flatMap(({ families }) => families);
  assertEquals(compared.toSorted(), Object.keys(constants).sort() as typeof compared);
});

Deno.test("what differs between the machines is chosen when the module is loaded", async () => {
  const directory = { x86_64: 0o200000, aarch64: 0o40000 };
  for (const arch of architectures) {
    assertEquals((await constantsOf(arch)).O.DIRECTORY, directory[arch]);
  }
});

for (const arch of architectures) {
  Deno.test({
    ...needs(`${arch}: the constants are those of the C headers`, { programs: [compiler(arch)] }),
    async fn(test) {
      const all = await constantsOf(arch);
      for (const { headers, families } of GROUPS) {
        const members = families.flatMap((family) =>
          Object.entries(all[family]).map(([member, value]) => ({
            name: headerName(family, (constants as Families)[family][member]),
            value,
          }))
        ).filter(({ name }) => !NEWER.includes(name));
        assertEquals(new Set(members.map(({ name }) => name)).size, members.length);
        await test.step(families.join(", "), async () => {
          const values = await evaluate(arch, headers, members.map(({ name }) => name));
          assertEquals(members, members.map(({ name }, i) => ({ name, value: values[i] })));
        });
      }
    },
  });
}
