/**
 * The program that unpacks a layer as root of a user namespace, for an ordinary user.
 *
 * Started by unpack_as_user.ts with a {@linkcode Job} in the environment; what came of it is written
 * where the job says.
 *
 * @module
 */

import { ImageStore } from "./store.ts";
import { unpackLayer } from "./unpack.ts";
import { type Job, JOB_VARIABLE, type JobResult } from "./unpack_job.ts";

if (import.meta.main) {
  const { root, layer, owners, answer }: Job = JSON.parse(Deno.env.get(JOB_VARIABLE)!);
  let result: JobResult;
  try {
    // in the namespace this process is root, but overlayfs there still wants user.* attributes
    result = { done: await unpackLayer(new ImageStore(root), layer, { userxattr: true, owners }) };
  } catch (error) {
    result = { failed: error instanceof Error ? error.message : String(error) };
  }
  Deno.writeTextFileSync(answer, JSON.stringify(result));
}
