/**
 * What /proc/self/exe leads to in a process of a container, until it is the container's program.
 *
 * It is a copy of Deno until its execve(2), so that link leads to the host's Deno; and an image
 * chooses what is executed. With `/proc/self/exe` for its program, for the first line of a script or
 * for the loader of an ELF file, the kernel would run the host's Deno in the container, with
 * libraries of the image's. Those could keep the file open and, as root, overwrite it as soon as
 * nobody runs it: what the host runs next is the image's (CVE-2019-5736). So the link is led to an
 * empty file first. The kernel allows that when nothing of the old one is mapped any more, and
 * walking a program needs nothing of it; Deno's signal handlers, which are in it, are gone since
 * clone3(2) (CLONE_CLEAR_SIGHAND).
 *
 * For the same reason the copies are made without Deno's program and without what it has allocated,
 * where nobody looks at each call of them.
 *
 * @module
 */

import { MADV, MFD, PR, PR_SET_MM } from "../../ffi/constants.ts";
import { attempt } from "../../ffi/libc.ts";
import type { Program } from "../../ffi/program.ts";

/** What is to be known of this process, to take its executable from a copy of it. */
export interface OwnExecutable {
  /** where the file is mapped, from the first byte to the one after the last */
  mapped: [start: number, end: number][];
  /** glibc's heap, if there is one: what Deno has allocated there is of no use to a copy either */
  heap?: [start: number, end: number];
  /** the first fields of `struct prctl_mm_map`, up to `env_end`: as they are */
  layout: number[];
  /** flags of memfd_create(2) for a file that can be executed */
  flags: number;
}

let known: OwnExecutable | undefined;

/** Looks at this process; once, for nothing of that changes but the heap's end, which may grow. */
export function ownExecutable(): OwnExecutable {
  const read = (name: string) => Deno.readTextFileSync(`/proc/self/${name}`);
  return known ??= describe(read("stat"), read("maps"), knowsExec());
}

/**
 * Reads what proc(5) says of a process.
 *
 * V8 maps a part of Deno's code a second time, so the maps have to be searched.
 *
 * @param stat the text of /proc/PID/stat
 * @param maps the text of /proc/PID/maps
 * @param knowsExec whether the kernel has memfd_create(2)'s MFD_EXEC
 */
export function describe(stat: string, maps: string, knowsExec: boolean): OwnExecutable {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const field = (number: number) => Number(fields[number - 3]);
  // code and data; glibc's heap, which a walk does not touch, and whose end is not said; the stack,
  // the arguments and the environment
  const layout = [26, 27, 45, 46, 47, 47, 28, 48, 49, 50, 51].map(field);
  const number = (at: number) => parseInt(maps.slice(at, at + 16), 16);
  const endOf = (line: number) => number(maps.indexOf("-", line) + 1);
  // the text is searched as it is: to split it and to look at each line is slow when it is done once
  let code = 0;
  while (endOf(code) <= layout[0]) code = maps.indexOf("\n", code) + 1;
  const path = maps.slice(maps.indexOf("/", code), maps.indexOf("\n", code) + 1);
  const mapped: OwnExecutable["mapped"] = [];
  for (let at = maps.indexOf(path); at >= 0; at = maps.indexOf(path, at + 1)) {
    const line = maps.lastIndexOf("\n", at) + 1;
    if (line > 0 && maps.startsWith(path, line - path.length)) mapped.at(-1)![1] = endOf(line);
    else mapped.push([number(line), endOf(line)]);
  }
  const heapAt = maps.indexOf("[heap]\n");
  const heapLine = maps.lastIndexOf("\n", heapAt) + 1;
  return {
    mapped,
    heap: heapAt < 0 ? undefined : [number(heapLine), endOf(heapLine)],
    layout,
    flags: knowsExec ? MFD.CLOEXEC | MFD.EXEC : MFD.CLOEXEC,
  };
}

/** The flag and this setting of what happens without it are of one and the same kernel, Linux 6.3. */
function knowsExec(): boolean {
  try {
    return Deno.readTextFileSync("/proc/sys/vm/memfd_noexec") !== "";
  } catch {
    return false;
  }
}

/**
 * Walks a program whose children get nothing of Deno's program and of what it has allocated: who
 * looks into one on its way into a container finds no secret there, and it is made more quickly.
 */
export function walkAlone(program: Program, { mapped, heap }: OwnExecutable): void {
  const own = heap ? [...mapped, heap] : mapped;
  for (const [start, end] of own) attempt.madvise(start, end - start, MADV.DONTFORK);
  try {
    program.walk();
  } finally {
    // a Deno.Command clones this process too, and wants it whole
    for (const [start, end] of own) attempt.madvise(start, end - start, MADV.DOFORK);
  }
}

/** `struct prctl_mm_map` of PR_SET_MM_MAP(2const): after the layout the auxiliary vector, if any. */
const MAP = { size: 104, descriptor: 100 };

/** Leads /proc/self/exe to an empty file; what is called after this is libc's alone. */
export function hideExecutable(program: Program, { mapped, layout, flags }: OwnExecutable): void {
  const { arena } = program;
  const file = program.call("an empty file, for an image that would execute /proc/self/exe", {
    name: "empty",
    allow: ["EACCES"], // vm.memfd_noexec=2 forbids such files: then the descriptor is -1, "no change"
  }).memfd_create("tiffin", flags);
  // a copy that is made while somebody steps through the calls has it still
  for (const [start, end] of mapped) {
    program.call("the kernel lets go of the host's Deno when nothing of it is mapped any more")
      .munmap(start, end - start);
  }
  const map = arena.allocate(MAP.size, "map");
  map.text = "{exe_fd=empty}";
  layout.forEach((value, i) => arena.setWord(map.address + i * 8, value));
  program.call("the rest of this process's layout stays as it is")
    .memcpy(map.address + MAP.descriptor, file.address, 4);
  const done = program.label();
  program.call("here /proc/self/exe ends to be the host's Deno, which a container may not reach", {
    // EINVAL: a kernel without CONFIG_CHECKPOINT_RESTORE
    allow: ["EINVAL"],
    onSuccess: done,
  }).prctl(PR.SET_MM, PR_SET_MM.MAP, map, MAP.size, 0);
  program.call("the older way, for the host's root alone: it needs CAP_SYS_RESOURCE there", {
    // in a user namespace of such a kernel there is no way, and no right to the host's files either
    allow: ["EPERM", "EBADF"],
  }).prctl(PR.SET_MM, PR_SET_MM.EXE_FILE, file, 0, 0);
  program.place(done);
}
