/**
 * `save`: write images to an archive.
 *
 * @module
 */

import type { ImageToSave } from "../runtime/images/save.ts";
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { PullWatch } from "./pull_watch.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  output: { short: "o", value: "FILE", help: "write to this file, not to standard output" },
} as const satisfies FlagTable;

/** The help of `save`. */
export const help: Help = {
  usage: "save [FLAGS] IMAGE… [>ARCHIVE]",
  summary: "write images to an archive",
  about: [
    "The archive is of Docker's form and an OCI layout at once: load reads it, docker load, podman " +
    "load, and skopeo as docker-archive: and as oci-archive:. Layers are as they were sent.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "save -o both.tar alpine busybox:1", does: "two images, with their names" },
    { command: "save mine | ssh host tiffin load", does: "to another machine" },
  ],
};

/** Saves images. */
export async function save(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length === 0) throw new UsageError("save needs an image: save -o FILE alpine");
  const [{ saveImages }, { ImageStore }, known, { checkOutput, writeOutput }] = await Promise.all([
    import("../runtime/images/save.ts"),
    import("../runtime/images/store.ts"),
    import("./known_images.ts"),
    import("./file_output.ts"),
  ]);
  checkOutput(flags.output, "save writes an archive: save -o FILE, or save … >FILE");
  const store = new ImageStore(root);
  const chosen = new Map<string, ImageToSave>();
  for (const operand of operands) {
    const [image] = await known.knownImages(store, operand);
    const names = chosen.get(image.digest)?.names ?? [];
    const name = known.portableName(image.name);
    // One that is meant by its ID has no name in the archive, as with Docker.
    if (known.isNamed(operand, image) && !names.includes(name)) names.push(name);
    chosen.set(image.digest, { image, names });
  }
  await using watch = new PullWatch(true);
  await writeOutput(flags.output, saveImages(store, [...chosen.values()]), watch.signal);
  return 0;
}
