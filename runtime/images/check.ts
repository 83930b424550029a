/**
 * Checks a store as fsck(8) checks a file system: every blob against its digest, every name against
 * what it leads to, every unpacked layer against its blob. What is broken can be taken away, so that
 * the next pull fetches it.
 *
 * @module
 */

import { later } from "../later.ts";
import { streamOf } from "./archive_blobs.ts";
import { fileChunks } from "./archive_files.ts";
import { compareLayer } from "./check_layer.ts";
import { hasher, isDigest } from "./digest.ts";
import { lockFile } from "./file_lock.ts";
import { isIndex, ManifestError, MAX_DOCUMENT, parseConfig, parseManifest } from "./manifest.ts";
import { entries, usedImages } from "./reachable.ts";
import { Scratch } from "./scratch.ts";
import { type Image, type ImageStore, StoreError } from "./store.ts";
import { lockPath, writeIndex } from "./store_files.ts";

/** Something that is not as it should be. */
export interface Problem {
  /** What it is about: a name, a blob, a layer, a file. */
  subject: string;
  /** What is wrong. */
  problem: string;
  /** What a person can do about it. */
  advice: string;
  /** Takes away what is broken; nothing where that would take something from a container. */
  repair?: () => Promise<void> | void;
}

/** What was looked at, and found. */
export interface CheckReport {
  /** Names. */
  images: number;
  /** Blobs, and how many bytes they have together. */
  blobs: { count: number; bytes: number };
  /** Layers that are unpacked, and were compared. */
  layers: number;
  /** What is wrong. */
  problems: Problem[];
}

/** What {@linkcode checkStore} may be told. */
export interface CheckOptions {
  /** Looks at documents and lengths alone, and hashes no layer. */
  quick?: boolean;
  /** Ends the check. */
  signal?: AbortSignal;
}

const PULL = "pull or load the image again";

/** One check. */
interface Check extends CheckReport {
  store: ImageStore;
  options: CheckOptions;
  /** Blobs that cannot be relied on. */
  bad: Set<string>;
}

/** Looks at all of a store. Nothing is changed. */
export async function checkStore(
  store: ImageStore,
  options: CheckOptions = {},
): Promise<CheckReport> {
  const it: Check = {
    store,
    options,
    bad: new Set(),
    images: 0,
    blobs: { count: 0, bytes: 0 },
    layers: 0,
    problems: [],
  };
  for (const name of entries(`${store.layout}/blobs/sha256`)) await checkBlob(it, name);
  const layers = new Map<string, Image["layers"][number]>();
  for (const { name, digest, mediaType } of await namesOf(it)) {
    it.images++;
    for (const layer of await checkImage(it, name, digest, mediaType)) {
      layers.set(`${layer.descriptor.digest} ${layer.diffId}`, layer);
    }
  }
  for (const layer of layers.values()) await checkLayer(it, layer);
  const { images, blobs, layers: compared, problems } = it;
  return { images, blobs, layers: compared, problems };
}

async function checkBlob({ store, options, bad, blobs, problems }: Check, hex: string) {
  options.signal?.throwIfAborted();
  const path = `${store.layout}/blobs/sha256/${hex}`;
  const digest = `sha256:${hex}`;
  const repair = () => remove(path);
  const info = look(path);
  // Another command can remove an image at any moment.
  if (!info) return;
  if (!isDigest(digest) || !info.isFile) {
    problems.push({ subject: path, problem: "it is no blob", advice: "remove it", repair });
    return;
  }
  blobs.count++;
  blobs.bytes += info.size;
  // Documents are small, and are hashed also where there is no time.
  if (options.quick && info.size > MAX_DOCUMENT) return;
  const actual = await digestOfFile(path, options.signal);
  if (actual === digest) return;
  bad.add(digest);
  const problem = `its bytes hash to ${actual}`;
  const advice = `remove ${path}, and ${PULL}`;
  problems.push({ subject: `blob ${digest}`, problem, advice, repair });
}

function look(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Removes what is broken, unless another repair has done so. */
function remove(path: string): void {
  if (look(path)) Deno.removeSync(path, { recursive: true });
}

async function digestOfFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = await hasher();
  for await (const piece of streamOf(fileChunks(path), signal)) hash.update(piece);
  return hash.digest();
}

/** The names, as far as index.json can be read. */
async function namesOf({ store, problems }: Check) {
  try {
    return (await store.list()).map(({ name, descriptor: { digest, mediaType } }) => {
      return { name, digest, mediaType };
    });
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const path = `${store.layout}/index.json`;
    const repair = () => Deno.renameSync(path, `${path}.damaged`);
    const advice = "it holds the images' names: move it away, and pull or load them again";
    problems.push({ subject: path, problem: error.message, advice, repair });
    return [];
  }
}

/** Looks at what a name leads to. @returns the layers of an image that can be opened */
async function checkImage(
  { store, bad, problems }: Check,
  name: string,
  digest: string,
  mediaType: string,
): Promise<Image["layers"]> {
  const repair = () => untag(store, name, digest);
  const wrong = (problem: string) => {
    problems.push({ subject: name, problem, advice: PULL, repair });
    return [];
  };
  try {
    if (bad.has(digest)) return wrong(`its manifest, blob ${digest}, is damaged`);
    const manifest = parseManifest(await store.readBlob(digest, MAX_DOCUMENT), mediaType);
    if (isIndex(manifest)) return wrong("it leads to an index, not to an image");
    const id = manifest.config.digest;
    if (bad.has(id)) return wrong(`its config, blob ${id}, is damaged`);
    parseConfig(await store.readBlob(id, MAX_DOCUMENT), manifest);
    const image = await store.image(name);
    return image?.layers.filter((layer) => isThere(layer)) ?? [];
  } catch (error) {
    if (!(error instanceof StoreError || error instanceof ManifestError)) throw error;
    return wrong(error.message);
  }

  function isThere({ descriptor: { digest, size } }: Image["layers"][number]): boolean {
    if (bad.has(digest)) return false;
    const path = store.blobPath(digest);
    const actual = look(path)?.size;
    if (actual === size) return true;
    // The name stays: a pull finds out by itself what is missing.
    const problem = actual === undefined
      ? `its layer, blob ${digest}, is missing`
      : `its layer, blob ${digest}, has ${actual} bytes instead of ${size}`;
    const mend = actual === undefined ? {} : { repair: () => remove(path) };
    problems.push({ subject: name, problem, advice: PULL, ...mend });
    return false;
  }
}

/** Compares a layer's tar with its diff ID, and the directory that it was unpacked to with the tar. */
async function checkLayer(it: Check, layer: Image["layers"][number]): Promise<void> {
  const { store, options, problems } = it;
  if (options.quick) return;
  const { descriptor: { digest }, diffId, directory } = layer;
  const { wrongTar, wrongTree } = await compareLayer(store, layer, options.signal);
  if (wrongTar !== undefined) {
    const repair = async () => {
      remove(store.blobPath(digest));
      await removeTree(store, directory);
    };
    problems.push({ subject: `layer ${diffId}`, problem: wrongTar, advice: PULL, repair });
    return;
  }
  if (wrongTree === undefined) return;
  if (wrongTree.length === 0) return void it.layers++;
  const used = [...usedImages(store.root)];
  const user = used.find(([digest]) => isOf(store, digest, diffId))?.[1].slice(0, 12);
  const more = wrongTree.length > 3 ? `, and ${wrongTree.length - 3} more` : "";
  const problem = `what it was unpacked to is not the same any more: ` +
    wrongTree.slice(0, 3).join(", ") + more;
  problems.push({
    subject: directory,
    problem,
    advice: user
      ? `the container ${user} uses it: remove that, then this directory`
      : "remove the directory: it is unpacked again when it is needed",
    ...(user ? {} : { repair: () => removeTree(store, directory) }),
  });
}

/** Whether the image with this manifest has the layer. */
function isOf(store: ImageStore, digest: string, diffId: string): boolean {
  try {
    const manifest = JSON.parse(Deno.readTextFileSync(store.blobPath(digest)));
    const config = JSON.parse(Deno.readTextFileSync(store.blobPath(manifest.config.digest)));
    return config.rootfs.diff_ids.includes(diffId);
  } catch {
    // What it is made of, nobody can tell: it may be anything.
    return true;
  }
}

/** Takes a name away, unless it has been given to another image meanwhile. */
async function untag(store: ImageStore, name: string, digest: string): Promise<void> {
  using _lock = await lockFile(lockPath(store));
  const rest = (await store.list()).filter((each) => {
    return each.name !== name || each.descriptor.digest !== digest;
  });
  await writeIndex(store, rest.map(({ descriptor }) => descriptor));
}

/** Removes an unpacked layer, moved away first: nobody is to find half of it. */
async function removeTree(store: ImageStore, directory: string): Promise<void> {
  const { removeDirectory } = await later<typeof import("../remove_directory.ts")>(
    import.meta,
    "../remove_directory.ts",
  );
  using scratch = Scratch.make(store.root, "removed");
  try {
    Deno.renameSync(directory, `${scratch.path}/layer`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  await removeDirectory(`${scratch.path}/layer`);
}
