/**
 * The program that reads a container's files as root of a user namespace, for an ordinary user.
 *
 * Started by container_tree.ts with a {@linkcode TreeJob} in the environment; what came of it is
 * written where the job says.
 *
 * @module
 */

import { copyTree } from "./copy_tree.ts";
import { diffLayer, type OnSkipped, wholeTree } from "./diff_layer.ts";
import { type TarJob, TREE_JOB_VARIABLE, type TreeAnswer, type TreeJob } from "./tree_job.ts";

/** The most that is told of what was left out. */
const TOLD = 1000;

/** In the namespace this process is root, but overlayfs there has user.* attributes. */
const userxattr = true;

if (import.meta.main) {
  const job: TreeJob = JSON.parse(Deno.env.get(TREE_JOB_VARIABLE)!);
  const skipped: [string, string][] = [];
  let result: TreeAnswer = { skipped };
  try {
    if ("tar" in job) {
      writeTar(job, (name, reason) => {
        if (skipped.length < TOLD) skipped.push([name, reason]);
      });
    } else copyTree(job, { userxattr, owners: job.owners });
  } catch (error) {
    result = { failed: error instanceof Error ? error.message : String(error) };
  }
  Deno.writeTextFileSync(job.answer, JSON.stringify(result));
}

function writeTar({ layers, changes, isBare, tar }: TarJob, onSkipped: OnSkipped): void {
  const options = { userxattr, onSkipped, isBare };
  using file = Deno.openSync(tar, { write: true, createNew: true, mode: 0o600 });
  for (const piece of changes ? diffLayer(layers[0], options) : wholeTree(layers, options)) {
    for (let at = 0; at < piece.length;) at += file.writeSync(piece.subarray(at));
  }
}
