/**
 * The help of `explain`.
 *
 * @module
 */

import type { Help } from "./usage.ts";

/** The help of `explain`. */
export const help: Help = {
  usage: "explain [FLAGS] IMAGE [COMMAND [ARGUMENT…]]",
  summary: "print each call that run would make, and why; start nothing",
  about: [
    "Takes the flags of run: explain is run --explain. Long strings are cut; one of several lines, as a " +
    "file of /etc or the rules of nft, is written out below its call. --explain=json cuts nothing.",
  ],
  examples: [
    { command: "explain local true", does: "how the smallest container starts" },
    { command: "explain --explain=json -m 32m local true", does: "the same with a limit, as JSON" },
  ],
};
