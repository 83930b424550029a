/**
 * `import`: make an image of a root file system.
 *
 * @module
 */

import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import { CHANGE_FLAGS } from "./flags/image_changes.ts";
import { LIMIT_FLAGS, readLimits } from "./flags/layer_limits.ts";
import { statOf } from "./flags/paths.ts";
import { standardInput } from "./load.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import { PullWatch } from "./pull_watch.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  ...CHANGE_FLAGS,
  ...LIMIT_FLAGS,
} as const satisfies FlagTable;

/** The help of `import`. */
export const help: Help = {
  usage: "import [FLAGS] FILE NAME",
  summary: "make an image of a root file system in a tar",
  about: ["FILE is a tar, packed with gzip, zstd or not at all; - is the standard input."],
  flags: { Flags: FLAGS },
  examples: [
    {
      command: `import -c 'CMD ["/bin/sh"]' rootfs.tar.gz mine:1`,
      does: "an image with one layer",
    },
    { command: "import - mine:1 <rootfs.tar", does: "the same from a pipe or a file" },
  ],
};

/** Imports a tar. */
export async function importTree(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length !== 2) {
    throw new UsageError("import needs a file and a name: import rootfs.tar mine:1");
  }
  const [file, name] = operands;
  const source = sourceOf(file, name);
  const limits = readLimits(flags);
  const [{ importRootfs }, { ImageStore }, { UnpackTeam }] = await Promise.all([
    import("../runtime/images/archive.ts"),
    import("../runtime/images/store.ts"),
    import("../runtime/images/unpack_team.ts"),
  ]);
  const store = new ImageStore(root);
  using team = new UnpackTeam(limits);
  await using watch = new PullWatch(true);
  const imported = await importRootfs(store, source, {
    name,
    changes: flags.change,
    message: flags.message,
    ...limits,
    unpack: team.unpack.bind(team),
    signal: watch.signal,
  });
  const image = await store.image(imported.name);
  print(`${image?.id ?? imported.descriptor.digest}\n`);
  return 0;
}

/** Where the tar comes from. */
function sourceOf(file: string, name: string): string | AsyncIterable<Uint8Array> {
  if (file === "-") return standardInput(`import reads a tar: import - ${name} <FILE`);
  if (/^https?:\/\//.test(file)) {
    throw new UsageError(`import takes no URL: curl -L ${file} | tiffin import - ${name}`);
  }
  const stat = statOf(file);
  if (!stat) throw new UsageError(`there is no file ${file}`);
  if (stat.isDirectory) {
    throw new UsageError(
      `${file} is a directory: tar -C ${file} -c . | tiffin import - ${name}, ` +
        `or, without an image: tiffin run --rootfs ${file} sh`,
    );
  }
  return file;
}
