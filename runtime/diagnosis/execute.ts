/**
 * execve(2) failed: is the program not there, or what it needs, or may it not be executed?
 *
 * @module
 */

import { errnoName } from "../../ffi/errno.ts";
import type { Step } from "../../ffi/program.ts";
import { kindOf } from "../merged_tree.ts";
import { didYouMean } from "../words.ts";
import { listDirectory } from "./directory.ts";
import {
  brokenWay,
  type Cases,
  each,
  either,
  type Finder,
  type Finding,
  named,
  type Scene,
} from "./scene.ts";
import { mayExecute, notLetIn } from "./permissions.ts";
import { programFault } from "./program_file.ts";

/**
 * The calls that were made, one for each directory of PATH: access(2) where the program is only
 * looked for, and will be executed later.
 */
function attempts({ failure: { program, step: { name } } }: Scene): Step[] {
  return program.steps.filter((step) => step.name === name && program.outcome(step).errno !== 0);
}

const emptyCommand: Finder = ({ failure: { request: { spec: { process } } } }) =>
  process.args?.[0] === ""
    ? { cause: "the command is an empty word", advice: "name a program" }
    : undefined;

/** The first program of those tried that is there has a fault. */
const faultyProgram: Finder = (scene) => {
  for (const step of attempts(scene)) {
    const finding = faultOf(scene, String(step.args[0]));
    if (finding) return { ...finding, step };
  }
};

/** What keeps the file at a path from being executed; undefined where it is not there. */
function faultOf(scene: Scene, path: string): Finding | undefined {
  const { passed, end, broken } = scene.way(path);
  const links = passed.filter((place) => place.target !== undefined);
  const isLink = links.some((link) => lastName(link.path) === lastName(path));
  if (broken && (isLink || broken.reason === "circle")) {
    return { cause: brokenWay({ passed, broken }, path)! };
  }
  const closed = passed.find((place) => place.target === undefined && !mayExecute(scene, place));
  if (closed && end) return notLetIn(scene, closed);
  return end && programFault(scene, end, path);
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** No program of the name is there. */
const noProgram: Finder = (scene) => {
  const [name = ""] = scene.failure.request.spec.process.args ?? [];
  if (name.includes("/")) {
    const cause = brokenWay(scene.way(name), scene.absolute(name));
    return cause ? { cause, advice: "look for it with: ls -l, in the same image" } : undefined;
  }
  const directories = attempts(scene).map((step) => String(step.args[0]).replace(/\/[^/]*$/, ""));
  const programs = programsIn(scene, directories);
  const searched = directories.slice(0, MOST_DIRECTORIES).map(named);
  const more = directories.length - searched.length;
  if (more > 0) searched.push(`and ${more} more`);
  return {
    cause: `there is no program ${named(name)} in any directory of PATH: ${searched.join(", ")}`,
    advice: programs.length === 0
      ? "none of them is there or has anything in it: give the path of a program in the image"
      : suggestion(name, programs),
  };
};

/** More are not named: a hostile image's PATH could fill screens. */
const MOST_DIRECTORIES = 20;
/** No image has so many programs; a hostile one could have millions, and each is compared. */
const MOST_NAMES = 20_000;

function programsIn(scene: Scene, directories: string[]): string[] {
  const programs: string[] = [];
  for (const directory of directories) {
    if (programs.length >= MOST_NAMES) break;
    const { end } = scene.way(directory);
    if (end && kindOf(end) === "directory") {
      programs.push(...listDirectory(end.fd, MOST_NAMES - programs.length));
    }
  }
  return programs;
}

const SHELLS = ["sh", "bash", "ash", "dash", "zsh", "ksh", "fish", "busybox"];

/** A program that is there and that may have been meant. */
function suggestion(name: string, programs: string[]): string | undefined {
  if (SHELLS.includes(name)) {
    const shell = SHELLS.find((shell) => programs.includes(shell));
    if (shell) return `the image has ${shell}: try that`;
  }
  // python3 for python, and gcc-12 for gcc
  const longer = programs.find((program) =>
    program.startsWith(name) && /^[-.\d]+$/.test(program.slice(name.length))
  );
  const meant = longer ??
    /"(.*)"/.exec(didYouMean(name, programs.filter((each) => each.length < name.length + 4)))?.[1];
  return meant && `the image has ${named(meant)}: try that`;
}

/** The kernel's limits on what a program can be told, execve(2). */
const LARGEST_STRING = 131072;

const tooMuch: Finder = ({ failure: { request: { spec: { process } } } }) => {
  const strings = [...process.args ?? [], ...process.env ?? []];
  const encoder = new TextEncoder();
  const sizes = strings.map((text) => encoder.encode(text).length + 1);
  const tooLong = sizes.findIndex((size) => size > LARGEST_STRING);
  if (tooLong >= 0) {
    const kind = tooLong < (process.args ?? []).length ? "argument" : "variable";
    return {
      cause: `one ${kind}, ${JSON.stringify(strings[tooLong].slice(0, 40))}…, has ` +
        `${sizes[tooLong]} bytes, and the kernel takes ${LARGEST_STRING} at most`,
      advice: "put it in a file, and mount that with --volume",
    };
  }
  return {
    cause: `the arguments and the environment have ${sizes.reduce((a, b) => a + b, 0)} bytes: ` +
      "more than a quarter of the stack's limit",
    advice: "raise it with --ulimit stack, or pass less",
  };
};

const busy: Finder = (scene) => ({
  cause: `${named(scene.text(0))} is open for writing somewhere`,
  advice: "wait until whoever writes it has closed it, or copy it aside and rename it in place",
});

const filtered: Finder = ({ failure: { request } }) =>
  request.seccomp && {
    cause: "the container's own seccomp profile forbids execve(2)",
    advice: "allow it in the profile, or use --security-opt seccomp=unconfined to see",
  };

const tooManyProcesses: Finder = ({ failure: { request: { spec: { process } } } }) => {
  const limit = process.rlimits?.find(({ type }) => type === "RLIMIT_NPROC");
  return limit && {
    cause: `user ${process.user.uid} has more processes than RLIMIT_NPROC lets it: ${limit.soft}`,
    advice: "raise --ulimit nproc: it counts the user's processes in all containers together",
  };
};

const noGoodProgram = either(emptyCommand, faultyProgram, noProgram);

/** What to look for when the program cannot be executed, or is not there to be executed later. */
export const EXECUTE: Cases = {
  access: each(
    "ENOENT ENOTDIR EACCES ELOOP",
    (scene) => scene.failure.step.phase.title === "the program" ? noGoodProgram(scene) : undefined,
  ),
  execve: {
    ...each(
      "ENOENT ENOTDIR EACCES ENOEXEC ELOOP EINVAL EISDIR ELIBBAD ESTALE ENODEV",
      noGoodProgram,
    ),
    // a loader is read, and this one is shorter than it has to be
    EIO: faultyProgram,
    E2BIG: tooMuch,
    ETXTBSY: busy,
    ...each("EPERM ENOSYS", either(filtered, faultyProgram)),
    EAGAIN: tooManyProcesses,
  },
};

/** The exit code for a failed execve(2), as Docker and shells have it. */
export function exitCodeOf(errno: number): 126 | 127 {
  return ["ENOENT", "ENOTDIR"].includes(errnoName(errno)) ? 127 : 126;
}
