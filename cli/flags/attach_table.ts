/**
 * The flags that say how a container is joined: those of `attach`, and of `start -a`.
 *
 * @module
 */

import type { FlagTable } from "./grammar.ts";

/** The keys that leave a container to itself: Docker's, which no shell and no editor has as a sequence. */
export const DETACH_KEYS = "ctrl-p,ctrl-q";

/** The flags. */
export const ATTACH_FLAGS = {
  "detach-keys": { value: "KEYS", help: `leave it by these keys (${DETACH_KEYS})` },
  "sig-proxy": {
    help: "pass signals on, where it has no terminal (the default; --sig-proxy=false: not)",
  },
} as const satisfies FlagTable;
