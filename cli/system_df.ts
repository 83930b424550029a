/**
 * `system df`: how much disk is used, and how much of it could be had back.
 *
 * @module
 */

import type { DiskReport, DiskUse } from "../runtime/disk_report.ts";
import { formatAge, formatSize } from "./amounts.ts";
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import { parseWord } from "./flags/values.ts";
import type { Context } from "./main.ts";
import { print, printError } from "./output.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  verbose: { short: "v", help: "each image, container and volume" },
  format: { value: "FORM", help: "table (the default) or json, an object a kind" },
} as const satisfies FlagTable;

/** The help of `system df`. */
export const help: Help = {
  usage: "system df [FLAGS]",
  summary: "show how much disk is used",
  about: [
    "What is active is used by a container, or runs. The rest could be had back: system prune " +
    "removes it.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "system df", does: "a line for images, containers, volumes, cache" },
    { command: "system df -v", does: "which of them it is" },
  ],
};

/** What the kinds are called: Docker's words, but for the cache. */
const KINDS = {
  images: "Images",
  containers: "Containers",
  volumes: "Local Volumes",
  cache: "Cache",
} as const;

/** Shows the disk's use. */
export async function df(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length > 0) throw new UsageError("system df takes no names");
  const format = parseWord("format", flags.format ?? "table", ["table", "json"]);
  if (flags.verbose && format === "json") throw new UsageError("--verbose is for the table alone");
  const { diskReport } = await import("../runtime/disk_report.ts");
  const report = await diskReport(root);
  const kinds = Object.entries(KINDS) as [keyof typeof KINDS, string][];
  if (format === "json") {
    for (const [kind, name] of kinds) print(`${JSON.stringify(asJson(name, report[kind]))}\n`);
  } else if (flags.verbose) {
    await printEach(report);
  } else {
    const rows = kinds.map(([kind, name]) => row(name, report[kind]));
    await printTable([["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"], ...rows]);
  }
  if (!report.whole) {
    printError("not all could be looked at: files of this user's other ids are not counted\n");
  }
  return 0;
}

function asJson(Type: string, { total, active, bytes, reclaimable }: DiskUse) {
  return { Type, TotalCount: total, Active: active, Size: bytes, Reclaimable: reclaimable };
}

function row(name: string, { total, active, bytes, reclaimable }: DiskUse): string[] {
  const share = bytes > 0 ? ` (${Math.floor(100 * reclaimable / bytes)}%)` : "";
  const free = `${formatSize(reclaimable)}${share}`;
  return [name, String(total), String(active), formatSize(bytes), free];
}

async function printTable(rows: string[][]): Promise<void> {
  const { formatTable, outputWidth } = await import("./table.ts");
  print(formatTable(rows, outputWidth()));
}

async function printEach({ eachImage, eachContainer, eachVolume }: DiskReport): Promise<void> {
  const { nameParts } = await import("./known_images.ts");
  const short = (id: string) => id.replace("sha256:", "").slice(0, 12);
  print("Images:\n\n");
  await printTable([
    ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SHARED", "UNIQUE", "CONTAINERS"],
    ...eachImage.flatMap(({ image, names, shared, unique, containers }) =>
      names.map(nameParts).map(({ repository, tag }) => [
        repository,
        tag,
        short(image.id),
        formatAge(image.config.created),
        formatSize(shared),
        formatSize(unique),
        String(containers),
      ])
    ),
  ]);
  print("\nContainers:\n\n");
  await printTable([
    ["CONTAINER ID", "IMAGE", "STATUS", "SIZE", "NAME"],
    ...eachContainer.map(({ info: { id, state, record }, bytes }) => [
      short(id),
      record.image,
      state,
      formatSize(bytes),
      record.name ?? "",
    ]),
  ]);
  print("\nLocal Volumes:\n\n");
  await printTable([
    ["NAME", "CONTAINERS", "SIZE"],
    ...eachVolume.map(({ name, bytes, containers }) => [
      name,
      String(containers),
      formatSize(bytes),
    ]),
  ]);
}
