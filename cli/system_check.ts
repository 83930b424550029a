/**
 * `system check`: whether images are as they were when they came.
 *
 * @module
 */

import type { CheckReport, Problem } from "../runtime/images/check.ts";
import { formatSize } from "./amounts.ts";
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import { parseWord } from "./flags/values.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import { PullWatch } from "./pull_watch.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  repair: { help: "take away what is broken: the next pull, load or run brings it again" },
  quick: { help: "look at documents and lengths alone, and hash no layer" },
  format: { value: "FORM", help: "text (the default) or json, an object a problem" },
} as const satisfies FlagTable;

/** The help of `system check`. */
export const help: Help = {
  usage: "system check [FLAGS]",
  summary: "find out whether all that is kept of images is right",
  about: [
    "Every blob is compared with its digest, every name with what it leads to, every layer with its " +
    "diff ID, and the directory that it was unpacked to with the layer, file by file. The exit code " +
    "is 1 if something is wrong, and was not taken away.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "system check", does: "read everything; nothing is changed" },
    { command: "system check --repair", does: "after a full disk, or a power cut" },
  ],
};

/** Checks the store. */
export async function check(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length > 0) throw new UsageError("system check takes no names: it looks at all");
  const format = parseWord("format", flags.format ?? "text", ["text", "json"]);
  const [{ checkStore }, { ImageStore }] = await Promise.all([
    import("../runtime/images/check.ts"),
    import("../runtime/images/store.ts"),
  ]);
  await using watch = new PullWatch(true);
  const report = await checkStore(new ImageStore(root), {
    quick: flags.quick,
    signal: watch.signal,
  });
  let left = 0;
  for (const problem of report.problems) {
    const isMended = flags.repair === true && problem.repair !== undefined;
    if (isMended) await problem.repair!();
    else left++;
    print(format === "json" ? asJson(problem, isMended) : asText(problem, isMended));
  }
  if (format === "text") print(summary(report));
  return left > 0 ? 1 : 0;
}

function asText({ subject, problem, advice }: Problem, isMended: boolean): string {
  return `${subject}: ${problem}\n  ${isMended ? "taken away" : advice}\n`;
}

function asJson({ subject, problem, advice }: Problem, isMended: boolean): string {
  const line = { Subject: subject, Problem: problem, Advice: advice, Repaired: isMended };
  return `${JSON.stringify(line)}\n`;
}

function summary({ images, blobs, layers, problems }: CheckReport): string {
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? "" : "s"}`;
  const found = problems.length === 0 ? "nothing is wrong" : count(problems.length, "problem");
  return `${count(images, "image")}, ${count(blobs.count, "blob")} of ${
    formatSize(blobs.bytes)
  }, ` +
    `${count(layers, "unpacked layer")}: ${found}\n`;
}
