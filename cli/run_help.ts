/**
 * The help of `run`.
 *
 * @module
 */

import { RUN_FLAG_GROUPS } from "./flags/run_table.ts";
import type { Help } from "./usage.ts";

/** The help of `run`. */
export const help: Help = {
  usage: "run [FLAGS] IMAGE [COMMAND [ARGUMENT…]]",
  summary: "start a container and stay with it until it ends",
  about: [
    "The image is fetched if it is not there. The image local is made of this machine's own " +
    "programs and needs no network.",
    "Ctrl-C goes to the container. As process 1 a program that has no handler for it does not get " +
    "it; the third one in a row kills it then.",
    "Exits with the command's exit code, with 128 and the signal's number for one that was " +
    "killed; 125: Tiffin failed, 126: the command cannot be run, 127: it was not found.",
  ],
  flags: RUN_FLAG_GROUPS,
  examples: [
    { command: "run local sh", does: "a shell in a container" },
    { command: "run -v .:/work -w /work alpine ls -l", does: "a command in the directory here" },
    { command: "run -m 64m --cpus 0.5 --pids-limit 50 local sh", does: "a shell that has limits" },
    {
      command: "run --read-only --cap-drop ALL -u 1000 alpine id",
      does: "a command with few rights",
    },
  ],
};
