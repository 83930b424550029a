/**
 * A registry for lessons: in memory, on 127.0.0.1, speaking the part of OCI's distribution
 * specification that a pull needs; and images to put into it.
 *
 * @module
 */

import { digestOf } from "../runtime/images/digest.ts";
import { neededFiles } from "../runtime/images/dynamic_loader.ts";
import { type Descriptor, MEDIA_TYPE } from "../runtime/images/manifest.ts";
import { hostPlatform } from "../runtime/images/platform.ts";
import { encodeHeader, END_OF_ARCHIVE, padding } from "../runtime/images/tar_writer.ts";
import type { Workshop } from "./workshop.ts";

/** A registry that runs. */
export interface SmallRegistry {
  /** host and port, as an image's name begins with */
  readonly host: string;
  /** what it was asked, a line a request, since this was last emptied */
  readonly log: string[];
  /** gives an image a name; its manifest's digest comes back */
  put(name: string, tag: string, layers: readonly Layer[], command: string[]): Promise<string>;
  /** keeps a document, in an image of its own, under a tag: a signature, for example */
  attach(name: string, tag: string, document: Attachment): Promise<void>;
  /** changes one byte of a blob, under the same name */
  damage(digest: string): void;
}

/** A document that is kept beside an image. */
export interface Attachment {
  /** what it is */
  mediaType: string;
  /** its text */
  bytes: Uint8Array<ArrayBuffer>;
  /** what is said of it */
  annotations: Record<string, string>;
}

/** A layer, as it is fetched. */
export interface Layer {
  /** the archive, compressed */
  blob: Uint8Array<ArrayBuffer>;
  /** the blob's name */
  digest: string;
  /** the name of the archive before it was compressed */
  diffId: string;
}

/** Opens a registry that goes with the workshop. */
export function openRegistry(workshop: Workshop): SmallRegistry {
  const blobs = new Map<string, Uint8Array<ArrayBuffer>>();
  const tags = new Map<string, string>();
  const types = new Map<string, string>();
  const log: string[] = [];
  const closing = new AbortController();
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    signal: closing.signal,
    onListen: () => {},
  }, ({ method, url }) => {
    const { pathname } = new URL(url);
    log.push(`${method} ${pathname}`);
    if (pathname === "/v2/") return Response.json({});
    const [, name, kind, version] = /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(pathname) ?? [];
    const digest = kind === "manifests" ? tags.get(`${name}:${version}`) ?? version : version;
    const bytes = blobs.get(digest);
    if (!bytes) {
      const code = kind === "manifests" ? "MANIFEST_UNKNOWN" : "BLOB_UNKNOWN";
      return Response.json({ errors: [{ code, message: `no ${version}` }] }, { status: 404 });
    }
    return new Response(bytes, {
      headers: {
        "content-type": types.get(digest) ?? "application/octet-stream",
        "docker-content-digest": digest,
      },
    });
  });
  workshop.defer(async () => {
    closing.abort();
    await server.finished;
  });
  const add = async (mediaType: string, bytes: Uint8Array<ArrayBuffer>): Promise<Descriptor> => {
    const digest = await digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  return {
    host: `127.0.0.1:${server.addr.port}`,
    log,
    put: async (name, tag, layers, command) => {
      const descriptors = await Promise.all(
        layers.map(({ blob }) => add(MEDIA_TYPE.OCI_LAYER_GZIP, blob)),
      );
      const config = await add(
        MEDIA_TYPE.OCI_CONFIG,
        json({
          ...hostPlatform(),
          config: { Cmd: command, Env: ["PATH=/bin"] },
          rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
        }),
      );
      const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPE.OCI_MANIFEST, config };
      const made = await add(
        MEDIA_TYPE.OCI_MANIFEST,
        json({ ...manifest, layers: descriptors }),
      );
      types.set(made.digest, made.mediaType);
      tags.set(`${name}:${tag}`, made.digest);
      return made.digest;
    },
    attach: async (name, tag, { mediaType, bytes, annotations }) => {
      const layer = { ...await add(mediaType, bytes), annotations };
      const config = await add(MEDIA_TYPE.OCI_CONFIG, json({}));
      const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPE.OCI_MANIFEST, config };
      const made = await add(MEDIA_TYPE.OCI_MANIFEST, json({ ...manifest, layers: [layer] }));
      types.set(made.digest, made.mediaType);
      tags.set(`${name}:${tag}`, made.digest);
    },
    damage: (digest) => {
      const bytes = blobs.get(digest)!.slice();
      bytes[bytes.length >> 1] ^= 1;
      blobs.set(digest, bytes);
    },
  };
}

/** Packs files, by their paths without a slash in front, into a layer. */
export async function packLayer(files: Record<string, string | Uint8Array>): Promise<Layer> {
  const pieces: Uint8Array[] = [];
  for (const [name, content] of Object.entries(files)) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const mode = typeof content === "string" ? 0o644 : 0o755;
    pieces.push(encodeHeader({ name, type: "file", size: bytes.length, mode }));
    pieces.push(bytes, padding(bytes.length));
  }
  const archive = await new Blob([...pieces, END_OF_ARCHIVE] as BlobPart[]).bytes();
  const compressed = new Blob([archive]).stream().pipeThrough(new CompressionStream("gzip"));
  const blob = await new Response(compressed).bytes();
  return { blob, digest: await digestOf(blob), diffId: await digestOf(archive) };
}

/** Programs of this machine's with all that they need, for the lowest layer of an image. */
export async function packPrograms(...names: string[]): Promise<Layer> {
  const files: Record<string, Uint8Array> = {};
  for (const name of names) {
    const program = `/bin/${name}`;
    for (const file of [program, ...neededFiles(program)]) {
      files[file.slice(1)] = Deno.readFileSync(file);
    }
  }
  return await packLayer(files);
}

function json(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value, null, 2));
}
