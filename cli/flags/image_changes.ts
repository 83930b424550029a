/**
 * What a new image says of itself beside its layers: `--change` and `--message`.
 *
 * @module
 */

import type { FlagTable } from "./grammar.ts";

/** The flags. */
export const CHANGE_FLAGS = {
  change: {
    short: "c",
    value: "INSTRUCTION",
    many: true,
    help: "a line of a Dockerfile: CMD, ENTRYPOINT, ENV, USER, WORKDIR, LABEL, …",
  },
  message: { short: "m", value: "TEXT", help: "what the image's history says" },
} as const satisfies FlagTable;
