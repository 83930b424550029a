/**
 * `ps`: the containers that there are.
 *
 * @module
 */

import type { ContainerInfo } from "../runtime/containers.ts";
import type { PublishedPort } from "../runtime/network/state.ts";
import { formatAge, formatSize } from "./amounts.ts";
import { containerFilter } from "./flags/container_filter.ts";
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import { parseWhole, parseWord } from "./flags/values.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import { printable } from "./printable.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  all: { short: "a", help: "also those that do not run" },
  quiet: { short: "q", help: "print the IDs alone" },
  filter: {
    short: "f",
    value: "KEY=VALUE",
    many: true,
    help: "id=…, name=…, label=…, status=…, exited=…, health=…, ancestor=…, network=…, volume=…",
  },
  last: { short: "n", value: "NUMBER", help: "the newest so many, whether they run or not" },
  latest: { short: "l", help: "the newest one, whether it runs or not" },
  size: { short: "s", help: "also how much disk each has written, and takes with its image" },
  "no-trunc": { help: "whole IDs and commands" },
  format: { value: "FORM", help: "table (the default) or json, an object a line" },
} as const satisfies FlagTable;

/** The help of `ps`. */
export const help: Help = {
  usage: "ps [FLAGS]",
  summary: "list the containers",
  about: [
    "Of filters of the same kind one has to fit, of each kind some; labels have to fit all.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "ps", does: "those that run, the newest first" },
    { command: "ps -aq --filter status=exited", does: "the IDs of those that have ended" },
    { command: "ps -a --format json", does: "all that is known of each, for a program" },
  ],
};

/** One line, with the names that Docker's JSON has. */
interface Row {
  ID: string;
  Image: string;
  Command: string;
  CreatedAt: string;
  RunningFor: string;
  State: string;
  Status: string;
  Ports: string;
  Names: string;
  Labels: string;
  Mounts: string;
  Networks: string;
  Size?: string;
}

/** Lists the containers. */
export async function ps(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length > 0) throw new UsageError("ps takes no names: --filter name=… does");
  const format = parseWord("format", flags.format ?? "table", ["table", "json"]);
  const last = flags.last === undefined ? undefined : parseWhole("last", flags.last, -1, 2 ** 31);
  const count = flags.latest ? 1 : last !== undefined && last > 0 ? last : undefined;
  const fits = containerFilter(flags.filter);
  const [{ listContainers }, { readState }] = await Promise.all([
    import("../runtime/containers.ts"),
    import("../runtime/network/state.ts"),
  ]);
  // who asks for a state, or for the last ones, means all of them
  const isAll = flags.all || count !== undefined ||
    flags.filter?.some((text) => /^(status|exited)=/.test(text));
  const found = (await listContainers(root))
    .filter((info) => (isAll || !IDLE.has(info.state)) && fits(info)).slice(0, count);
  const isWhole = flags["no-trunc"] ?? false;
  if (flags.quiet) {
    print(found.map(({ id }) => `${isWhole ? id : id.slice(0, 12)}\n`).join(""));
    return 0;
  }
  const ports = new Map(readState(root).members.map((member) => [member.id, member.ports]));
  const rows = await Promise.all(found.map(async (info) => ({
    ...await describe(info, ports.get(info.id), isWhole),
    ...(flags.size && { Size: await formatUse(info) }),
  })));
  if (format === "json") print(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  else await printTable(rows, isWhole, flags.size ?? false);
  return 0;
}

const IDLE = new Set(["created", "exited"]);

async function describe(
  info: ContainerInfo,
  ports: readonly PublishedPort[] = [],
  isWhole: boolean,
): Promise<Row> {
  const [{ formatStatus }, { formatPorts }] = await Promise.all([
    import("./container_status.ts"),
    import("./published.ts"),
  ]);
  const { id, record, state } = info;
  const { request: { options, network, volumes = [] } } = record;
  const networks = network?.networks?.map(({ name }) => name) ?? [options.network ?? "bridge"];
  const mounts = [
    ...volumes.map(({ name, destination }) => name ?? destination),
    ...(options.mounts ?? []).filter(({ source }) => source).map(({ source }) => source!),
  ];
  const command = printable(record.command.join(" "));
  return {
    ID: isWhole ? id : id.slice(0, 12),
    Image: record.image.replace(/^docker\.io\/(library\/)?/, "").replace(/:latest$/, ""),
    Command: `"${isWhole || command.length <= 20 ? command : `${command.slice(0, 19)}…`}"`,
    CreatedAt: record.created,
    RunningFor: formatAge(record.created),
    State: state,
    Status: formatStatus(info),
    Ports: info.process ? formatPorts(ports) : "",
    Names: record.name ?? "",
    Labels: Object.entries(record.labels ?? {}).map(([key, value]) => `${key}=${value}`).join(","),
    Mounts: mounts.join(","),
    Networks: networks.join(","),
  };
}

async function formatUse(info: ContainerInfo): Promise<string> {
  const { containerSize } = await import("../runtime/disk_use.ts");
  const { own, all } = containerSize(info);
  return `${formatSize(own)} (virtual ${formatSize(all)})`;
}

/** Image, command, age and ports give way before the ID does, which is to be copied. */
const LESS_NEEDED = [1, 2, 3, 5];

async function printTable(rows: Row[], isWhole: boolean, hasSize: boolean): Promise<void> {
  const { formatTable, outputWidth } = await import("./table.ts");
  const table = rows.map((row) => [
    ...[row.ID, row.Image, row.Command, row.RunningFor, row.Status, row.Ports, row.Names],
    ...(hasSize ? [row.Size!] : []),
  ]);
  const heads = ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"];
  if (hasSize) heads.push("SIZE");
  print(formatTable([heads, ...table], isWhole ? Infinity : outputWidth(), LESS_NEEDED));
}
