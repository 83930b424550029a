/**
 * `load`: take in the images of an archive.
 *
 * @module
 */

import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import { LIMIT_FLAGS, readLimits } from "./flags/layer_limits.ts";
import { statOf } from "./flags/paths.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import { PullWatch } from "./pull_watch.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  input: { short: "i", value: "FILE", help: "read this file or directory, not standard input" },
  name: { value: "NAME", help: "call the image so, if the archive has no name for it" },
  quiet: { short: "q", help: "print the names alone" },
  ...LIMIT_FLAGS,
} as const satisfies FlagTable;

/** The help of `load`. */
export const help: Help = {
  usage: "load [FLAGS] [<ARCHIVE]",
  summary: "take in the images that docker save has written",
  about: [
    "Also what podman save and skopeo copy write: archives of Docker's form, and OCI layouts as a " +
    "tar or a directory; packed with gzip, zstd or not at all.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "load -i alpine.tar", does: "the image has the name that it was saved with" },
    { command: "load --name mine:1 -i layout/", does: "an OCI layout that names nothing" },
  ],
};

/** Loads an archive. */
export async function load(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length > 0) throw new UsageError(`load takes no names: load -i ${operands[0]}`);
  const source = flags.input ?? standardInput("load reads an archive: load -i FILE, or load <FILE");
  if (typeof source === "string" && !statOf(source)) {
    throw new UsageError(`--input: there is no file or directory ${source}`);
  }
  const limits = readLimits(flags);
  const [{ loadArchive }, { ImageStore }, { UnpackTeam }, { typedName }] = await Promise.all([
    import("../runtime/images/archive.ts"),
    import("../runtime/images/store.ts"),
    import("../runtime/images/unpack_team.ts"),
    import("./known_images.ts"),
  ]);
  using team = new UnpackTeam(limits);
  await using watch = new PullWatch(true);
  const loaded = await loadArchive(new ImageStore(root), source, {
    name: flags.name,
    maxBytes: limits.maxBytes,
    unpack: team.unpack.bind(team),
    signal: watch.signal,
  });
  for (const { name } of loaded) {
    print(flags.quiet ? `${typedName(name)}\n` : `Loaded image: ${typedName(name)}\n`);
  }
  return 0;
}

/**
 * What the standard input gives.
 *
 * @param hint what to say where it is a terminal, which gives nothing that can be wanted
 */
export function standardInput(hint: string): AsyncIterable<Uint8Array> {
  if (Deno.stdin.isTerminal()) throw new UsageError(hint);
  return notNothing(Deno.stdin.readable, hint);
}

/** A command in front of the pipe that failed leaves an empty archive, which is not a broken one. */
async function* notNothing(input: AsyncIterable<Uint8Array>, hint: string) {
  let isEmpty = true;
  for await (const bytes of input) {
    isEmpty &&= bytes.length === 0;
    yield bytes;
  }
  if (isEmpty) throw new UsageError(`the standard input is empty: ${hint}`);
}
