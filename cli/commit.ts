/**
 * `commit`: make an image of a container.
 *
 * @module
 */

import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import { CHANGE_FLAGS } from "./flags/image_changes.ts";
import type { Context } from "./main.ts";
import { print, printError } from "./output.ts";
import { PullWatch } from "./pull_watch.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  author: { short: "a", value: "TEXT", help: "who made it: Ada Lovelace <ada@example.org>" },
  ...CHANGE_FLAGS,
  pause: { short: "p", help: "hold the container meanwhile, as is the rule; --pause=false" },
} as const satisfies FlagTable;

/** The help of `commit`. */
export const help: Help = {
  usage: "commit [FLAGS] CONTAINER [NAME]",
  summary: "make an image of a container",
  about: [
    "What the container has changed becomes a layer on top of its image, and what run was told (the " +
    "command, the environment, the user) what the new image starts with. What is mounted in the " +
    "container, as volumes are, does not belong to it.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "commit box mine:2", does: "the image mine:2" },
    {
      command: `commit -c 'CMD ["httpd", "-f"]' -m "with a page" box mine`,
      does: "with another command, and a line in its history",
    },
  ],
};

/** Commits a container. */
export async function commit(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length < 1 || operands.length > 2) {
    throw new UsageError("commit needs a container, and may have a name: commit box mine:2");
  }
  const [
    { findContainer },
    { applyChanges },
    { containerChanges },
    { commitImage },
    { ImageStore },
    names,
  ] = await Promise
    .all([
      import("../runtime/containers.ts"),
      import("../runtime/images/image_changes.ts"),
      import("../runtime/images/container_tree.ts"),
      import("../runtime/images/commit.ts"),
      import("../runtime/images/store.ts"),
      import("../runtime/images/reference.ts"),
    ]);
  const reference = operands[1] === undefined ? undefined : names.parseReference(operands[1]);
  if (reference?.digest !== undefined) {
    throw new UsageError("a name with a digest is the image's own: give a tag in its place");
  }
  const { author, message, change: changes = [], pause } = flags;
  // One that is wrong is told before the container is paused.
  applyChanges({}, changes);
  const { id, directory, record, state } = await findContainer(root, operands[0]);
  const { request: { from }, imageDigest } = record;
  if (typeof from === "string" || imageDigest === undefined) {
    throw new UsageError(
      `${operands[0]} was made from a directory, not an image: ` +
        `tiffin export ${operands[0]} | tiffin import - NAME`,
    );
  }
  const store = new ImageStore(root);
  const image = await store.imageOf(imageDigest);
  const name = reference && names.canonicalName(reference);
  const { tell } = await import("./export.ts");
  // Ctrl-C must not leave the container paused.
  await using watch = new PullWatch(true);
  const { signal } = watch;
  const isHeld = state === "running" && pause !== false;
  await using _hold = isHeld ? await hold(root, id, pause === true) : null;
  const layer = containerChanges(root, { directory, from }, { onSkipped: tell, signal });
  const { request, command } = record;
  const committed = await commitImage(store, { image, request, command, layer }, {
    name,
    author,
    message,
    changes,
    signal,
  });
  print(`${committed.id}\n`);
  return 0;
}

/** Pauses a container until this is disposed of; where nobody asked for it, it need not be possible. */
async function hold(root: string, id: string, isAsked: boolean): Promise<AsyncDisposable> {
  const { pauseContainer, unpauseContainer } = await import("../runtime/lifecycle/pause.ts");
  try {
    await pauseContainer(root, id);
  } catch (error) {
    const isExpected = error instanceof Error && /^(State|Cgroup)Error$/.test(error.name);
    if (isAsked || !isExpected) throw error;
    printError(`the container goes on meanwhile, and files may change: ${error.message}\n`);
    return { [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  return { [Symbol.asyncDispose]: () => unpauseContainer(root, id) };
}
