/**
 * `top`: the processes of a container.
 *
 * @module
 */

import type { ListedProcess } from "../runtime/process_list.ts";
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import { parseWord } from "./flags/values.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import { printable } from "./printable.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  format: { value: "FORM", help: "table (the default) or json, an object a process" },
} as const satisfies FlagTable;

/** The help of `top`. */
export const help: Help = {
  usage: "top [FLAGS] CONTAINER",
  summary: "list the processes of a container",
  about: [
    "Users and process ids are the host's; as JSON, the container's own ids are there too. For a " +
    "list that renews itself: exec -it CONTAINER top.",
  ],
  flags: { Flags: FLAGS },
  examples: [{ command: "top web", does: "what ps -ef would show of them" }],
};

/** Lists the processes. */
export async function top(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  const [name, option] = operands;
  if (name === undefined) throw new UsageError("top needs a container, as in: top web");
  if (option !== undefined) {
    throw new UsageError(`top takes no options of ps(1): exec ${name} ps ${option}`);
  }
  const format = parseWord("format", flags.format ?? "table", ["table", "json"]);
  const [{ findContainer }, { processesOf }, { StateError }, { formatTable, outputWidth }] =
    await Promise.all([
      import("../runtime/containers.ts"),
      import("../runtime/process_list.ts"),
      import("../runtime/lifecycle/state_error.ts"),
      import("./table.ts"),
    ]);
  const info = await findContainer(root, name);
  if (!info.process) throw new StateError(`${name} is not running`);
  const found = processesOf(info);
  if (format === "json") {
    print(found.map((each) => `${JSON.stringify(asJson(each))}\n`).join(""));
    return 0;
  }
  const names = await userNames();
  const rows = found.map((each) => row(each, names));
  const heads = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"];
  print(formatTable([heads, ...rows], outputWidth()));
  return 0;
}

function asJson({ pid, inner, parent, uid, started, time, terminal, command }: ListedProcess) {
  return {
    UID: uid,
    PID: pid,
    ContainerPID: inner,
    PPID: parent,
    Started: new Date(started).toISOString(),
    TTY: terminal ?? null,
    Seconds: time,
    CMD: command,
  };
}

function row(
  { pid, parent, uid, started, time, terminal, command }: ListedProcess,
  names: Map<number, string>,
): string[] {
  const elapsed = Math.max((Date.now() - started) / 1000, 1);
  const share = Math.min(Math.round(100 * time / elapsed), 99);
  return [
    names.get(uid) ?? String(uid),
    ...[pid, parent, share].map(String),
    startText(new Date(started)),
    terminal ?? "?",
    clock(Math.floor(time)),
    printable(command),
  ];
}

/** The time of a start today, the date of an earlier one, as ps(1) has it. */
function startText(date: Date): string {
  const isToday = new Date().toDateString() === date.toDateString();
  if (isToday) return date.toTimeString().slice(0, 5);
  return date.toDateString().slice(4, 10).replace(" ", "");
}

function clock(seconds: number): string {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

/** The host's users, passwd(5). */
async function userNames(): Promise<Map<number, string>> {
  const { readHostFile } = await import("../runtime/host_files.ts");
  const lines = (readHostFile("/etc/passwd") ?? "").split("\n").map((line) => line.split(":"));
  return new Map(
    lines.filter(({ length }) => length > 2).map(([name, , uid]) => [
      Number(uid),
      name,
    ]),
  );
}
