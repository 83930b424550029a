/**
 * Unpacking for an ordinary user: by a second Deno, which is root of a user namespace.
 *
 * @module
 */

import { hostIdentity } from "../rootless.ts";
import { Scratch } from "./scratch.ts";
import { askSecondDeno } from "./second_deno.ts";
import { ImageStore } from "./store.ts";
import { type Job, JOB_VARIABLE, type JobResult, type UserJob } from "./unpack_job.ts";

/**
 * Unpacks a layer with the owners that it names, as far as the user's subordinate ids go.
 *
 * @param signal stops it when it fires
 */
export async function unpackAsUser(given: Job, signal?: AbortSignal): Promise<JobResult> {
  const identity = hostIdentity();
  await new ImageStore(given.root).prepare();
  using scratch = Scratch.make(given.root, "job");
  // With a single mapped id, every file is the user's own. In the namespace the program is root,
  // but overlayfs there still wants user.* attributes.
  const owners = identity.hasRange ? "keep" : "ignore";
  const job: UserJob = {
    ...given,
    options: { ...given.options, owners, userxattr: true },
    answer: `${scratch.path}/answer`,
  };
  return await askSecondDeno(identity, {
    module: new URL("./unpack_worker.ts", import.meta.url),
    variable: JOB_VARIABLE,
    job,
    signal,
  });
}
