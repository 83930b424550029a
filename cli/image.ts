/**
 * `image`: the commands for images under Docker's longer names, and those that have no other.
 *
 * @module
 */

import type { CommandEntry, Context } from "./main.ts";
import { runSubcommand } from "./subcommands.ts";
import type { Help } from "./usage.ts";

const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  inspect: { file: "./image_inspect.ts", name: "inspect" },
  layers: { file: "./image_layers.ts", name: "layers" },
  diff: { file: "./image_diff.ts", name: "diff" },
  prune: { file: "./image_prune.ts", name: "prune" },
  ls: { file: "./images.ts", name: "images" },
  rm: { file: "./rmi.ts", name: "rmi" },
  pull: { file: "./pull.ts", name: "pull" },
  push: { file: "./push.ts", name: "push" },
  history: { file: "./history.ts", name: "history" },
  tag: { file: "./tag.ts", name: "tag" },
  load: { file: "./load.ts", name: "load" },
  save: { file: "./save.ts", name: "save" },
  import: { file: "./import.ts", name: "importTree" },
};

/** The help of `image`. */
export const help: Help = {
  usage: "image COMMAND …",
  summary: "look into images, compare and prune them; and the other commands",
  about: [
    "COMMAND is inspect, layers, diff or prune; ls, which is images, or rm, which is rmi; or pull, " +
    "push, history, tag, load, save or import, which are there without image before them, too. " +
    "image COMMAND --help shows the flags of each.",
  ],
  examples: [
    { command: "image inspect alpine", does: "its config, layers and digests, as JSON" },
    { command: "image layers mine", does: "what each layer adds, changes and removes" },
    { command: "image diff mine:1 mine:2", does: "the files that are not the same" },
    { command: "image prune", does: "remove what no name and no container leads to" },
  ],
};

/** Runs one of the commands for images. */
export async function image(args: string[], context: Context): Promise<number> {
  return await runSubcommand("image", COMMANDS, args, context);
}
