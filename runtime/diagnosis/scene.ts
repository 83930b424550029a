/**
 * What can be seen of a start that failed: the call, the child that is held where it fell, the host.
 *
 * Everything here is for looking only. What is read of the child may be what a hostile image wants
 * to be read: its files go through {@link MergedTree}, which no link leads out of.
 *
 * @module
 */

import { errnoName, type SyscallError } from "../../ffi/errno.ts";
import { Ref } from "../../ffi/memory.ts";
import type { FunctionName, Step } from "../../ffi/program.ts";
import type { Failure } from "../birth/launch.ts";
import { hasNew } from "../birth/namespaces.ts";
import { readHostFile } from "../host_files.ts";
import { MergedTree, type Place, type Way } from "../merged_tree.ts";
import type { LinuxNamespaceType } from "../spec.ts";
import { type MountLine, parseMountinfo } from "./mountinfo.ts";

/** Why a call failed, and what to try next: each a phrase in lower case. */
export interface Finding {
  /** What is the matter. */
  cause: string;
  /** What to do about it. */
  advice?: string;
  /** The step that it is about, where that is an earlier one than the last. */
  step?: Step;
}

/** Looks for one kind of cause; undefined where it is not that. */
export type Finder = (scene: Scene) => Finding | undefined;

/** What to look for when a function fails with an errno. */
export type Cases = { readonly [Name in FunctionName]?: { readonly [errno: string]: Finder } };

/** Asks one after the other; the first that finds something is right. */
export function either(...finders: Finder[]): Finder {
  return (scene) => {
    for (const find of finders) {
      const finding = find(scene);
      if (finding) return finding;
    }
  };
}

/** The same finder for several errnos. */
export function each(errnos: string, finder: Finder): Record<string, Finder> {
  return Object.fromEntries(errnos.split(" ").map((errno) => [errno, finder]));
}

/** Who the child is to the kernel, from /proc/PID/status; ids are those of the host. */
export interface Credentials {
  /** The user ID that files are opened with. */
  uid: number;
  /** The group ID that files are opened with. */
  gid: number;
  /** Further groups. */
  groups: number[];
  /** What it may do, a bit for each capability. */
  effective: bigint;
  /** What it could be allowed. */
  permitted: bigint;
  /** What it can ever have. */
  bounding: bigint;
  /** Whether a filter of system calls is on it. */
  isFiltered: boolean;
  /** Whether execve(2) can give it no more rights. */
  noNewPrivileges: boolean;
}

/** A failed start, and the ways to look at it; disposing of it closes what was opened. */
export class Scene implements Disposable {
  /** The errno's name. */
  readonly code: string;
  readonly #who: string;
  #tree?: MergedTree;
  #mounts?: MountLine[];

  /**
   * Nothing is looked at before it is asked for.
   *
   * @param failure what launch.ts has
   * @param read reads a file of the host's; undefined where there is none
   */
  constructor(
    readonly failure: Failure,
    private readonly read: (path: string) => string | undefined = readHostFile,
  ) {
    this.code = errnoName(failure.program.outcome(failure.step).errno);
    this.#who = failure.pid === undefined ? "self" : String(failure.pid);
  }

  /** Closes what was opened. */
  [Symbol.dispose](): void {
    this.#tree?.[Symbol.dispose]();
  }

  /** The step that failed. */
  get step(): Step {
    return this.failure.step;
  }

  /** The failed call as an error without an explanation. */
  get error(): SyscallError {
    return this.failure.program.error(this.step);
  }

  /** An argument of the failed call that is a string; empty for NULL. */
  text(index: number): string {
    const value = this.step.args[index];
    return typeof value === "string" ? value : "";
  }

  /** An argument of the failed call that is a number, as it was when the call was made. */
  number(index: number): number {
    const value = this.step.args[index];
    return value instanceof Ref ? value.value : Number(value);
  }

  /** The step whose result the failed call was given. */
  origin(index: number): Step | undefined {
    const value = this.step.args[index];
    return this.failure.program.steps.find((step) => step.result === value);
  }

  /** The path that a call on files is about; write(2) has a descriptor, which an earlier step opened. */
  get path(): string {
    const { name, args } = this.step;
    const path = name === "write" ? this.origin(0)?.args[0] : args[name === "symlink" ? 1 : 0];
    return typeof path === "string" ? path : "";
  }

  /** What a write(2) was to write, as a person would. */
  get value(): string {
    const value = this.step.args[1];
    return value !== null && typeof value === "object" && "text" in value ? value.text ?? "" : "";
  }

  /** Whether the kernel is of this version at least. */
  hasKernel([major, minor]: readonly [number, number]): boolean {
    const [ours, ourMinor] = this.kernel.split(".").map(Number);
    return ours > major || (ours === major && ourMinor >= minor);
  }

  /** The kernel's version: two numbers. */
  get kernel(): string {
    return /^\d+\.\d+/.exec(this.host("/proc/sys/kernel/osrelease"))?.[0] ?? "0.0";
  }

  /** A file of the host's without the white space around it; empty where there is none. */
  host(path: string): string {
    return this.read(path)?.trim() ?? "";
  }

  /** A file of /proc/PID of the one who made the call. */
  proc(name: string): string {
    return this.host(`/proc/${this.#who}/${name}`);
  }

  /** Whether the spec asks for a new namespace. */
  isNew(type: LinuxNamespaceType): boolean {
    return hasNew(this.failure.request.spec, type);
  }

  /** The mounts that the one who made the call sees. */
  get mounts(): MountLine[] {
    return this.#mounts ??= parseMountinfo(this.proc("mountinfo"));
  }

  /** The mount that something lies in; a descriptor knows, fdinfo of proc_pid_fdinfo(5). */
  mountOf({ fd }: Place): MountLine | undefined {
    const id = /^mnt_id:\s*(\d+)/m.exec(this.host(`/proc/self/fdinfo/${fd}`))?.[1];
    return this.mounts.find((mount) => mount.id === Number(id));
  }

  /** Whether the root directory of the one who made the call is none of its mounts, as in a chroot. */
  get isChrooted(): boolean {
    const root = this.tree.walk("/").end;
    // the mount that a chroot lies in has its mount point outside, where mountinfo shows nothing
    return root !== undefined && this.proc("status") !== "" && this.mountOf(root)?.point !== "/";
  }

  /** Whether this process is root's. */
  get isRoot(): boolean {
    return /^Uid:\s*\d+\s+0\b/m.test(this.host("/proc/self/status"));
  }

  /** The working directory of the one who made the call. */
  get cwd(): string {
    return Deno.readLinkSync(`/proc/${this.#who}/cwd`);
  }

  /** A path as an absolute one. */
  absolute(path: string): string {
    if (path === "" || path === ".") return this.cwd;
    return path.startsWith("/") ? path : `${this.cwd === "/" ? "" : this.cwd}/${path}`;
  }

  /** The file tree that the one who made the call sees. */
  get tree(): MergedTree {
    return this.#tree ??= new MergedTree([`/proc/${this.failure.root ?? this.#who}/root`]);
  }

  /** What lies on a path that the failed call was given. */
  way(path: string): Way {
    return this.tree.walk(this.absolute(path));
  }

  /** Who made the call. */
  get credentials(): Credentials {
    const status = this.proc("status");
    const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1] ?? "0";
    const mask = (name: string) => BigInt(`0x${field(name)}`);
    const last = (name: string) => Number(field(name).split("\t").at(-1));
    return {
      uid: last("Uid"),
      gid: last("Gid"),
      groups: field("Groups").trim().split(" ").filter(Boolean).map(Number),
      effective: mask("CapEff"),
      permitted: mask("CapPrm"),
      bounding: mask("CapBnd"),
      isFiltered: field("Seccomp") === "2",
      noNewPrivileges: field("NoNewPrivs") === "1",
    };
  }
}

/** A name for a sentence: in quotes where it has characters that would spoil the sentence. */
export function named(name: string): string {
  return /^[!-~]+$/.test(name) ? name : JSON.stringify(name);
}

/** Why a path leads nowhere; undefined where it leads to something. */
export function brokenWay({ passed, broken }: Way, path: string): string | undefined {
  if (!broken) return;
  if (broken.reason === "circle") {
    return `the symbolic links of ${named(path)} go round in a circle`;
  }
  const at = named(broken.path);
  const trouble = broken.reason === "missing" ? `${at} is not there` : `${at} is not a directory`;
  const link = passed.findLast((place) => place.target);
  if (/^\/proc\/(self|thread-self|\d+)\/exe$/.test(link?.target ?? path)) {
    return `${named(path)} is what the process runs itself, and until it is the container's ` +
      "program that is an empty file";
  }
  if (link) {
    return `${named(link.path)} is a symbolic link to ${named(link.target!)}, and ${trouble}`;
  }
  return broken.path === path ? trouble : `${trouble}, on the way to ${named(path)}`;
}
