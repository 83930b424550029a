/**
 * The layers of an image on their way into the store: fetched, several at a time, and unpacked while
 * they come.
 *
 * @module
 */

import { downloadBlob, type DownloadOptions } from "./download.ts";
import type { LayerState, PullOptions } from "./pull.ts";
import type { BlobSource } from "./registry.ts";
import type { ImageLayer, ImageStore } from "./store.ts";
import { isUnpacked } from "./store_files.ts";
import { Turns } from "./turns.ts";

/** Layers fetched at the same time, as many as Docker does. */
const AT_ONCE = 3;

/** What the layers of one pull have in common. */
export interface LayerPull {
  /** Where they go. */
  store: ImageStore;
  /** Where they come from. */
  source: BlobSource;
  /** Who unpacks them, and who is told. */
  options: Pick<PullOptions, "onEvent" | "unpack">;
  /** How they are fetched. */
  download: DownloadOptions;
}

/**
 * Fetches and unpacks the layers that are missing, and stops at the first failure: the others are
 * told through `stop`, and waited for, so that nothing goes on behind the caller's back.
 */
export async function fetchLayers(
  it: LayerPull,
  layers: ImageLayer[],
  stop: AbortController,
): Promise<void> {
  const turns = new Turns(AT_ONCE);
  const failures: unknown[] = [];
  await Promise.all(layers.map((layer) =>
    fetchLayer(it, layer, turns).catch((error) => {
      failures.push(error);
      stop.abort(error);
    })
  ));
  if (failures.length > 0) throw failures[0];
}

async function fetchLayer(it: LayerPull, layer: ImageLayer, turns: Turns): Promise<void> {
  const { store, source, download, options: { onEvent } } = it;
  const { digest, size } = layer.descriptor;
  const tell = (state: LayerState, received: number) => {
    onEvent?.({ kind: "layer", digest, state, received, total: size });
  };
  const unpacking = new Unpacking(it, layer);
  let fetched = false;
  const onState = (state: LayerState, received: number) => {
    if (state === "exists") return;
    fetched = true;
    if (state === "downloading") unpacking.begin();
    tell(state, received);
  };
  try {
    using _turn = await turns.take(download.signal);
    await downloadBlob(store, source, layer.descriptor, { ...download, onState });
  } catch (error) {
    await unpacking.stop(error);
    throw error;
  }
  if (unpacking.isWanted) {
    fetched = true;
    tell("unpacking", size);
    await unpacking.end();
  }
  tell(fetched ? "done" : "exists", size);
}

/** The unpacking of a layer, which goes on while the layer is fetched. */
class Unpacking {
  /** Whether there is anything to unpack, and somebody to do it. */
  readonly isWanted: boolean;
  readonly #stop = new AbortController();
  readonly #unpack: (arriving: boolean) => Promise<unknown>;
  #begun?: Promise<unknown>;

  constructor({ store, download, options: { unpack } }: LayerPull, layer: ImageLayer) {
    this.isWanted = unpack !== undefined && !isUnpacked(layer.directory);
    const signals = [this.#stop.signal, ...(download.signal ? [download.signal] : [])];
    const signal = AbortSignal.any(signals);
    this.#unpack = async (arriving) => await unpack?.(store, layer, { signal, arriving });
  }

  /** Begins with what has come, unless it has begun. */
  begin(): void {
    if (!this.isWanted || this.#begun) return;
    this.#begun = this.#unpack(true);
    // Whoever waits for the end is told; until then there may be nobody.
    this.#begun.catch(() => {});
  }

  /** Waits for the end, when the whole blob is there; begins now where that has not been done. */
  async end(): Promise<void> {
    try {
      if (this.#begun) return void await this.#begun;
    } catch (error) {
      // What was there before, of a download that was killed, was found to be wrong and fetched
      // again; who had read it already has seen another blob.
      if (!(error instanceof Error && error.name === "StoreError")) throw error;
    }
    await this.#unpack(false);
  }

  /** Waits until it has stopped. */
  async stop(reason: unknown): Promise<void> {
    this.#stop.abort(reason);
    await this.#begun?.catch(() => {});
  }
}
