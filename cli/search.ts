/**
 * `search`: look for images in a registry.
 *
 * @module
 */

import type { Found } from "../runtime/images/search.ts";
import { type FlagTable, parseFlags, UsageError, wrongValue } from "./flags/grammar.ts";
import { parsePair, parseWhole, parseWord } from "./flags/values.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import { printable } from "./printable.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  limit: { value: "NUMBER", help: "show at most so many (25; 100 at the most)" },
  filter: {
    short: "f",
    value: "KEY=VALUE",
    many: true,
    help: "only is-official=true, or stars=3 and more",
  },
  "no-trunc": { help: "show the whole of each description" },
  format: { value: "FORM", help: "table (the default) or json, an object a line" },
} as const satisfies FlagTable;

/** The help of `search`. */
export const help: Help = {
  usage: "search [FLAGS] [HOST/]TERM",
  summary: "look for images in a registry",
  about: [
    "Without a host it is Docker Hub. Other registries are searched where they offer it, or by the " +
    "names in their catalogue, where they show that.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "search --filter is-official=true redis", does: "on Docker Hub" },
    {
      command: "search 127.0.0.1:5000/app",
      does: "repositories of that registry with app in the name",
    },
  ],
};

/** Searches. */
export async function search(args: string[], _context: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length !== 1) throw new UsageError("search needs one term: search redis");
  const limit = flags.limit === undefined ? 25 : parseWhole("limit", flags.limit, 1, 100);
  const filters = (flags.filter ?? []).map(parseFilter);
  const format = parseWord("format", flags.format ?? "table", ["table", "json"]);
  const [, host, term] = /^(?:([^/]*[.:][^/]*|localhost)\/)?(.*)$/s.exec(operands[0])!;
  if (term === "" && host === undefined) throw new UsageError("search needs a term: search redis");
  const [{ searchRegistry }, { PullWatch }] = await Promise.all([
    import("../runtime/images/search.ts"),
    import("./pull_watch.ts"),
  ]);
  await using watch = new PullWatch(true);
  const all = await searchRegistry(host ?? "docker.io", term, { limit, signal: watch.signal });
  const found = all.filter((each) => filters.every((fits) => fits(each)));
  if (format === "json") print(found.map((each) => `${JSON.stringify(asJson(each))}\n`).join(""));
  else await printTable(found, flags["no-trunc"] ?? false);
  return 0;
}

/** The names that Docker's JSON has. */
function asJson({ name, description, stars, isOfficial }: Found) {
  return { Name: name, Description: description, StarCount: stars, IsOfficial: isOfficial };
}

/** The characters of a description that the table has room for, as in Docker's. */
const DESCRIPTION = 45;

async function printTable(found: Found[], isWhole: boolean): Promise<void> {
  const { cut, formatTable, outputWidth } = await import("./table.ts");
  const rows = found.map(({ name, description, stars, isOfficial }) => [
    printable(name),
    isWhole ? printable(description) : cut(printable(description), DESCRIPTION),
    String(stars),
    isOfficial ? "[OK]" : "",
  ]);
  const headings = ["NAME", "DESCRIPTION", "STARS", "OFFICIAL"];
  print(formatTable([headings, ...rows], isWhole ? Infinity : outputWidth()));
}

function parseFilter(text: string): (found: Found) => boolean {
  const [key, value] = parsePair("filter", text);
  if (key === "is-official") {
    const wanted = parseWord("filter", value, ["true", "false"]) === "true";
    return ({ isOfficial }) => isOfficial === wanted;
  }
  if (key === "stars") {
    const least = parseWhole("filter", value, 0, Number.MAX_SAFE_INTEGER);
    return ({ stars }) => stars >= least;
  }
  throw wrongValue("filter", text, "is neither is-official=… nor stars=…");
}
