/**
 * `logs`: what a detached container has written.
 *
 * @module
 */

import {
  type FlagTable,
  type Hidden,
  parseFlags,
  UsageError,
  wrongValue,
} from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { printBytes, printError } from "./output.ts";
import type { LogChunk } from "../runtime/logs.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  follow: { short: "f", help: "go on with what it will write, until it ends" },
  tail: { short: "n", value: "LINES", help: "only the last lines (all)" },
  since: { value: "TIME", help: "only what is as new: 10m for ten minutes ago, or a date" },
  until: { value: "TIME", help: "only what is as old" },
  timestamps: { short: "t", help: "put the time in front of each line" },
} as const satisfies FlagTable;

const HIDDEN: Readonly<Record<string, Hidden>> = {
  details: { refused: "inspect shows what a container was given" },
};

/** The help of `logs`. */
export const help: Help = {
  usage: "logs [FLAGS] CONTAINER",
  summary: "show what a detached container has written",
  about: [
    "What it wrote to its standard output goes to standard output, its errors to standard error, " +
    "in the order in which they came. A container in the foreground has no log. Unless --log-opt " +
    "says otherwise, the last 5 files of 20 MB are kept.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "logs web", does: "all that is kept, of all its runs" },
    { command: "logs -f --tail 10 web", does: "the last ten lines, and what comes" },
    { command: "logs -t --since 2m web 2>/dev/null", does: "two minutes, without its errors" },
  ],
};

/** Shows a container's log. */
export async function logs(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS, { hidden: HIDDEN });
  if (operands.length !== 1) throw new UsageError("logs needs one container, as in: logs web");
  const { parseMoment } = await import("./flags/moment.ts");
  const since = flags.since === undefined ? undefined : parseMoment("since", flags.since);
  const until = flags.until === undefined ? undefined : parseMoment("until", flags.until);
  const tail = readTail(flags.tail);
  const [{ findContainer }, { hasLog, LogReader }, { followLog }, lines] = await Promise
    .all([
      import("../runtime/containers.ts"),
      import("../runtime/logs.ts"),
      import("../runtime/log_follow.ts"),
      import("../runtime/log_lines.ts"),
    ]);
  const info = await findContainer(root, operands[0]);
  if (!hasLog(info)) {
    const keepsNone = info.record.request.log?.driver === "none";
    if (info.state === "created" && !keepsNone) return 0;
    const { StateError } = await import("../runtime/lifecycle/state_error.ts");
    throw new StateError(
      `${operands[0]} has no log: ` +
        (keepsNone
          ? "it was made with --log-driver none, which keeps nothing of what it writes"
          : "what it wrote went to the terminal where it was started; run -d keeps a log"),
    );
  }
  const stamps = flags.timestamps ? new lines.LineStamps() : undefined;
  const show = (chunk: LogChunk) =>
    printBytes(chunk.stream === 2 ? Deno.stderr : Deno.stdout, stamps?.stamp(chunk) ?? chunk.bytes);
  const isTooOld = ({ time }: LogChunk) => since !== undefined && time < since;
  const isTooNew = ({ time }: LogChunk) => until !== undefined && time > until;

  using reader = new LogReader(info, { onGap });
  const written = reader.read(true).filter((chunk) => !isTooOld(chunk) && !isTooNew(chunk));
  for (const chunk of tail === undefined ? written : lines.lastLines(written, tail)) show(chunk);
  if (!flags.follow) return 0;
  for await (const chunk of followLog(root, info, reader)) {
    if (isTooNew(chunk)) return 0;
    if (!isTooOld(chunk)) show(chunk);
  }
  return 0;
}

function readTail(text: string | undefined): number | undefined {
  if (text === undefined || text === "all") return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  throw wrongValue("tail", text, "is no number of lines; write 10, or all");
}

/** Says that something is missing, where it is. */
export function onGap(): void {
  printError("tiffin: here is a gap: files of the log went before they could be read\n");
}
