/**
 * Layers unpacked side by side, as many as there are processors: for root by threads, for others by
 * processes in user namespaces.
 *
 * @module
 */

import { later } from "../later.ts";
import type { ImageLayer, ImageStore } from "./store.ts";
import { Turns } from "./turns.ts";
import type { UnpackResult } from "./unpack.ts";
import { type Job, type JobOptions, type JobResult, reviveFailure } from "./unpack_job.ts";

/** Each thread takes 25 MB, and the disk is the bottleneck before the processors are. */
const MOST = 4;

/** How a layer is unpacked: limits, and whether its blob is still on the way. */
export interface TeamOptions extends Pick<JobOptions, "maxBytes" | "maxEntries" | "arriving"> {
  /** Stops it when it fires. */
  signal?: AbortSignal;
}

/** Those who unpack; `using` sends them home. */
export class UnpackTeam implements Disposable {
  readonly #turns = new Turns(Math.min(navigator.hardwareConcurrency, MOST));
  readonly #idle: Worker[] = [];
  readonly #all = new Set<Worker>();

  /**
   * Nobody works yet: threads are started as they are wanted.
   *
   * @param limits how much a layer may hold
   */
  constructor(private readonly limits: Pick<JobOptions, "maxBytes" | "maxEntries"> = {}) {}

  /**
   * Unpacks a layer to its directory in the store, unless it is there already, when there is a turn.
   *
   * @throws what {@linkcode unpackLayer} of unpack.ts throws, and the signal's reason
   */
  async unpack(
    store: ImageStore,
    { descriptor, diffId }: Pick<ImageLayer, "descriptor" | "diffId">,
    { signal, ...options }: TeamOptions = {},
  ): Promise<UnpackResult> {
    using _turn = await this.#turns.take(signal);
    const layer = { descriptor, diffId };
    const job: Job = { root: store.root, layer, options: { ...this.limits, ...options } };
    const result = Deno.uid() === 0 ? await this.#inThread(job, signal) : await asUser(job, signal);
    if ("done" in result) return result.done;
    signal?.throwIfAborted();
    throw reviveFailure(result.failed);
  }

  /** Ends the threads. */
  [Symbol.dispose](): void {
    for (const worker of this.#all) worker.terminate();
  }

  async #inThread(job: Job, signal: AbortSignal | undefined): Promise<JobResult> {
    const worker = this.#idle.pop() ?? this.#start();
    const answer = Promise.withResolvers<JobResult>();
    worker.onmessage = ({ data }) => answer.resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      answer.reject(new Error(`the thread that unpacks failed: ${event.message}`));
    };
    // It clears away what it has made before it answers.
    const stop = () => worker.postMessage(null);
    signal?.addEventListener("abort", stop);
    try {
      worker.postMessage(job);
      const result = await answer.promise;
      this.#idle.push(worker);
      return result;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  #start(): Worker {
    const url = new URL("./unpack_thread.ts", import.meta.url);
    const worker = new Worker(url, { type: "module" });
    this.#all.add(worker);
    return worker;
  }
}

async function asUser(job: Job, signal: AbortSignal | undefined): Promise<JobResult> {
  const { unpackAsUser } = await later<typeof import("./unpack_as_user.ts")>(
    import.meta,
    "./unpack_as_user.ts",
  );
  return await unpackAsUser(job, signal);
}
