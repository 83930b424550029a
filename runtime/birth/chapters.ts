/**
 * The chapters of a birth that few containers need: which of them a spec asks for, loaded.
 *
 * A plain start loads none of them, and not even this module.
 *
 * @module
 */

import type { Program } from "../../ffi/program.ts";
import { later } from "../later.ts";
import type { Spec } from "../spec.ts";
import type { Subject } from "./hooks.ts";
import type { Kept } from "./keep.ts";
import { SAYS } from "./line.ts";
import { hasNew } from "./namespaces.ts";
import type { Birth } from "./request.ts";

/** What few births have: each part is there where the spec asks for it. */
export interface Chapters {
  /** namespaces that have to be joined before the container's first process is made */
  between?: typeof import("./between.ts");
  /** mounts that the parent has to make */
  parcels?: typeof import("./parcels.ts");
  /** a time namespace of its own */
  clocks?: typeof import("./clocks.ts");
  /** scheduling, execution domain, security labels */
  traits?: typeof import("./traits.ts");
  /** hooks, and whom they are told of */
  hooks?: { write: typeof import("./hooks.ts"); subject: Subject };
  /** whether its new volumes are filled before they are mounted */
  fillsVolumes?: boolean;
  /** whether calls that the filter reports go to a listener */
  listens?: boolean;
  /** whether its control group is systemd's to make */
  isInScope?: boolean;
  /** whether an ordinary user starts it, who has no rights before it is in a user namespace */
  isOrdinaryUser?: boolean;
  /** a gate to wait at before the program begins, and the FIFO's descriptor in this process */
  gate?: { write: typeof import("./gate.ts"); fd: number };
  /** notes in a birth which descriptors the program gets from whoever starts it */
  keeps?: (program: Program) => Kept;
  /** what the parent does when the child says this byte and waits; the pid is the child's */
  answers?: { [byte: string]: (pid: number, birth: Birth) => Promise<void> };
}

/**
 * Loads the chapters that a spec asks for.
 *
 * @param subject the container, for hooks and for a listener
 */
export async function loadChapters(spec: Spec, subject: Subject): Promise<Chapters> {
  const { process, linux, hooks = {}, mounts = [] } = spec;
  const chapters: Chapters = { isOrdinaryUser: Deno.uid() !== 0, answers: {} };
  if (linux?.namespaces?.some(({ path }) => path)) {
    const between = await later<typeof import("./between.ts")>(import.meta, "./between.ts");
    if (between.needsBetween(spec)) chapters.between = between;
  }
  if (hasNew(spec, "time")) {
    chapters.clocks = await later<typeof import("./clocks.ts")>(import.meta, "./clocks.ts");
  }
  if (
    process?.scheduler || process?.apparmorProfile || process?.selinuxLabel ||
    linux?.personality
  ) {
    chapters.traits = await later<typeof import("./traits.ts")>(import.meta, "./traits.ts");
  }
  if (mounts.some(({ options, uidMappings }) => uidMappings || options?.some(isParcelWord))) {
    chapters.parcels = await later<typeof import("./parcels.ts")>(import.meta, "./parcels.ts");
  }
  const { prestart = [], createRuntime = [], createContainer = [], startContainer = [] } = hooks;
  if (prestart.length + createRuntime.length + createContainer.length + startContainer.length) {
    const write = await later<typeof import("./hooks.ts")>(import.meta, "./hooks.ts");
    chapters.hooks = { write, subject };
    chapters.answers![SAYS.hooks] = async (pid) => {
      const { runHooks } = await later<typeof import("../hooks.ts")>(import.meta, "../hooks.ts");
      const state = { ...subject, status: "creating", pid } as const;
      await runHooks("prestart", prestart, state);
      await runHooks("createRuntime", createRuntime, state);
    };
  }
  const { seccomp } = linux ?? {};
  if (seccomp?.syscalls?.some(({ action }) => action === "SCMP_ACT_NOTIFY")) {
    chapters.listens = true;
    chapters.answers![SAYS.listener] = async (pid, { listener }) => {
      const { sendListener } = await later<typeof import("../seccomp/listener.ts")>(
        import.meta,
        "../seccomp/listener.ts",
      );
      sendListener(seccomp, { ...subject, status: "creating", pid }, listener!.value);
    };
  }
  return chapters;
}

/**
 * The same for a spec that was put together here, and is checked first.
 *
 * @throws {SpecError} for what is wrong, or cannot be honoured
 */
export async function checkedChapters(spec: Spec, subject: Subject): Promise<Chapters> {
  const { checkSpec } = await later<typeof import("../unsupported.ts")>(
    import.meta,
    "../unsupported.ts",
  );
  checkSpec(spec);
  return await loadChapters(spec, subject);
}

/** Words of a mount's options that make it the parent's to make; parcels.ts has the last say. */
function isParcelWord(word: string): boolean {
  return word === "idmap" || word === "ridmap" || word === "tmpcopyup";
}
