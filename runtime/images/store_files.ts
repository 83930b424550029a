/**
 * The store's own files: made, replaced and swept so that a crash at any moment does no harm.
 *
 * @module
 */

import { syncDirectory } from "./blob_writer.ts";
import { lockFile, tryLockFile } from "./file_lock.ts";
import type { Descriptor } from "./manifest.ts";
import type { ImageStore } from "./store.ts";

/** What is older than this in `cache/downloads` is not waited for any more, in milliseconds. */
const DOWNLOAD_LIFETIME = 7 * 24 * 3600 * 1000;

/**
 * Makes the directories and files of an empty store, each where it is missing, and sweeps.
 *
 * The directories are for the owner alone: a layer can hold set-uid programs, which other users of
 * the host must not reach past the container (CVE-2021-41091).
 */
export async function prepareStore(store: ImageStore): Promise<void> {
  const { root, layout } = store;
  for (const path of [`${layout}/blobs/sha256`, `${root}/layers`, `${root}/tmp`]) {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  }
  Deno.mkdirSync(`${root}/cache/downloads`, { recursive: true, mode: 0o700 });
  await makeFile(store, "index.json", indexJson([]));
  await makeFile(store, "oci-layout", `{"imageLayoutVersion":"1.0.0"}\n`);
  sweep(`${root}/tmp`, (name) => /^(blob|lease)-/.test(name), 0);
  sweep(`${root}/cache/downloads`, () => true, DOWNLOAD_LIFETIME);
}

/** The file that is locked by whoever changes names or removes blobs. */
export function lockPath(store: ImageStore): string {
  return `${store.layout}/lock`;
}

/** Replaces the entries of index.json by those that `change` returns, under the layout's lock. */
export async function replaceIndex(store: ImageStore, change: () => Descriptor[]): Promise<void> {
  using _lock = await lockFile(lockPath(store));
  await writeIndex(store, change());
}

/** Replaces the entries of index.json; the caller holds the layout's lock. */
export async function writeIndex(store: ImageStore, entries: Descriptor[]): Promise<void> {
  await writeFile(store.layout, "index.json", indexJson(entries));
}

/** Makes one of the layout's files if it is not there. */
async function makeFile(store: ImageStore, name: string, text: string): Promise<void> {
  const path = `${store.layout}/${name}`;
  if (exists(path)) return;
  using _lock = await lockFile(lockPath(store));
  if (!exists(path)) await writeFile(store.layout, name, text);
}

/** Writes one of the layout's files, whole or not at all; the caller holds the layout's lock. */
async function writeFile(layout: string, name: string, text: string): Promise<void> {
  // Under the lock there is one writer, so one name does, and a dead writer's file is written over.
  const path = `${layout}/${name}`;
  using file = Deno.openSync(`${path}.new`, { write: true, create: true, truncate: true });
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  await file.sync();
  Deno.renameSync(`${path}.new`, path);
  await syncDirectory(layout);
}

/** Removes the files that no writer holds and that nobody touched for `age` milliseconds. */
function sweep(directory: string, ours: (name: string) => boolean, age: number): void {
  for (const { name } of Deno.readDirSync(directory)) {
    if (!ours(name)) continue;
    using file = tryLockFile(`${directory}/${name}`);
    const touched = file?.statSync().mtime?.getTime() ?? 0;
    if (file && Date.now() - touched >= age) Deno.removeSync(`${directory}/${name}`);
  }
}

function indexJson(manifests: Descriptor[]): string {
  const mediaType = "application/vnd.oci.image.index.v1+json";
  return `${JSON.stringify({ schemaVersion: 2, mediaType, manifests })}\n`;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Whether the directory of a layer is there; it is there whole or not at all. */
export function isUnpacked(directory: string): boolean {
  try {
    return Deno.statSync(directory).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
