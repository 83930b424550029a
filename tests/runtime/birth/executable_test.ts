/**
 * No image can have the kernel execute the host's Deno (CVE-2019-5736).
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { libcAddress } from "../../../ffi/libc.ts";
import { signatures } from "../../../ffi/signatures.ts";
import { describe, ownExecutable } from "../../../runtime/birth/executable.ts";
import { examine, StartError } from "../../../runtime/diagnosis.ts";
import { anyUser, localBox } from "../../cli/box.ts";
import { detached, IDLE } from "../../cli/detached.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { assertOrder, childCalls, EXECUTABLE } from "./calls.ts";
import { BUSYBOX, makeRootfs, start } from "./trial.ts";

const box = localBox();
const NEEDED = { root: true, files: [BUSYBOX] } as const;
/** The empty file, as the kernel names what has no name. */
const EMPTY = "/memfd:tiffin (deleted)";

const STAT = `7 (a) b) S ${
  Array.from({ length: 48 }, (_, i) => i + 4 === 26 ? 0x5010 : 1000 + i + 4).join(" ")
}`;
const MAPS = `4000-5000 r--p 00000000 fe:00 7                    /usr/bin/deno
5000-6000 r-xp 00001000 fe:00 7                    /usr/bin/deno
6000-7000 rw-p 00000000 00:00 0 
9000-a000 r-xp 00001000 fe:00 7                    /usr/bin/deno
a000-b000 r-xp 00000000 fe:00 9                    /usr/lib/libc.so.6
b000-d000 rw-p 00000000 00:00 0                          [heap]
7fffe000-7ffff000 rw-p 00000000 00:00 0                          [stack]
`;

Deno.test("all that is mapped of the file that runs is found, and nothing else", () => {
  assertEquals(describe(STAT, MAPS, false), {
    mapped: [[0x4000, 0x6000], [0x9000, 0xa000]],
    heap: [0xb000, 0xd000],
    layout: [0x5010, 1027, 1045, 1046, 1047, 1047, 1028, 1048, 1049, 1050, 1051],
    flags: 1,
  });
  assertEquals(describe(STAT, MAPS, true).flags, 0x11);
  assertEquals(describe(STAT, MAPS.replace(/.*heap.*\n/, ""), true).heap, undefined);
});

Deno.test("this process's own file is found in its memory, once and once more by V8", () => {
  const { mapped, layout } = ownExecutable();
  const [code] = layout;
  assert(mapped.some(([start, end]) => start <= code && code < end));
  const lines = Deno.readTextFileSync("/proc/self/maps").split("\n");
  const starts = lines.filter((line) => line.endsWith(Deno.execPath())).map((line) =>
    parseInt(line, 16)
  );
  assert(starts.every((at) => mapped.some(([start, end]) => start <= at && at < end)));
});

Deno.test("no function that a program calls is Deno's own: it would be gone", () => {
  const { mapped } = ownExecutable();
  const names = Object.keys(signatures) as (keyof typeof signatures)[];
  const own = names.filter((name) => {
    const address = libcAddress(name);
    return mapped.some(([start, end]) => start <= address && address < end);
  });
  assertEquals(own, []);
});

Deno.test("the file is taken away before rights are, and before the filter and the gate", () => {
  for (const noNewPrivileges of [true, false]) {
    const seccomp = { filter: new Uint8Array(8), flags: 0 };
    const rlimits = [{ type: "RLIMIT_NOFILE" as const, soft: 0, hard: 0 }];
    const list = childCalls({ process: { noNewPrivileges, rlimits } }, {
      seccomp,
      executable: EXECUTABLE,
    });
    const before = [
      "empty = memfd_create(",
      "munmap(",
      "prctl(PR_SET_MM, PR_SET_MM_MAP,",
    ];
    assertOrder(list, ...before, "prlimit(", "seccomp(");
    assertOrder(list, ...before, "prctl(PR_CAPBSET_DROP, 0,", "capset(");
  }
});

Deno.test({
  ...needs("a child that failed, and is looked at, does not lead to the host's Deno", NEEDED),
  async fn() {
    await using root = await tempRoot();
    const rootfs = await makeRootfs(`${root.path}/rootfs`);
    let seen = "";
    let memory = "";
    const error = await start(rootfs, { args: ["/proc/self/exe"] }, (failure) => {
      seen = Deno.readLinkSync(`/proc/${failure.pid}/exe`);
      memory = Deno.readTextFileSync(`/proc/${failure.pid}/maps`);
      return examine(failure);
    }).then(() => undefined, (error) => error);
    assertEquals(seen, EMPTY);
    assertStringIncludes(memory, "libc.so.6");
    assertEquals(memory.includes(Deno.execPath()), false);
    assertEquals(memory.includes("[heap]"), false, "what Deno has allocated is not in the child");
    assert(error instanceof StartError);
    assertMatch(error.message, /ENOEXEC.*: \/proc\/self\/exe is what the process runs itself/);
  },
});

Deno.test({
  ...needs("run and exec do not execute what they are themselves", anyUser),
  async fn() {
    await using web = await detached(box, IDLE);
    const words = ["/proc/self/exe", "--version"];
    for (const command of [["run", "local"], ["exec", web.id]]) {
      const { code, stderr } = await web.tiffin(...command, ...words);
      assertEquals(code, 126, stderr);
      assertMatch(stderr, /ENOEXEC.*is what the process runs itself/);
    }
  },
});
