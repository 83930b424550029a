/**
 * A registry with an image in it, and an empty store to pull it into.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { hostPlatform } from "../../../runtime/images/platform.ts";
import { pull, type PullEvent, type PullOptions } from "../../../runtime/images/pull.ts";
import { parseReference } from "../../../runtime/images/reference.ts";
import { ImageStore } from "../../../runtime/images/store.ts";
import { type AddedImage, FaultyRegistry } from "../../helpers/faulty_registry.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { nobody, patience } from "./registry_client.ts";

/** What is in a directory, sorted. */
export const names = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();

/** The same, of a directory that need not be there. */
export function namesIfThere(path: string): string[] {
  try {
    return names(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Bytes that no packing shortens and no accident repeats, the same for the same seed. */
export function noise(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0, x = seed + 1; i < words.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[i] = x;
  }
  return new Uint8Array(words.buffer, 0, length);
}

/** A registry with an image `box:1` of three layers, and an empty store. */
export async function start(sizes = [200_000, 30_000, 100]) {
  const root = await tempRoot();
  const registry = new FaultyRegistry();
  const image = await registry.addImage("box", "1", sizes.map(noise), hostPlatform());
  const store = new ImageStore(root.path);
  const events: PullEvent[] = [];
  return {
    root,
    registry,
    image,
    store,
    events,
    blob: (n: number) => `GET /v2/box/blobs/${image.layers[n].digest}`,
    pull: (version = ":1", options: PullOptions = {}) =>
      pull(store, parseReference(`${registry.host}/box${version}`), {
        patience: { ...patience, longestPause: 100 },
        credentials: nobody,
        onEvent: (event) => events.push(event),
        ...options,
      }),
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await root[Symbol.asyncDispose]();
    },
  };
}

/** Every blob of the image is in the store, and nothing half made is left. */
export async function assertWhole(store: ImageStore, image: AddedImage): Promise<void> {
  for (const { digest, size } of [image.descriptor, image.config, ...image.layers]) {
    assertEquals((await store.readBlob(digest, size)).length, size);
  }
  assertEquals(names(`${store.root}/cache/downloads`), []);
  assertEquals(names(`${store.root}/tmp`), []);
}
