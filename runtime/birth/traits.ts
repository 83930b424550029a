/**
 * What few processes are given: a scheduling policy, another execution domain, a security label.
 *
 * All of it is done while the process still has the rights of its maker.
 *
 * @module
 */

import { type SCHED, SCHED_FLAG } from "../../ffi/constants.ts";
import type { Program } from "../../ffi/program.ts";
import { schedAttr } from "../../ffi/structs.ts";
import { cpusOf } from "../cgroups/values.ts";
import type { LinuxPersonality, Process, Scheduler } from "../spec.ts";
import { writeFile } from "./files.ts";

/** Execution domains of personality(2). */
const PERSONA = { LINUX: 0, LINUX32: 8 } as const;

/** Sets them. */
export function setTraits(
  program: Program,
  { scheduler, apparmorProfile, selinuxLabel }: Process,
  personality: LinuxPersonality | undefined,
): void {
  if (scheduler) schedule(program, scheduler);
  if (personality) {
    program.call("what uname(2) says of the machine, and how memory is laid out")
      .personality(PERSONA[personality.domain]);
  }
  if (apparmorProfile) {
    const why = "the AppArmor profile that execve(2) changes to";
    writeFile(program, "/proc/self/attr/apparmor/exec", `exec ${apparmorProfile}`, why);
  }
  if (selinuxLabel) {
    writeFile(
      program,
      "/proc/self/attr/exec",
      selinuxLabel,
      "the SELinux context that execve(2) changes to",
    );
  }
}

function schedule(program: Program, scheduler: Scheduler): void {
  const { policy, flags = [], ...numbers } = scheduler;
  const bits = flags.map((flag) =>
    SCHED_FLAG[flag.slice("SCHED_FLAG_".length) as keyof typeof SCHED_FLAG]
  );
  const attributes = schedAttr({
    ...numbers,
    policy: policy.slice("SCHED_".length) as keyof typeof SCHED,
    flags: bits.reduce((sum, bit) => sum | bit, 0),
  });
  program.call("when the kernel lets it run, sched(7)").sched_setattr(0, attributes, 0);
}

/** The mask of sched_setaffinity(2) for a list such as `0-3,7`. */
export function affinityMask(list: string): Uint8Array<ArrayBuffer> {
  const numbers = cpusOf("process.execCPUAffinity", list);
  const mask = new Uint8Array((Math.max(...numbers) >> 6) * 8 + 8);
  for (const number of numbers) mask[number >> 3] |= 1 << (number & 7);
  return mask;
}

/** Has the process run on these processors only: `execCPUAffinity` of a process of `exec`. */
export function runOn(program: Program, list: string, why: string): void {
  const bytes = affinityMask(list);
  program.call(why).sched_setaffinity(0, bytes.length, { bytes, text: `{${list}}` });
}
