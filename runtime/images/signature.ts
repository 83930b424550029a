/**
 * Signatures of images, as cosign makes them with a key: found beside the image, and checked.
 *
 * A signature is an image of its own, whose layers are small JSON documents ("simple signing") that
 * name the digest of what is signed; the signature of such a document is an annotation of its
 * descriptor. It is found by a tag made of the digest, `sha256-<hex>.sig`, or as a referrer of the
 * digest. Cosign's SIGNATURE_SPEC.md; containers/image's containers-signature.5; OCI
 * distribution-spec v1.1, "Listing Referrers" and "Referrers Tag Schema".
 *
 * The registry is not trusted: it can hold signatures back, which is then said, but not make any.
 *
 * @module
 */

import { digestOf } from "./digest.ts";
import {
  type Descriptor,
  isIndex,
  type Manifest,
  ManifestError,
  MAX_DOCUMENT,
  parseManifest,
} from "./manifest.ts";
import type { PublicKey } from "./public_key.ts";
import type { Registry } from "./registry.ts";
import { quoteForeign, RegistryError } from "./registry_error.ts";

/** Where signatures are looked for: a repository of a registry. */
export type SignatureSource = Pick<Registry, "url" | "manifest" | "blob" | "request">;

/** Which rule a signature breaks. */
export type SignatureRule =
  /** there is no signature at all */
  | "unsigned"
  /** what there is cannot be read as a signature */
  | "malformed"
  /** the signed document does not hash to the digest that it goes by */
  | "payload"
  /** the key did not make the signature */
  | "key"
  /** the key made it, for another image */
  | "digest";

/** An image without a signature that is good enough. */
export class SignatureError extends Error {
  /** The class's name, for messages. */
  override name = "SignatureError";

  /**
   * Names the image, and what is wrong with each of the signatures that were found.
   *
   * @param image the image's digest
   * @param refused the rules that they break, and how
   */
  constructor(image: string, readonly refused: { rule: SignatureRule; problem: string }[]) {
    const shown = refused.slice(0, TOLD).map(({ problem }) => problem);
    if (refused.length > TOLD) shown.push(`and ${refused.length - TOLD} more`);
    super(`the signature of ${image} cannot be relied on: ${shown.join("; ")}`);
  }
}

/** The media type of a document that is signed. */
const SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json";
/** What a signature calls itself among an image's referrers. */
const ARTIFACT_TYPE = "application/vnd.dev.cosign.artifact.sig.v1+json";
/** The annotation that holds a signature in base64. */
const SIGNATURE = "dev.cosignproject.cosign/signature";
/** What a document says that it is; the second since cosign 2.6. */
const DOCUMENT_TYPES: unknown[] = [
  "cosign container image signature",
  "https://sigstore.dev/cosign/sign/v1",
];

/** What registries answer that keep no list of referrers: 404 by the specification. */
const WITHOUT_LIST = [200, 400, 404, 405, 501];

/** A document has a few hundred bytes. */
const MAX_PAYLOAD = 64 * 1024;
/** An image that more people have signed is made to keep us busy. */
const MOST = 64;
/** Of so many signatures it is said what is wrong with them. */
const TOLD = 5;

/**
 * Finds a signature of the image that the key made, and checks it.
 *
 * @param digest what the image's name stands for in the registry
 * @throws {SignatureError} if there is none: of each that was found, which rule it breaks
 * @throws {RegistryError} if the registry fails otherwise than by having none
 */
export async function verifyImage(
  source: SignatureSource,
  digest: string,
  key: PublicKey,
): Promise<void> {
  const refused: SignatureError["refused"] = [];
  let seen = 0;
  for await (const signature of signatures(source, digest)) {
    const wrong = await check(source, signature, digest, key);
    if (!wrong) return;
    refused.push(wrong);
    if (++seen === MOST) break;
  }
  const none = `${source.url.host} has none for it, neither under the tag ${tagOf(digest)}.sig ` +
    "nor among its referrers";
  throw new SignatureError(
    digest,
    refused.length > 0 ? refused : [{ rule: "unsigned", problem: none }],
  );
}

/** The descriptors of all documents that were signed for the image, as far as the registry tells. */
async function* signatures(source: SignatureSource, digest: string): AsyncGenerator<Descriptor> {
  const tagged = await ifFound(() => source.manifest(`${tagOf(digest)}.sig`));
  if (tagged && !isIndex(tagged.document)) yield* documentsOf(tagged.document);
  const referrers = await referrersOf(source, digest);
  const ours = referrers.filter(({ artifactType }) => artifactType === ARTIFACT_TYPE);
  for (const referrer of ours.slice(0, MOST)) {
    const found = await ifFound(() => source.manifest(referrer.digest));
    if (found && !isIndex(found.document)) yield* documentsOf(found.document);
  }
}

function documentsOf({ layers }: Manifest): Descriptor[] {
  return layers.filter(({ mediaType }) => mediaType === SIMPLE_SIGNING);
}

/** What refers to the image: the registry's own list, else the one that clients keep under a tag. */
async function referrersOf(source: SignatureSource, digest: string): Promise<Descriptor[]> {
  const asked = `the referrers of ${digest}`;
  const query = `?artifactType=${encodeURIComponent(ARTIFACT_TYPE)}`;
  const listed = await ifFound(async () => {
    const reply = await source.request(`referrers/${digest}${query}`, asked, {
      fine: WITHOUT_LIST,
    });
    const bytes = await reply.bytes(MAX_DOCUMENT);
    return reply.status === 200 ? parseManifest(bytes, "") : undefined;
  });
  const found = listed ?? (await ifFound(() => source.manifest(tagOf(digest))))?.document;
  return found && isIndex(found) ? found.manifests : [];
}

/** The rule that a signature breaks; nothing if it is good. */
async function check(
  source: SignatureSource,
  document: Descriptor,
  image: string,
  key: PublicKey,
): Promise<SignatureError["refused"][number] | undefined> {
  const name = `the one of ${document.digest}`;
  const wrong = (rule: SignatureRule, problem: string) => ({
    rule,
    problem: `${name} ${problem}`,
  });
  const signature = decodeBase64(document.annotations?.[SIGNATURE]);
  if (!signature) return wrong("malformed", `has no annotation ${SIGNATURE} in base64`);
  if (document.size > MAX_PAYLOAD) {
    return wrong("malformed", `has ${document.size} bytes, ${MAX_PAYLOAD} are allowed`);
  }
  const { reply } = await source.blob(document);
  const payload = await reply.bytes(MAX_PAYLOAD);
  const actual = await digestOf(payload);
  if (actual !== document.digest) return wrong("payload", `came as ${actual}`);
  if (!await key.verify(signature, payload)) return wrong("key", "was not made with this key");
  // From here on it is what the key's owner has written.
  const signed = digestIn(payload);
  if (signed === undefined) return wrong("malformed", "is not about an image");
  if (signed === image) return undefined;
  return wrong("digest", `was made for another image, ${quoteForeign(signed)}`);
}

/** The digest that a document names, if it is about an image. */
function digestIn(payload: Uint8Array): string | undefined {
  try {
    const { critical } = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
    const digest = critical.image["docker-manifest-digest"];
    return DOCUMENT_TYPES.includes(critical.type) ? String(digest) : undefined;
  } catch {
    return undefined;
  }
}

/** `sha256:…` as a tag can have it. */
function tagOf(digest: string): string {
  return digest.replace(":", "-");
}

function decodeBase64(text: string | undefined): Uint8Array | undefined {
  try {
    return text === undefined ? undefined : Uint8Array.fromBase64(text);
  } catch {
    return undefined;
  }
}

/** What is not there, and what is there under the name and is no manifest, is no signature. */
async function ifFound<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof RegistryError && error.kind === "not-found") return undefined;
    if (error instanceof ManifestError) return undefined;
    throw error;
  }
}
