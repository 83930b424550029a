/**
 * `oci spec`: a config.json to begin with.
 *
 * @module
 */

import { specFromImage } from "../../runtime/image_config.ts";
import type { LinuxIDMapping } from "../../runtime/spec.ts";
import { type FlagTable, parseFlags, UsageError } from "../flags/grammar.ts";
import { print } from "../output.ts";
import type { Help } from "../usage.ts";
import { absolute } from "./context.ts";

const FLAGS = {
  bundle: {
    short: "b",
    value: "DIR",
    help: "write it into this directory (the working directory)",
  },
  rootless: { help: "for an ordinary user: root in there is this user" },
} as const satisfies FlagTable;

/** The help of `oci spec`. */
export const help: Help = {
  usage: "oci spec [FLAGS]",
  summary: "write a config.json to begin with",
  about: ["It runs sh with a terminal in ./rootfs, with all that a container of tiffin run gets."],
  flags: { Flags: FLAGS },
  examples: [{ command: "oci spec && tiffin oci run box", does: "a shell in ./rootfs" }],
};

/** Writes a config.json. */
// deno-lint-ignore require-await -- a command is a promise of its exit code
export async function command(args: string[]): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length) throw new UsageError("spec takes no words");
  const { rootless = false } = flags;
  const map = (hostID: number | null): LinuxIDMapping[] | undefined =>
    rootless ? [{ containerID: 0, hostID: hostID!, size: 1 }] : undefined;
  const spec = specFromImage({
    architecture: Deno.build.arch,
    os: "linux",
    rootfs: { type: "layers", diff_ids: [] },
  }, {
    id: "tiffin",
    hostname: "tiffin",
    rootfs: "rootfs",
    command: ["sh"],
    terminal: true,
    resolvedUser: { uid: 0, gid: 0, additionalGids: [], home: "/" },
    seccomp: "unconfined",
    rootless,
    uidMappings: map(Deno.uid()),
    gidMappings: map(Deno.gid()),
  });
  const path = `${absolute(flags.bundle ?? ".")}/config.json`;
  try {
    Deno.writeTextFileSync(path, `${JSON.stringify(spec, null, 2)}\n`, { createNew: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    throw new UsageError(`${path} is there already: remove it first`);
  }
  print(`${path}\n`);
  return 0;
}
