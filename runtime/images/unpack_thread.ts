/**
 * The thread that unpacks layers, one after the other, for unpack_team.ts.
 *
 * It is sent a {@linkcode Job} and answers with a {@linkcode JobResult}; anything else that it is
 * sent means that the job is not wanted any more.
 *
 * @module
 */

import { ImageStore } from "./store.ts";
import { unpackLayer } from "./unpack.ts";
import { describeFailure, type Job, type JobResult } from "./unpack_job.ts";

/** What a worker has and a main program has not; both are checked with one set of types. */
const thread = globalThis as unknown as {
  postMessage(result: JobResult): void;
  addEventListener(type: "message", listener: (event: { data: Job | null }) => void): void;
};

let stop = new AbortController();

thread.addEventListener("message", ({ data: job }) => {
  if (!job) return stop.abort(new Error("the layer is not wanted any more"));
  stop = new AbortController();
  work(job, stop.signal).then((result) => thread.postMessage(result));
});

async function work({ root, layer, options }: Job, signal: AbortSignal): Promise<JobResult> {
  try {
    return { done: await unpackLayer(new ImageStore(root), layer, { ...options, signal }) };
  } catch (error) {
    return { failed: describeFailure(error) };
  }
}
