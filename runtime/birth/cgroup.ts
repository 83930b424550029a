/**
 * A control group, made and joined by a program of calls: the plan of cgroups/ written down.
 *
 * @module
 */

import { BPF, O } from "../../ffi/constants.ts";
import type { Ref } from "../../ffi/memory.ts";
import type { Program } from "../../ffi/program.ts";
import type { CgroupPlan } from "../cgroups/plan.ts";
import { writeFile, writeValues } from "./files.ts";

/** Makes the group and sets its limits. @returns a descriptor of the version 2 directory */
export function makeCgroup(program: Program, plan: CgroupPlan): Ref | undefined {
  for (const { path, why, shared } of plan.directories) {
    program.call(why, shared ? { allow: ["EEXIST"] } : {}).mkdir(path, 0o755);
  }
  for (let i = 0; i < plan.writes.length;) {
    const { path, allow } = plan.writes[i];
    const from = i;
    // what goes into one file one after the other needs it opened only once
    while (plan.writes[i]?.path === path && plan.writes[i].allow === allow) i++;
    writeValues(program, path, plan.writes.slice(from, i), { allow });
  }
  if (!plan.into) return;
  const directory = program.call("the child is to be born in this cgroup", { name: "cgroup" })
    .open(plan.into, O.RDONLY | O.DIRECTORY | O.CLOEXEC, 0);
  if (plan.deviceProgram) attachDeviceProgram(program, plan.deviceProgram, directory);
  return directory;
}

/**
 * Moves a process into the group's version 1 directories.
 *
 * @param pid the process; 0 is the one that makes the calls, which spares the kernel a lock
 */
export function joinCgroup(program: Program, plan: CgroupPlan, pid: number | "PID" = 0): void {
  for (const { path, why } of plan.joins) writeFile(program, path, String(pid), why);
}

const PROG_TYPE_CGROUP_DEVICE = 15;
const ATTACH_TYPE_CGROUP_DEVICE = 6;
const INSTRUCTION = 8;

/** Loads the program that decides on devices, and attaches it to the group, bpf(2). */
function attachDeviceProgram(program: Program, instructions: Uint8Array, cgroup: Ref): void {
  const { arena } = program;
  const load = arena.allocate(72, "load");
  const view = new DataView(load.bytes.buffer, load.bytes.byteOffset);
  view.setUint32(0, PROG_TYPE_CGROUP_DEVICE, true);
  view.setUint32(4, instructions.length / INSTRUCTION, true);
  arena.setWord(load.address + 8, arena.copy(instructions));
  arena.setWord(load.address + 16, arena.string("Apache-2.0"));
  load.text = `{BPF_PROG_TYPE_CGROUP_DEVICE, ${instructions.length / INSTRUCTION} instructions}`;
  const loaded = program.call("version 2 has no file for devices: a small program decides", {
    name: "devices",
  }).bpf(BPF.PROG_LOAD, load, load.bytes.length);

  const attach = arena.allocate(24, "attach");
  attach.text = "{devices to cgroup, BPF_CGROUP_DEVICE}";
  new DataView(attach.bytes.buffer, attach.bytes.byteOffset)
    .setUint32(8, ATTACH_TYPE_CGROUP_DEVICE, true);
  program.call("the cgroup's descriptor goes into bpf's argument")
    .memcpy(attach.address, cgroup.address, 4);
  program.call("and the program's").memcpy(attach.address + 4, loaded.address, 4);
  program.call("every open of a device in this cgroup is asked of the program")
    .bpf(BPF.PROG_ATTACH, attach, attach.bytes.length);
  program.call("the cgroup holds the program from here on").close(loaded);
}
