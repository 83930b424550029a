/**
 * An image to pull: 300 MB in 12,000 files, in layers as uneven as real ones, the same bytes each
 * time, and as compressible as programs and their documents are.
 *
 * @module
 */

import { digestOf } from "../runtime/images/digest.ts";
import { type Descriptor, MEDIA_TYPE } from "../runtime/images/manifest.ts";
import { hostPlatform } from "../runtime/images/platform.ts";
import { encodeHeader, END_OF_ARCHIVE, padding } from "../runtime/images/tar_writer.ts";

/** Megabytes and files of each layer, from the lowest up: a system, a language, libraries, a program. */
const LAYERS = [[88, 4200], [76, 3300], [58, 2600], [41, 1300], [27, 500], [10, 100]] as const;

/** What was put into the registry. */
export interface SampleImage {
  /** Its name there, as `pull` takes it. */
  name: string;
  /** Regular files in all layers. */
  files: number;
  /** Bytes of content in all files. */
  bytes: number;
  /** Bytes of the layers as they are sent. */
  packed: number;
}

/** Makes the image and sends it to a registry that takes it over plain HTTP without asking. */
export async function pushSampleImage(host: string): Promise<SampleImage> {
  const repository = "bench/sample";
  const text = new TextSource();
  const layers: Descriptor[] = [];
  const diffIds: string[] = [];
  const sum = { files: 0, bytes: 0 };
  for (const [index, [megabytes, files]] of LAYERS.entries()) {
    const tar = makeLayer(text, `opt/part${index}`, megabytes * 1_000_000, files, sum);
    diffIds.push(await digestOf(tar));
    const packed = new Blob([tar]).stream().pipeThrough(new CompressionStream("gzip"));
    const bytes = await new Response(packed).bytes();
    layers.push(await pushBlob(host, repository, bytes, MEDIA_TYPE.OCI_LAYER_GZIP));
  }
  const rootfs = { type: "layers", diff_ids: diffIds };
  const config = json({ ...hostPlatform(), config: { Cmd: ["sh"] }, rootfs });
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.OCI_MANIFEST,
    config: await pushBlob(host, repository, config, MEDIA_TYPE.OCI_CONFIG),
    layers,
  };
  const headers = { "content-type": MEDIA_TYPE.OCI_MANIFEST };
  await put(`http://${host}/v2/${repository}/manifests/1`, json(manifest), headers);
  const packed = layers.reduce((total, { size }) => total + size, 0);
  return { name: `${host}/${repository}:1`, packed, ...sum };
}

/** A tar of so many files in directories of forty; a few are large and most are small, as they are. */
function makeLayer(
  text: TextSource,
  prefix: string,
  total: number,
  files: number,
  sum: { files: number; bytes: number },
): Uint8Array<ArrayBuffer> {
  const weights = Array.from({ length: files }, () => 1 / (0.002 + text.random()) ** 0.8);
  const scale = total / weights.reduce((all, weight) => all + weight);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  weights.forEach((weight, index) => {
    const directory = `${prefix}/directory-${Math.floor(index / 40)}`;
    if (index % 40 === 0) parts.push(encodeHeader({ name: `${directory}/`, type: "directory" }));
    const size = Math.round(weight * scale);
    const mtime = 1_700_000_000 + index;
    const [uid, mode] = [index % 10 === 0 ? 1000 : 0, index % 7 === 0 ? 0o755 : 0o644];
    const name = `${directory}/file-${index}`;
    parts.push(encodeHeader({ name, type: "file", size, mtime, uid, gid: uid, mode }));
    parts.push(text.bytes(size), padding(size).slice());
    sum.files++;
    sum.bytes += size;
  });
  parts.push(END_OF_ARCHIVE.slice());
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Words of which few are frequent and most are rare, with a stretch of noise now and then. */
class TextSource {
  #state = 0x7151_f115;
  readonly #pool = new Uint8Array(16 * 1024 * 1024);

  constructor() {
    const words = Array.from({ length: 5000 }, () => {
      const length = 2 + Math.floor(this.random() * 9);
      return Uint8Array.from({ length }, () => 97 + Math.floor(this.random() ** 2 * 26));
    });
    for (let at = 0; at < this.#pool.length;) {
      const noise = this.random() < 0.02;
      const piece = noise
        ? Uint8Array.from({ length: 24 }, () => Math.floor(this.random() * 256))
        : words[Math.floor(this.random() ** 3 * words.length)];
      this.#pool.set(piece.subarray(0, this.#pool.length - at), at);
      at += piece.length + 1;
    }
  }

  /** A number from 0 up to 1, always the same row of them (xorshift32). */
  random(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) / 2 ** 32;
  }

  /** Some of the text; gzip sees nothing of what repeats farther away than its 32 KiB. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const from = Math.floor(this.random() * this.#pool.length);
      const piece = this.#pool.subarray(from, from + Math.min(length - at, 1024 * 1024));
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }
}

async function pushBlob(
  host: string,
  repository: string,
  bytes: Uint8Array<ArrayBuffer>,
  mediaType: string,
): Promise<Descriptor> {
  const begin = `http://${host}/v2/${repository}/blobs/uploads/`;
  const begun = await fetch(begin, { method: "POST" });
  await begun.body?.cancel();
  const digest = await digestOf(bytes);
  const location = new URL(begun.headers.get("location")!, begin);
  location.searchParams.set("digest", digest);
  await put(location.href, bytes, { "content-type": "application/octet-stream" });
  return { mediaType, digest, size: bytes.length };
}

async function put(
  url: string,
  body: Uint8Array<ArrayBuffer>,
  headers: Record<string, string>,
): Promise<void> {
  const reply = await fetch(url, { method: "PUT", body, headers });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`PUT ${url}: ${reply.status} ${text}`);
}

function json(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}
