/**
 * A key that signs images, and a signature where cosign keeps it: under a tag beside the image.
 *
 * @module
 */

import type { SmallRegistry } from "../registry.ts";

/** A key, and what is done with its secret half. */
export interface Signer {
  /** the public half, as cosign.pub */
  pem: string;
  /** signs a message */
  sign(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
}

const ALGORITHM = {
  name: "RSASSA-PKCS1-v1_5",
  hash: "SHA-256",
  modulusLength: 2048,
  publicExponent: Uint8Array.of(1, 0, 1),
} as const;

/** A new key. */
export async function newSigner(): Promise<Signer> {
  const pair = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
  const lines = spki.toBase64().match(/.{1,64}/g)!;
  return {
    pem: `-----BEGIN PUBLIC KEY-----\n${lines.join("\n")}\n-----END PUBLIC KEY-----\n`,
    sign: async (message) =>
      new Uint8Array(await crypto.subtle.sign(ALGORITHM.name, pair.privateKey, message)),
  };
}

/** Signs an image: the document names its digest, and nothing that could be exchanged unseen. */
export async function signImage(
  registry: SmallRegistry,
  name: string,
  digest: string,
  signer: Signer,
): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify({
    critical: {
      identity: { "docker-reference": `${registry.host}/${name}` },
      image: { "docker-manifest-digest": digest },
      type: "cosign container image signature",
    },
    optional: null,
  }));
  const signature = (await signer.sign(bytes)).toBase64();
  await registry.attach(name, `${digest.replace(":", "-")}.sig`, {
    mediaType: "application/vnd.dev.cosign.simplesigning.v1+json",
    bytes,
    annotations: { "dev.cosignproject.cosign/signature": signature },
  });
}
