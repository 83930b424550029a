/**
 * `history`: how an image came about, step by step.
 *
 * @module
 */

import type { Image } from "../runtime/images/store.ts";
import { formatAge, formatSize } from "./amounts.ts";
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import { parseWord } from "./flags/values.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import { printable } from "./printable.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  quiet: { short: "q", help: "print the IDs alone" },
  "no-trunc": { help: "show the whole of each step" },
  format: { value: "FORM", help: "table (the default) or json, an object a line" },
} as const satisfies FlagTable;

/** The help of `history`. */
export const help: Help = {
  usage: "history [FLAGS] NAME",
  summary: "show the steps that made an image",
  about: ["SIZE is what the step's layer weighs as it was sent: packed, mostly."],
  flags: { Flags: FLAGS },
  examples: [{ command: "history alpine", does: "its steps, the last one first" }],
};

/** The characters of a step that the table has room for, as in Docker's. */
const STEP_WIDTH = 45;

/** Prints the steps. */
export async function history(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length !== 1) throw new UsageError("history needs one image: history alpine");
  const format = parseWord("format", flags.format ?? "table", ["table", "json"]);
  const [{ ImageStore }, { knownImages }, { cut, formatTable, outputWidth }] = await Promise.all([
    import("../runtime/images/store.ts"),
    import("./known_images.ts"),
    import("./table.ts"),
  ]);
  const [image] = await knownImages(new ImageStore(root), operands[0]);
  const isWhole = flags["no-trunc"] ?? false;
  const steps = stepsOf(image, isWhole);
  if (flags.quiet) {
    print(steps.map(({ ID }) => `${ID}\n`).join(""));
    return 0;
  }
  if (format === "json") {
    print(steps.map((step) => `${JSON.stringify(step)}\n`).join(""));
    return 0;
  }
  const rows = steps.map(({ ID, CreatedSince, CreatedBy, Size, Comment }) => [
    ID,
    CreatedSince,
    isWhole ? CreatedBy : cut(CreatedBy, STEP_WIDTH),
    Size,
    Comment,
  ]);
  const headings = ["IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"];
  print(formatTable([headings, ...rows], isWhole ? Infinity : outputWidth()));
  return 0;
}

/** The steps, the last one first; each that made a layer with that layer's size. */
function stepsOf({ id, config, manifest }: Image, isWhole: boolean) {
  const layers = manifest.layers.values();
  const history = Array.isArray(config.history) ? config.history : [];
  const steps = history.map(({ created, created_by: by, comment, empty_layer: isEmpty }) => ({
    ID: "<missing>",
    CreatedAt: printable(created),
    CreatedSince: formatAge(created),
    CreatedBy: printable(by),
    Size: formatSize(isEmpty ? 0 : layers.next().value?.size ?? 0),
    Comment: printable(comment),
  }));
  const last = steps.at(-1);
  if (last) last.ID = isWhole ? id : id.slice("sha256:".length, "sha256:".length + 12);
  return steps.reverse();
}
