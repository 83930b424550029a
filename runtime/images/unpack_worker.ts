/**
 * The program that unpacks a layer as root of a user namespace, for an ordinary user.
 *
 * Started by unpack_as_user.ts with a {@linkcode UserJob} in the environment; what came of it is
 * written where the job says. At SIGTERM it clears away what it has made.
 *
 * @module
 */

import { ImageStore } from "./store.ts";
import { unpackLayer } from "./unpack.ts";
import { describeFailure, JOB_VARIABLE, type JobResult, type UserJob } from "./unpack_job.ts";

if (import.meta.main) {
  const stop = new AbortController();
  Deno.addSignalListener("SIGTERM", () => stop.abort(new Error("it was stopped")));
  // At Ctrl-C, which the whole terminal gets, it is for the one who started this to say.
  Deno.addSignalListener("SIGINT", () => {});
  const { root, layer, options, answer }: UserJob = JSON.parse(Deno.env.get(JOB_VARIABLE)!);
  const { signal } = stop;
  let result: JobResult;
  try {
    result = { done: await unpackLayer(new ImageStore(root), layer, { ...options, signal }) };
  } catch (error) {
    result = { failed: describeFailure(error) };
  }
  Deno.writeTextFileSync(answer, JSON.stringify(result));
  // A listener for signals would keep it alive.
  Deno.exit();
}
