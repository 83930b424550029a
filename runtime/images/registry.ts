/**
 * A registry, as one repository in it is read: manifests by tag or digest, blobs by digest.
 *
 * OCI distribution-spec v1.1, "Pull". Whatever a registry sends is checked before anything is done
 * with it: length, SHA-256, and for manifests each field.
 *
 * @module
 */

import { type Credentials, findCredentials } from "./auth.ts";
import { digestOf, isDigest } from "./digest.ts";
import { type HttpReply, type HttpRequest, type Patience, send } from "./http.ts";
import {
  type Descriptor,
  type Index,
  type Manifest,
  MAX_DOCUMENT,
  MEDIA_TYPE,
  parseManifest,
} from "./manifest.ts";
import type { Reference } from "./reference.ts";
import { endpoint } from "./registries.ts";
import { quoteForeign, RegistryError } from "./registry_error.ts";
import { Authorizer, rateLimited } from "./token.ts";

export { endpoint };

/** What a {@linkcode Registry} may be told. */
export interface RegistryOptions {
  /** Looks credentials up for a host; `~/.docker/config.json` and its helpers unless given. */
  credentials?: (registry: string) => Promise<Credentials | undefined>;
  /** How long to wait and how often to try. */
  patience?: Patience;
  /** Ends every request. */
  signal?: AbortSignal;
  /** Told before a request is tried again: why, and after how many milliseconds. */
  onRetry?: (reason: string, pause: number) => void;
}

/** How a request differs from one that reads. */
export interface RegistryRequest
  extends Pick<HttpRequest, "method" | "headers" | "body" | "patience"> {
  /** What is wanted of the repository; `pull` unless told otherwise. */
  actions?: "pull" | "pull,push";
  /** What is wanted beside that, as `repository:other/path:pull`. */
  scope?: string;
  /** The status codes that are no errors; 200 unless told otherwise. */
  fine?: readonly number[];
}

/** What blobs are fetched from: a repository in a registry. */
export interface BlobSource {
  /** Where it is. */
  readonly url: URL;
  /** {@linkcode Registry.blob} */
  blob(descriptor: Descriptor, from?: number): Promise<{ offset: number; reply: HttpReply }>;
}

/** A manifest or index as it came, its bytes checked against its digest. */
export interface FetchedManifest {
  /** Its media type, digest and length. */
  descriptor: Descriptor;
  /** The document as it came. */
  bytes: Uint8Array;
  /** The document as it was understood. */
  document: Manifest | Index;
}

const ACCEPT = [
  MEDIA_TYPE.OCI_INDEX,
  MEDIA_TYPE.OCI_MANIFEST,
  MEDIA_TYPE.DOCKER_LIST,
  MEDIA_TYPE.DOCKER_MANIFEST,
].join(", ");

/** What is read of an error's body. */
const MAX_ERROR = 64 * 1024;

/** One repository of a registry. */
export class Registry {
  /** The URL that everything of the repository is under, `https://host/v2/path/`. */
  readonly url: URL;
  readonly #authorizer: Authorizer;

  /**
   * The repository of that name; nothing is asked of it yet.
   *
   * @param base where the registry answers, where that is not what its name says
   */
  constructor(
    private readonly name: Pick<Reference, "registry" | "repository">,
    private readonly options: RegistryOptions = {},
    base: URL = endpoint(name.registry),
  ) {
    this.url = new URL(`${name.repository}/`, base);
    const find = options.credentials ?? findCredentials;
    this.#authorizer = new Authorizer(this.url, () => find(name.registry));
  }

  /**
   * Fetches a manifest or an index.
   *
   * @param version a tag or a digest
   * @throws {RegistryError} if it does not come, or not as its digest says
   * @throws {ManifestError} if it is not a manifest
   */
  async manifest(version: string): Promise<FetchedManifest> {
    const asked = `the manifest of ${this.#title(version)}`;
    const reply = await this.request(`manifests/${version}`, asked, {
      headers: { accept: ACCEPT },
    });
    const bytes = await reply.bytes(MAX_DOCUMENT);
    const digest = await digestOf(bytes);
    const named = isDigest(version) ? version : reply.header("docker-content-digest");
    if (isDigest(named) && named !== digest) {
      throw new RegistryError(
        "corrupt",
        this.url.host,
        asked,
        `bytes came that hash to ${digest} instead of ${named}`,
        {
          hint: "the registry, or somebody on the way to it, is not to be trusted with this image",
        },
      );
    }
    const sent = (reply.header("content-type") ?? "").split(";")[0].trim().toLowerCase();
    const document = parseManifest(bytes, sent);
    const { mediaType } = document;
    return { descriptor: { mediaType, digest, size: bytes.length }, bytes, document };
  }

  /**
   * Asks for a blob.
   *
   * @param from the first byte wanted; a server may send the whole blob all the same
   * @returns the bytes as they come, unchecked, and the offset in the blob that they begin at
   */
  async blob(descriptor: Descriptor, from = 0): Promise<{ offset: number; reply: HttpReply }> {
    const { digest, size } = descriptor;
    const asked = `blob ${digest} of ${this.#title()}`;
    const part = { headers: { range: `bytes=${from}-` }, fine: [200, 206, 416] };
    const reply = await this.request(`blobs/${digest}`, asked, from > 0 ? part : {});
    if (reply.status === 416) {
      await reply.cancel();
      return await this.blob(descriptor);
    }
    if (reply.status !== 206) return { offset: 0, reply };
    const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(reply.header("content-range") ?? "");
    if (range && Number(range[1]) === from && (range[3] === "*" || Number(range[3]) === size)) {
      return { offset: from, reply };
    }
    await reply.cancel();
    throw new RegistryError(
      "server",
      this.url.host,
      asked,
      "another part of it came than was asked",
    );
  }

  /**
   * Sends a request, a GET unless told otherwise, answers the registry's challenge, and makes an
   * error of whatever is not a success.
   *
   * @param where a path in the repository, or a URL that the registry itself has named
   * @param asked what is asked for, for error messages
   * @throws {RegistryError}
   */
  async request(
    where: string | URL,
    asked: string,
    { actions = "pull", scope: more, fine = [200], ...rest }: RegistryRequest = {},
  ): Promise<HttpReply> {
    const { signal, patience, onRetry } = this.options;
    const ask = { signal, patience, onRetry };
    const own = `repository:${this.name.repository}:${actions}`;
    const scope = more === undefined ? own : `${own} ${more}`;
    const url = new URL(where, this.url);
    const request: HttpRequest = { ...ask, ...rest, url, asked };
    // Elsewhere, where a registry may send an upload, nobody is to see our password.
    const isOurs = url.origin === this.url.origin;
    let authorization = isOurs ? this.#authorizer.current(scope) : undefined;
    let reply = await send({ ...request, authorization });
    // Nor is a 401 from elsewhere, after a redirect, for it.
    if (reply.status === 401 && isOurs && reply.url.origin === this.url.origin) {
      await reply.cancel();
      const challenge = reply.header("www-authenticate") ?? "";
      authorization = await this.#authorizer.answer(challenge, scope, authorization, ask);
      reply = await send({ ...request, authorization });
    }
    if (fine.includes(reply.status)) return reply;
    throw await this.#refusal(reply, asked, actions);
  }

  async #refusal(
    reply: HttpReply,
    asked: string,
    actions: RegistryRequest["actions"],
  ): Promise<RegistryError> {
    const { status } = reply;
    const { host } = reply.url;
    const came = `it answered ${status}${await errorText(reply)}`;
    const hint = (text: string) => ({ hint: text });
    switch (status) {
      case 401:
        return new RegistryError(
          "unauthorized",
          host,
          asked,
          came,
          hint(
            "check the name; if it is private, log in to the registry with an account that may read it",
          ),
        );
      case 403:
        return new RegistryError(
          "denied",
          host,
          asked,
          came,
          hint(`this account may not ${actions === "pull" ? "read" : "write to"} it`),
        );
      case 404:
        return new RegistryError(
          "not-found",
          host,
          asked,
          came,
          hint("check the name and the tag"),
        );
      case 429:
        return rateLimited(host, asked, reply.header("retry-after"));
      default:
        return new RegistryError("server", host, asked, came, hint("try again later"));
    }
  }

  #title(version?: string): string {
    const { repository } = this.name;
    if (version === undefined) return repository;
    return `${repository}${isDigest(version) ? "@" : ":"}${version}`;
  }
}

/** The registry's own words on an error (distribution-spec, "Error Codes"), if it has any. */
async function errorText(reply: HttpReply): Promise<string> {
  try {
    const text = new TextDecoder().decode(await reply.bytes(MAX_ERROR));
    const { code, message } = JSON.parse(text).errors[0];
    const words = [code, message].filter((each) => typeof each === "string" && each !== "");
    return words.length > 0 ? ` (${quoteForeign(words.join(": "))})` : "";
  } catch {
    return "";
  }
}
