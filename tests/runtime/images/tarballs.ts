/**
 * Tarballs for tests: made entry by entry, read back as a list, and unpacked trees as text.
 *
 * @module
 */

import { S } from "../../../ffi/constants.ts";
import { attempt, libc } from "../../../ffi/libc.ts";
import { concatenate } from "../../../ffi/structs.ts";
import { digestOf } from "../../../runtime/images/digest.ts";
import { removeTree } from "../../../runtime/remove_tree.ts";
import { ImageStore } from "../../../runtime/images/store.ts";
import { type TarEntry, TarReader } from "../../../runtime/images/tar.ts";
import {
  encodeHeader,
  END_OF_ARCHIVE,
  type NewEntry,
  padding,
} from "../../../runtime/images/tar_writer.ts";
import {
  unpackLayer,
  type UnpackOptions,
  type UnpackResult,
} from "../../../runtime/images/unpack.ts";
import { type TempRoot, tempRoot } from "../../helpers/temp_root.ts";

/** An entry to be written, with its content. */
export type Content = NewEntry & { content?: string | Uint8Array };

/** The bytes of a text. */
export const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** The archive that holds these entries. */
export function tarball(...entries: Content[]): Uint8Array<ArrayBuffer> {
  const parts = entries.flatMap(({ content = "", ...entry }) => {
    const data = typeof content === "string" ? bytes(content) : content;
    const header = encodeHeader({ size: data.length, ...entry });
    return [header, data, padding(data.length)];
  });
  return concatenate([...parts, END_OF_ARCHIVE]);
}

/** An entry as it was read, with its content as text. */
export type ReadEntry = TarEntry & { content: string };

/** Reads an archive in chunks of so many bytes. */
export function readTar(archive: Uint8Array, chunk = archive.length): ReadEntry[] {
  const entries: ReadEntry[] = [];
  const reader = new TarReader({
    entry: (entry) => void entries.push({ ...entry, content: "" }),
    data: (piece) => {
      entries.at(-1)!.content += String.fromCharCode(...piece);
    },
    close: () => {},
  });
  for (let at = 0; at < archive.length; at += chunk) {
    reader.write(archive.subarray(at, at + chunk));
  }
  reader.finish();
  return entries;
}

/** A temporary root that goes away also where a layer's modes would not let an ordinary user do that. */
export async function layerRoot(): Promise<TempRoot> {
  const root = await tempRoot();
  const remove = () => {
    removeTree(root.path);
    return root[Symbol.asyncDispose]();
  };
  return { path: root.path, [Symbol.asyncDispose]: remove };
}

/** Stores a blob as a layer and unpacks it. */
export async function unpack(
  root: string,
  blob: Uint8Array,
  options: UnpackOptions & { tar?: Uint8Array } = {},
): Promise<UnpackResult> {
  const store = new ImageStore(root);
  const { digest, size } = await store.writeBlob(blob);
  const diffId = await digestOf(options.tar ?? blob);
  return await unpackLayer(store, { descriptor: { mediaType: "", digest, size }, diffId }, options);
}

/** A layer as it is stored, and the tar that it is when unpacked. */
export interface StoredLayer {
  /** The bytes as they are stored. */
  blob: Uint8Array;
  /** The tar. */
  tar: Uint8Array;
  /** How they are packed; not at all unless it says so. */
  packed?: "gzip" | "zstd";
}

/** Makes an OCI layout of the layers, and lets umoci unpack it to `path`/bundle/rootfs. */
export async function umociUnpack(path: string, layers: StoredLayer[]): Promise<void> {
  const store = new ImageStore(`${path}/store`);
  const type = "application/vnd.oci.image";
  const json = async (kind: string, value: unknown) => {
    return { mediaType: `${type}.${kind}`, ...await store.writeBlob(bytes(JSON.stringify(value))) };
  };
  const written = [];
  for (const { blob, packed } of layers) {
    const mediaType = `${type}.layer.v1.tar${packed ? `+${packed}` : ""}`;
    written.push({ mediaType, ...await store.writeBlob(blob) });
  }
  const diff_ids = await Promise.all(layers.map(({ tar }) => digestOf(tar)));
  const config = await json("config.v1+json", {
    architecture: "amd64",
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids },
  });
  const manifest = { schemaVersion: 2, config, layers: written };
  await store.tag("test", await json("manifest.v1+json", manifest));
  await run("umoci", "unpack", "--image", `${store.layout}:test`, `${path}/bundle`);
}

/** Runs a program; its standard output. */
export async function run(program: string, ...args: string[]): Promise<Uint8Array> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  if (success) return stdout;
  throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

/** What a snapshot can leave out. */
export interface SnapshotOptions {
  /** Leaves out when directories were changed: tools differ in what they do about that. */
  directoryTimes?: false;
  /** Leaves out owners, for trees that an ordinary user unpacked. */
  owners?: false;
}

/**
 * A tree as sorted lines: each path with type, mode, owner, links, size, time, link target, device,
 * extended attributes and, of a regular file, its SHA-256. A byte of a name is one character.
 */
export async function snapshot(root: string, options: SnapshotOptions = {}): Promise<string[]> {
  const owner = options.owners === false ? "" : "%U:%G";
  const found = await run("find", root, "-printf", `%P\\t%y %m ${owner} %n %s\\t%T@\\t%l\\0`);
  const text = characters(found);
  const sums = characters(
    await run("find", root, "-type", "f", "-exec", "sha256sum", "-z", "{}", "+"),
  );
  const hashes = new Map(
    sums.split("\0").map((line) => [line.slice(66 + root.length + 1), line.slice(0, 64)]),
  );
  return text.split("\0").slice(0, -1).map((line) => {
    const [path, about, time, target] = line.split("\t");
    const isDirectory = about.startsWith("d ");
    const parts = [path, isDirectory ? about.replace(/ \d+ \d+$/, "") : about];
    if (!(isDirectory && options.directoryTimes === false)) parts.push(time);
    const file = latin1(`${root}${path === "" ? "" : "/"}${path}\0`);
    parts.push(target, deviceOf(file), ...xattrsOf(file), hashes.get(path) ?? "");
    return parts.filter(Boolean).join(" | ");
  }).sort();
}

/** The value of one extended attribute as text, or nothing. */
export function xattr(path: string, name: string): string | undefined {
  return readAttribute(bytes(`${path}\0`), name);
}

function deviceOf(path: Uint8Array): string {
  const stat = new Uint8Array(256);
  libc.statx(-100, path, 0x100, 0x7ff, stat);
  const view = new DataView(stat.buffer);
  const format = view.getUint16(28, true) & S.IFMT;
  if (format !== S.IFCHR && format !== S.IFBLK) return "";
  return `device ${view.getUint32(128, true)}/${view.getUint32(132, true)}`;
}

function xattrsOf(path: Uint8Array): string[] {
  const list = new Uint8Array(65536);
  const length = attempt.llistxattr(path, list, list.length);
  if (length <= 0) return [];
  const names = new TextDecoder().decode(list.subarray(0, length)).split("\0").filter(Boolean);
  return names.sort().map((name) => `${name}=${readAttribute(path, name)}`);
}

function readAttribute(path: Uint8Array, name: string): string | undefined {
  const value = new Uint8Array(65536);
  const length = attempt.lgetxattr(path, name, value, value.length);
  return length < 0 ? undefined : String.fromCharCode(...value.subarray(0, length));
}

/** One character a byte; TextDecoder's "latin1" is Windows-1252. */
function characters(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
