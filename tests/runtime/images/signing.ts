/**
 * Signatures as cosign makes them, for tests: keys, documents, and the images that hold them.
 *
 * @module
 */

import { type Descriptor, MEDIA_TYPE } from "../../../runtime/images/manifest.ts";
import type { FaultyRegistry } from "../../helpers/faulty_registry.ts";
import { bytes } from "./tarballs.ts";

/** A key, and what is done with its secret half. */
export interface Signer {
  /** The public half, as cosign.pub. */
  pem: string;
  /** Signs a message as cosign does. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** The algorithms by what a test calls them. */
const ALGORITHMS = {
  "P-256": { name: "ECDSA", namedCurve: "P-256" },
  "P-384": { name: "ECDSA", namedCurve: "P-384" },
  "RSA": {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1),
  },
  "small RSA": {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    modulusLength: 1024,
    publicExponent: Uint8Array.of(1, 0, 1),
  },
  "Ed25519": { name: "Ed25519" },
} as const;

/** A new key. */
export async function newSigner(kind: keyof typeof ALGORITHMS = "P-256"): Promise<Signer> {
  const algorithm = ALGORITHMS[kind];
  const pair = await crypto.subtle.generateKey(algorithm, true, [
    "sign",
    "verify",
  ]) as CryptoKeyPair;
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
  const isEcdsa = algorithm.name === "ECDSA";
  const how = isEcdsa ? { name: "ECDSA", hash: "SHA-256" } : { name: algorithm.name };
  return {
    pem: pem("PUBLIC KEY", spki),
    async sign(message) {
      const raw = await crypto.subtle.sign(how, pair.privateKey, message as BufferSource);
      return isEcdsa ? toDer(new Uint8Array(raw)) : new Uint8Array(raw);
    },
  };
}

/** Bytes as PEM, RFC 7468. */
export function pem(label: string, der: Uint8Array): string {
  const lines = der.toBase64().match(/.{1,64}/g)!;
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** Two numbers side by side as `SEQUENCE { INTEGER, INTEGER }`. */
function toDer(raw: Uint8Array): Uint8Array {
  const half = raw.length / 2;
  const numbers = [raw.subarray(0, half), raw.subarray(half)].flatMap((number) => {
    const start = number.findIndex((byte) => byte !== 0);
    const digits = [...number.subarray(start)];
    if (digits[0] > 0x7f) digits.unshift(0);
    return [0x02, digits.length, ...digits];
  });
  return Uint8Array.of(0x30, numbers.length, ...numbers);
}

/** The document that cosign signs for an image. */
export function simpleSigning(
  digest: string,
  type = "cosign container image signature",
): Uint8Array<ArrayBuffer> {
  return bytes(JSON.stringify({
    critical: {
      identity: { "docker-reference": "127.0.0.1/box" },
      image: { "docker-manifest-digest": digest },
      type,
    },
    optional: null,
  }));
}

/** The media type of such a document. */
export const SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json";

/** What a signature calls itself among referrers. */
export const ARTIFACT_TYPE = "application/vnd.dev.cosign.artifact.sig.v1+json";

/** A document in the registry, described with its signature. */
export async function addDocument(
  registry: FaultyRegistry,
  payload: Uint8Array<ArrayBuffer>,
  signature: string | undefined,
): Promise<Descriptor> {
  const descriptor = await registry.addBlob(payload, SIMPLE_SIGNING);
  if (signature === undefined) return descriptor;
  const annotations = { "dev.cosignproject.cosign/signature": signature };
  return { ...descriptor, annotations };
}

/** An image of signed documents: under a tag, or as a referrer of `subject`. */
export async function addSignatures(
  registry: FaultyRegistry,
  layers: Descriptor[],
  where: { tag: string } | { subject: Descriptor },
): Promise<Descriptor> {
  const isReferrer = "subject" in where;
  const config = await registry.addBlob(
    bytes("{}"),
    isReferrer ? ARTIFACT_TYPE : MEDIA_TYPE.OCI_CONFIG,
  );
  const mediaType = MEDIA_TYPE.OCI_MANIFEST;
  const more = isReferrer ? { subject: where.subject } : {};
  const manifest = { schemaVersion: 2, mediaType, config, layers, ...more };
  const tag = isReferrer ? undefined : where.tag;
  return await registry.addManifest("box", tag, manifest, mediaType);
}
