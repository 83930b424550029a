/**
 * `diff`: the files that a container has changed.
 *
 * @module
 */

import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import { parseWord } from "./flags/values.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import { printable } from "./printable.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  format: { value: "FORM", help: "table (the default) or json, an object a file" },
} as const satisfies FlagTable;

/** The help of `diff`. */
export const help: Help = {
  usage: "diff [FLAGS] CONTAINER",
  summary: "list the files that a container has changed",
  about: [
    "A was added, C changed, D deleted. What is mounted in the container, as volumes are, is not " +
    "looked at.",
  ],
  flags: { Flags: FLAGS },
  examples: [{ command: "diff web", does: "what commit would keep of it" }],
};

/** What is mounted in every container: see image_config/mounts.ts and host_files.ts. */
const ALWAYS = [
  ...["/proc", "/dev", "/sys"],
  ...["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"],
  "/sbin/tiffin-init",
];

/** Lists the changes. */
export async function diff(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length !== 1) throw new UsageError("diff needs one container, as in: diff web");
  const format = parseWord("format", flags.format ?? "table", ["table", "json"]);
  const [{ findContainer }, { diffContainer }, { tell }] = await Promise.all([
    import("../runtime/containers.ts"),
    import("../runtime/images/container_diff.ts"),
    import("./export.ts"),
  ]);
  const { directory, record: { request } } = await findContainer(root, operands[0]);
  const { from, options: { mounts = [], tmpfs = {} }, volumes = [] } = request;
  const mounted = [
    ...ALWAYS,
    ...[...mounts, ...volumes].map(({ destination }) => destination),
    ...Object.keys(tmpfs),
  ];
  const changes = await diffContainer(root, { directory, from }, mounted, { onSkipped: tell });
  const line = format === "json"
    ? ({ kind, path }: { kind: string; path: string }) =>
      `${JSON.stringify({ Kind: kind, Path: `/${path}` })}\n`
    : ({ kind, path }: { kind: string; path: string }) => `${kind} /${printable(path)}\n`;
  print(changes.map(line).join(""));
  return 0;
}
