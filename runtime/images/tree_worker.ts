/**
 * The program that reads a container's files as root of a user namespace, for an ordinary user.
 *
 * Started by container_tree.ts with a {@linkcode TreeJob} in the environment; what came of it is
 * written where the job says.
 *
 * @module
 */

import { diffLayer, wholeTree } from "./diff_layer.ts";
import { TREE_JOB_VARIABLE, type TreeAnswer, type TreeJob } from "./tree_job.ts";

/** The most that is told of what was left out. */
const TOLD = 1000;

if (import.meta.main) {
  const { layers, changes, tar, answer }: TreeJob = JSON.parse(Deno.env.get(TREE_JOB_VARIABLE)!);
  const skipped: [string, string][] = [];
  let result: TreeAnswer = { skipped };
  try {
    const onSkipped = (name: string, reason: string) => {
      if (skipped.length < TOLD) skipped.push([name, reason]);
    };
    // in the namespace this process is root, but overlayfs there has user.* attributes
    const options = { userxattr: true, onSkipped };
    using file = Deno.openSync(tar, { write: true, createNew: true, mode: 0o600 });
    for (const piece of changes ? diffLayer(layers[0], options) : wholeTree(layers, options)) {
      for (let at = 0; at < piece.length;) at += file.writeSync(piece.subarray(at));
    }
  } catch (error) {
    result = { failed: error instanceof Error ? error.message : String(error) };
  }
  Deno.writeTextFileSync(answer, JSON.stringify(result));
}
