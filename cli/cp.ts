/**
 * `cp`: files into a container and out of it.
 *
 * @module
 */

import type { CopyOptions, CopyPath } from "../runtime/copy/copy.ts";
import type { Side } from "../runtime/copy/side.ts";
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { printBytes } from "./output.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  archive: { short: "a", help: "keep who the files belong to" },
  "follow-link": { short: "L", help: "copy what a link leads to, and not the link" },
  quiet: { short: "q", help: "say nothing of what is left out" },
} as const satisfies FlagTable;

/** The help of `cp`. */
export const help: Help = {
  usage: "cp [FLAGS] SOURCE TARGET",
  summary: "copy files into a container, or out of it",
  about: [
    "One of the two is CONTAINER:PATH; the container may run or not. A directory is copied with its name into one that is there, and " +
    "with PATH/. only what is in it. - is a tar, on standard output or from standard input.",
    "What comes out belongs to whoever copies it, without devices and set-user-ID bits; what goes " +
    "in belongs to root. -a keeps it all as it is.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "cp page.html web:/srv/", does: "a file into a directory of the container web" },
    { command: "cp web:/var/log .", does: "a directory, with its name, into the one here" },
    { command: "cp web:/etc - | tar -t", does: "the names of a directory's files" },
  ],
};

/** Copies. */
export async function cp(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  const [source, target] = operands;
  if (operands.length !== 2) {
    throw new UsageError("cp needs a source and a target, as in: cp file web:/srv/");
  }
  const [from, to] = [readPath(source), readPath(target)];
  if (from.container !== undefined && to.container !== undefined) {
    throw new UsageError(
      `cp needs this machine on one side: cp ${source} - | tiffin cp - ${target}`,
    );
  }
  if (from.container === undefined && to.container === undefined) {
    throw new UsageError("cp needs a container on one side, as in: cp web:/etc/hosts .");
  }
  const [{ findContainer }, sides, { copy, copyFromTar, copyToTar }, { tell }] = await Promise.all([
    import("../runtime/containers.ts"),
    import("../runtime/copy/side.ts"),
    import("../runtime/copy/copy.ts"),
    import("./export.ts"),
  ]);
  const info = await findContainer(root, (from.container ?? to.container)!);
  using inside = await sides.containerSide(root, info);
  using outside = sides.hostSide();
  const isOut = from.container !== undefined;
  const keeps = flags.archive ?? false;
  const options: CopyOptions = {
    owners: ownersFor(isOut, keeps || source === "-"),
    isCautious: isOut && !keeps,
    follows: flags["follow-link"],
    onSkipped: flags.quiet ? undefined : tell,
  };
  const at = (side: Side, path: string): CopyPath => ({ side, path });
  if (source === "-") {
    await copyFromTar(Deno.stdin.readable, at(inside, to.path), options);
  } else if (target === "-") {
    if (Deno.stdout.isTerminal()) throw new UsageError("cp … - writes a tar: cp … - >FILE");
    for (const piece of copyToTar(at(inside, from.path), options)) printBytes(Deno.stdout, piece);
  } else if (isOut) copy(at(inside, from.path), at(outside, to.path), options);
  else copy(at(outside, from.path), at(inside, to.path), options);
  return 0;
}

/** An ordinary user can give files to nobody else; inside, it is root itself. */
function ownersFor(isOut: boolean, keeps: boolean): CopyOptions["owners"] {
  if (Deno.uid() !== 0) return "own";
  if (keeps) return "keep";
  return isOut ? "own" : "root";
}

/** `web:/etc` is a path in a container; what begins with a slash or a dot is one of the host's. */
function readPath(text: string): { container?: string; path: string } {
  const colon = text.indexOf(":");
  if (colon > 0 && !/^[./]/.test(text)) {
    const path = text.slice(colon + 1);
    if (path === "") throw new UsageError(`${text}: which path in the container?`);
    return { container: text.slice(0, colon), path: path.startsWith("/") ? path : `/${path}` };
  }
  return { path: text.startsWith("/") ? text : `${Deno.cwd()}/${text}` };
}
