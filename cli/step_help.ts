/**
 * The help of `step`.
 *
 * @module
 */

import type { Help } from "./usage.ts";

/** The help of `step`. */
export const help: Help = {
  usage: "step [FLAGS] IMAGE [COMMAND [ARGUMENT…]]",
  summary: "start a container one call at a time, and see what each call changes",
  about: [
    "Takes the flags of run. Before each call stands the call and why it is made; after it, what " +
    "the kernel says is otherwise than before: namespaces, mounts, root, names, credentials, " +
    "capabilities, control group, descriptors, files.",
    "Keys: n next call, p next phase, r run on, l the list of calls, s a shell that sees what the " +
    "half-made container sees, q give it up and clean up. Without a terminal all calls are " +
    "written out, and nothing is waited for.",
  ],
  examples: [
    { command: "step local true", does: "the smallest container's birth" },
    { command: "step -m 64m local sh", does: "with a limit, and a shell in the end" },
    { command: "step local true > birth.txt", does: "all of it, to be read later" },
  ],
};
