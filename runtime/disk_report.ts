/**
 * What takes how much disk below a data root, and how much of it could be had back.
 *
 * @module
 */

import { type ContainerInfo, listContainers } from "./containers.ts";
import { type TreeSize, treeSize } from "./disk_use.ts";
import { blobsOf, entries, imageOrNothing, usedImages } from "./images/reachable.ts";
import { type Image, ImageStore } from "./images/store.ts";
import { usesVolume } from "./named_volumes.ts";

/** One kind of thing. */
export interface DiskUse {
  /** How many there are. */
  total: number;
  /** How many are used by a container, or run. */
  active: number;
  /** Bytes of disk. */
  bytes: number;
  /** Bytes that would be free if what is not active went. */
  reclaimable: number;
}

/** An image with what it takes. */
export interface ImageUse {
  /** The image. */
  image: Image;
  /** Its canonical names. */
  names: string[];
  /** Bytes of disk that other images take as well. */
  shared: number;
  /** Bytes that go with the image. */
  unique: number;
  /** How many containers were made from it. */
  containers: number;
}

/** All that there is. */
export interface DiskReport {
  /** Images: blobs, and layers unpacked. */
  images: DiskUse;
  /** What containers have written, with their logs. */
  containers: DiskUse;
  /** Named volumes. */
  volumes: DiskUse;
  /** What is kept to be quicker the next time, and downloads that were cut. */
  cache: DiskUse;
  /** Each image. */
  eachImage: ImageUse[];
  /** Each container with its bytes. */
  eachContainer: { info: ContainerInfo; bytes: number }[];
  /** Each volume with its bytes, and how many containers name it. */
  eachVolume: { name: string; bytes: number; containers: number }[];
  /** Whether everything could be looked at: an ordinary user's containers have files of others. */
  whole: boolean;
}

/** Looks at a data root. */
export async function diskReport(root: string): Promise<DiskReport> {
  const sizes = new Sizes();
  const store = new ImageStore(root);
  const eachContainer = (await listContainers(root)).map((info) => {
    return { info, bytes: sizes.of(info.directory) };
  });
  const eachVolume = entries(`${root}/volumes`).sort().map((name) => {
    const users = eachContainer.filter(({ info: { record } }) => usesVolume(record, name));
    return { name, bytes: sizes.of(`${root}/volumes/${name}`), containers: users.length };
  });
  const isActive = ({ info: { state } }: typeof eachContainer[number]) =>
    state !== "created" && state !== "exited";
  const cache = sizes.of(`${root}/cache`);
  return {
    ...await imageUse(store, eachContainer.map(({ info }) => info), sizes),
    containers: sum(eachContainer, isActive),
    volumes: sum(eachVolume, ({ containers }) => containers > 0),
    cache: { total: entries(`${root}/cache`).length, active: 0, bytes: cache, reclaimable: cache },
    eachContainer,
    eachVolume,
    whole: sizes.whole,
  };
}

/** Sizes of paths, each found out once. */
class Sizes {
  whole = true;
  readonly #known = new Map<string, number>();

  of(path: string): number {
    let bytes = this.#known.get(path);
    if (bytes !== undefined) return bytes;
    const size: TreeSize = treeSize(path);
    this.whole &&= size.whole;
    bytes = size.bytes;
    this.#known.set(path, bytes);
    return bytes;
  }
}

async function imageUse(
  store: ImageStore,
  containers: ContainerInfo[],
  sizes: Sizes,
): Promise<Pick<DiskReport, "images" | "eachImage">> {
  const names = Map.groupBy(await store.list(), ({ descriptor }) => descriptor.digest);
  const images: Image[] = [];
  for (const digest of names.keys()) {
    const image = await imageOrNothing(store, digest);
    if (image) images.push(image);
  }
  const used = usedImages(store.root);
  const users = new Map<string, number>();
  for (const image of images) {
    for (const path of pathsOf(store, image)) users.set(path, (users.get(path) ?? 0) + 1);
  }
  const eachImage = images.map((image) => {
    const paths = [...pathsOf(store, image)];
    const bytes = (isShared: boolean) =>
      paths.filter((path) => users.get(path)! > 1 === isShared)
        .reduce((total, path) => total + sizes.of(path), 0);
    const own = containers.filter(({ record }) => record.imageDigest === image.digest);
    return {
      image,
      names: names.get(image.digest)!.map(({ name }) => name),
      shared: bytes(true),
      unique: bytes(false),
      containers: own.length,
    };
  });
  const kept = new Set(
    images.filter(({ digest }) => used.has(digest))
      .flatMap((image) => [...pathsOf(store, image)]),
  );
  const all = [
    ...entries(`${store.layout}/blobs/sha256`).map((name) =>
      `${store.layout}/blobs/sha256/${name}`
    ),
    ...entries(`${store.root}/layers`).map((name) => `${store.root}/layers/${name}`),
  ];
  const bytes = all.reduce((total, path) => total + sizes.of(path), 0);
  const active = [...kept].reduce((total, path) => total + sizes.of(path), 0);
  return {
    images: {
      total: images.length,
      active: images.filter(({ digest }) => used.has(digest)).length,
      bytes,
      reclaimable: bytes - active,
    },
    eachImage,
  };
}

/** The files and directories of an image. */
function pathsOf(store: ImageStore, image: Image): Set<string> {
  const blobs = blobsOf(image).map((digest) => store.blobPath(digest));
  return new Set([...blobs, ...image.layers.map(({ directory }) => directory)]);
}

function sum<T extends { bytes: number }>(all: T[], isActive: (one: T) => boolean): DiskUse {
  const add = (those: T[]) => those.reduce((total, { bytes }) => total + bytes, 0);
  const active = all.filter(isActive);
  return {
    total: all.length,
    active: active.length,
    bytes: add(all),
    reclaimable: add(all) - add(active),
  };
}
