/**
 * Digests: the names of everything in an image, `sha256:` and the hash of the bytes themselves.
 *
 * What is fetched by digest needs no trust in whoever sent it: the bytes either hash to their name
 * or are thrown away (OCI image-spec, descriptor.md, "Digests").
 *
 * @module
 */

/** The bytes do not hash to the digest they were asked for by, or are not as many as announced. */
export class DigestMismatch extends Error {
  /** The class's name, for messages. */
  override name = "DigestMismatch";
}

/** A hash that is fed piece by piece. */
export interface Hasher {
  /** Adds the next bytes. */
  update(bytes: Uint8Array): void;
  /** The digest of all bytes so far, as `sha256:<64 hex digits>`; the hasher is spent after it. */
  digest(): string;
}

/** Whether `text` is a SHA-256 digest in its canonical spelling, the only kind Tiffin takes. */
export function isDigest(text: unknown): text is string {
  return typeof text === "string" && /^sha256:[0-9a-f]{64}$/.test(text);
}

/**
 * The 64 hex digits of a digest.
 *
 * Every path into the store goes through here, so that a "digest" such as `sha256:../../etc` can
 * never become a file name.
 *
 * @throws {TypeError} if `digest` is not a SHA-256 digest
 */
export function hexOf(digest: string): string {
  if (isDigest(digest)) return digest.slice("sha256:".length);
  throw new TypeError(`${JSON.stringify(digest)} is not a digest: sha256: and 64 hex digits`);
}

/**
 * A fresh SHA-256 hasher.
 *
 * The Web's `crypto.subtle` hashes whole buffers only, so this one is Node's; it costs about 6 ms to
 * load and is asked for only where blobs are written.
 */
export async function hasher(): Promise<Hasher> {
  return (await hashers())();
}

/** What makes hashers, one for each of many files; see {@linkcode hasher}. */
export async function hashers(): Promise<() => Hasher> {
  const { createHash } = await import("node:crypto");
  return () => {
    const hash = createHash("sha256");
    return {
      update: (bytes) => void hash.update(bytes),
      digest: () => `sha256:${hash.digest("hex")}`,
    };
  };
}

/** The digest of bytes that are all in memory. */
export async function digestOf(bytes: Uint8Array): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as BufferSource));
  return `sha256:${hash.toHex()}`;
}
