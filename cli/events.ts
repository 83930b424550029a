/**
 * `events`: what happens to containers, a line each.
 *
 * @module
 */

import type { ContainerEvent } from "../runtime/events.ts";
import { type FlagTable, parseFlags, UsageError, wrongValue } from "./flags/grammar.ts";
import { parseMoment } from "./flags/moment.ts";
import { hasLabel, parsePair, parseWord } from "./flags/values.ts";
import type { Context } from "./main.ts";
import { print, printError } from "./output.ts";
import { printable } from "./printable.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  filter: {
    short: "f",
    value: "KEY=VALUE",
    many: true,
    help: "event=…, container=…, image=…, label=…, type=container",
  },
  since: { value: "TIME", help: "begin with what is known since then: 10m, or a date" },
  until: { value: "TIME", help: "end then" },
  format: { value: "FORM", help: "table (the default) or json, an object a line" },
} as const satisfies FlagTable;

/** The help of `events`. */
export const help: Help = {
  usage: "events [FLAGS]",
  summary: "show what happens to containers, as it happens",
  about: [
    "Nobody keeps a diary: of the past is known when each container that is there was made, and " +
    "when its last run began and ended. What comes and goes within a moment can be missed.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "events", does: "everything from now on, until Ctrl-C" },
    { command: "events --filter event=die --filter container=web", does: "each end of one" },
    { command: "events --since 1h --until 0s --format json", does: "the last hour, for a program" },
  ],
};

/** Shows the events. */
export async function events(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length > 0) throw new UsageError("events takes no names: --filter container=… does");
  const format = parseWord("format", flags.format ?? "table", ["table", "json"]);
  const milliseconds = (flag: "since" | "until") => {
    const text = flags[flag];
    return text === undefined ? undefined : Number(parseMoment(flag, text)) / 1e6;
  };
  const [since, until] = [milliseconds("since"), milliseconds("until")];
  const fits = readFilters(flags.filter ?? []);
  const show = (event: ContainerEvent) => {
    const isInTime = (since === undefined || event.time >= since) &&
      (until === undefined || event.time <= until);
    if (isInTime && fits(event)) print(format === "json" ? asJson(event) : asText(event));
  };
  const { look, past, watchEvents } = await import("../runtime/events.ts");
  if (since !== undefined || until !== undefined) past(look(root)).forEach(show);
  if (until !== undefined && until <= Date.now()) return 0;
  const end = new AbortController();
  const timer = until && setTimeout(() => end.abort(), until - Date.now());
  const stop = () => {
    // the terminal has shown ^C: the prompt gets a line of its own
    if (Deno.stderr.isTerminal()) printError("\n");
    end.abort();
  };
  for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, stop);
  for await (const event of watchEvents(root, end.signal)) show(event);
  if (timer) clearTimeout(timer);
  return 0;
}

/** Of filters of the same kind one has to fit, of each kind some. */
function readFilters(texts: readonly string[]): (event: ContainerEvent) => boolean {
  const kinds = new Map<string, ((event: ContainerEvent) => boolean)[]>();
  for (const text of texts) {
    const [key, value] = parsePair("filter", text);
    kinds.set(key, [...kinds.get(key) ?? [], filterOf(key, value, text)]);
  }
  return (event) => [...kinds.values()].every((filters) => filters.some((fits) => fits(event)));
}

function filterOf(key: string, value: string, text: string): (event: ContainerEvent) => boolean {
  switch (key) {
    case "event":
      return ({ action }) => action === value || action.startsWith(`${value}:`);
    case "container":
      return ({ id, attributes }) => attributes.name === value || id.startsWith(value);
    case "image":
      return ({ attributes: { image } }) =>
        image === value || image.replace(/^docker\.io\/(library\/)?/, "").startsWith(value);
    case "label":
      return ({ attributes }) => hasLabel(attributes, value);
    case "type":
      return () => value === "container";
  }
  throw wrongValue("filter", text, "is none of event=…, container=…, image=…, label=…, type=…");
}

function asText({ time, action, id, attributes }: ContainerEvent): string {
  const pairs = Object.entries(attributes).map(([key, value]) => `${key}=${value}`).join(", ");
  return `${new Date(time).toISOString()} container ${action} ${id} (${printable(pairs)})\n`;
}

/** As Docker's API has it. */
function asJson({ time, action, id, attributes }: ContainerEvent): string {
  return `${
    JSON.stringify({
      status: action,
      id,
      from: attributes.image,
      Type: "container",
      Action: action,
      Actor: { ID: id, Attributes: attributes },
      scope: "local",
      time: Math.floor(time / 1000),
      timeNano: Math.round(time * 1e6),
    })
  }\n`;
}
