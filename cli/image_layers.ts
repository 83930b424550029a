/**
 * `image layers`: what each layer of an image adds, changes and removes.
 *
 * @module
 */

import type { Change, LayerReport } from "../runtime/images/image_layers.ts";
import { formatSize } from "./amounts.ts";
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import { parseWord } from "./flags/values.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import { printable } from "./printable.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  files: { short: "f", help: "list the files too, the largest of each layer first" },
  "no-trunc": { help: "show the whole of each step" },
  format: { value: "FORM", help: "table (the default) or json, an object a layer" },
} as const satisfies FlagTable;

/** The help of `image layers`. */
export const help: Help = {
  usage: "image layers [FLAGS] IMAGE",
  summary: "show what each layer of an image adds, changes and removes",
  about: [
    "The lowest layer stands first. SIZE is what a pull fetches; the columns behind it count files, " +
    "with the bytes that they bring, or, of what is removed, that lower layers brought in vain.",
    "Below the table stands what is in the image and not to be seen in it: files that a later layer " +
    "changes or removes.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "image layers mine", does: "a line a layer" },
    { command: "image layers -f mine | less", does: "each file, with A, C or D as in docker diff" },
  ],
};

/** Shows the layers. */
export async function layers(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length !== 1) throw new UsageError("image layers needs one image: alpine");
  const format = parseWord("format", flags.format ?? "table", ["table", "json"]);
  const [{ describeLayers }, { ImageStore }, { knownImages }] = await Promise.all([
    import("../runtime/images/image_layers.ts"),
    import("../runtime/images/store.ts"),
    import("./known_images.ts"),
  ]);
  const store = new ImageStore(root);
  const [image] = await knownImages(store, operands[0]);
  const reports = await describeLayers(store, image);
  if (format === "json") {
    print(reports.map((report) => `${JSON.stringify(asJson(report, flags.files))}\n`).join(""));
  } else {
    await printTable(reports, flags);
  }
  return 0;
}

/** How many files, and how many bytes of them count. */
interface Tally {
  Files: number;
  Bytes: number;
}

function tally(changes: Change[], kind: Change["kind"]): Tally {
  const those = changes.filter((change) => change.kind === kind);
  const bytes = those.map(({ size, before }) => kind === "D" ? before : size);
  return { Files: those.length, Bytes: bytes.reduce((sum, each) => sum + each, 0) };
}

function asJson({ digest, diffId, size, createdBy, changes }: LayerReport, files = false) {
  return {
    Digest: digest,
    DiffID: diffId,
    Size: size,
    CreatedBy: createdBy,
    Added: tally(changes, "A"),
    Changed: tally(changes, "C"),
    Removed: tally(changes, "D"),
    ...(files
      ? {
        Files: changes.map(({ kind, path, size, before }) => {
          return { Kind: kind, Path: `/${path}`, Size: size, Before: before };
        }),
      }
      : {}),
  };
}

async function printTable(
  reports: LayerReport[],
  { files, "no-trunc": isWhole }: { files?: boolean; "no-trunc"?: boolean },
): Promise<void> {
  const { formatTable, outputWidth } = await import("./table.ts");
  const width = isWhole ? Infinity : Math.min(outputWidth(), WIDTH);
  const headings = ["LAYER", "SIZE", "ADDED", "CHANGED", "REMOVED", "CREATED BY"];
  const rows = reports.map(({ digest, size, createdBy, changes }) => [
    digest.slice("sha256:".length, "sha256:".length + 12),
    formatSize(size),
    cell(tally(changes, "A")),
    cell(tally(changes, "C")),
    cell(tally(changes, "D")),
    printable(createdBy),
  ]);
  const lines = formatTable([headings, ...rows], width).split("\n").slice(0, -1);
  if (!files) print(`${lines.join("\n")}\n`);
  else {
    print(`${lines[0]}\n`);
    reports.forEach(({ changes }, i) => print(`${lines[i + 1]}\n${fileLines(changes)}`));
  }
  print(hiddenLine(reports));
}

/** Wide enough for what is fixed, and for the beginning of a step. */
const WIDTH = 120;

function cell({ Files, Bytes }: Tally): string {
  if (Files === 0) return "-";
  return Bytes === 0 ? `${Files}` : `${Files}, ${formatSize(Bytes)}`;
}

/** A line a file, those that weigh most first. */
function fileLines(changes: Change[]): string {
  const bySize = changes.toSorted((a, b) => b.size + b.before - a.size - a.before);
  return bySize.map(({ kind, path, size, before }) => {
    const bytes = formatSize(kind === "D" ? before : size);
    return `  ${kind} ${bytes.padStart(7)} /${printable(path)}\n`;
  }).join("");
}

/** What is in the image and not to be seen. */
function hiddenLine(reports: LayerReport[]): string {
  const hidden = reports.flatMap(({ changes }) => changes).filter(({ before }) => before > 0);
  const bytes = hidden.reduce((sum, { before }) => sum + before, 0);
  if (hidden.length === 0) return "nothing is changed or removed by a later layer\n";
  const files = hidden.length === 1 ? "1 file" : `${hidden.length} files`;
  return `hidden by later layers: ${files}, ${formatSize(bytes)}\n`;
}
