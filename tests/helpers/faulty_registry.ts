/**
 * A small registry of the tests' own, honest until it is told how to misbehave.
 *
 * It speaks as much of the OCI distribution specification as a pull needs, on 127.0.0.1, and keeps
 * a list of what it was asked.
 *
 * ```ts ignore
 * await using registry = new FaultyRegistry();
 * const image = await registry.addImage("library/box", "1", [layer]);
 * registry.fault("GET /v2/library/box/blobs/", (_request, reply) => cut(reply, 1000), 1);
 * ```
 *
 * @module
 */

import { digestOf } from "../../runtime/images/digest.ts";
import { type Descriptor, MEDIA_TYPE, type Platform } from "../../runtime/images/manifest.ts";

/** Makes another answer of the honest one. */
export type Fault = (request: Request, honest: Response) => Response | Promise<Response>;

/** What the registry was asked. */
export interface Asked {
  /** As `GET /v2/library/box/manifests/1`. */
  line: string;
  headers: Headers;
}

/** An image that was added. */
export interface AddedImage {
  descriptor: Descriptor;
  config: Descriptor;
  layers: Descriptor[];
  diffIds: string[];
}

interface Stored {
  bytes: Uint8Array<ArrayBuffer>;
  mediaType: string;
}

/** A registry on a free port of 127.0.0.1; `await using` ends it. */
export class FaultyRegistry implements AsyncDisposable {
  /** Everything it was asked, in order. */
  readonly asked: Asked[] = [];
  /** What it keeps; manifests by `repository:tag` and `repository@digest`, blobs by digest. */
  readonly manifests = new Map<string, Stored>();
  readonly blobs = new Map<string, Uint8Array<ArrayBuffer>>();
  private readonly faults: { prefix: string; fault: Fault; left: number }[] = [];
  private readonly server: Deno.HttpServer<Deno.NetAddr>;
  private readonly ending = new AbortController();

  constructor() {
    const { signal } = this.ending;
    this.server = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      signal,
      onListen() {},
      onError: () => new Response("the test's registry failed", { status: 500 }),
    }, (request) => this.answer(request));
  }

  /** Host and port, as an image's name begins with. */
  get host(): string {
    return `127.0.0.1:${this.server.addr.port}`;
  }

  /** Adds a blob. */
  async addBlob(
    bytes: Uint8Array<ArrayBuffer>,
    mediaType: string = MEDIA_TYPE.OCI_LAYER,
  ): Promise<Descriptor> {
    const digest = await digestOf(bytes);
    this.blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  }

  /** Adds a manifest, an index, or whatever shall pass for one. */
  async addManifest(
    repository: string,
    tag: string | undefined,
    document: unknown,
    mediaType: string,
  ): Promise<Descriptor> {
    const text = typeof document === "string" ? document : JSON.stringify(document);
    const bytes = new TextEncoder().encode(text);
    const digest = await digestOf(bytes);
    this.manifests.set(`${repository}@${digest}`, { bytes, mediaType });
    if (tag) this.manifests.set(`${repository}:${tag}`, { bytes, mediaType });
    return { mediaType, digest, size: bytes.length };
  }

  /** Adds an image with these layers, which are tar archives not packed any further. */
  async addImage(
    repository: string,
    tag: string | undefined,
    tars: Uint8Array<ArrayBuffer>[],
    platform: Platform = { os: "linux", architecture: "amd64" },
    more: Record<string, unknown> = {},
  ): Promise<AddedImage> {
    const layers = await Promise.all(tars.map((tar) => this.addBlob(tar)));
    const diffIds = layers.map((layer) => layer.digest);
    const rootfs = { type: "layers", diff_ids: diffIds };
    const text = JSON.stringify({ ...platform, config: { Cmd: ["sh"] }, rootfs, ...more });
    const config = await this.addBlob(new TextEncoder().encode(text), MEDIA_TYPE.OCI_CONFIG);
    const mediaType = MEDIA_TYPE.OCI_MANIFEST;
    const manifest = { schemaVersion: 2, mediaType, config, layers };
    const descriptor = await this.addManifest(repository, tag, manifest, mediaType);
    return { descriptor: { ...descriptor, platform }, config, layers, diffIds };
  }

  /** Answers requests whose line begins so by what `fault` makes of them, so many times. */
  fault(prefix: string, fault: Fault, times = Infinity): void {
    this.faults.push({ prefix, fault, left: times });
  }

  /** How many requests had a line that begins so. */
  count(prefix: string): number {
    return this.asked.filter(({ line }) => line.startsWith(prefix)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ending.abort();
    await this.server.finished;
  }

  private async answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const line = `${request.method} ${pathname}${search}`;
    this.asked.push({ line, headers: request.headers });
    const fault = this.faults.find(({ prefix, left }) => left > 0 && line.startsWith(prefix));
    const honest = this.honest(request, pathname);
    if (!fault) return honest;
    fault.left--;
    return await fault.fault(request, honest);
  }

  private honest(request: Request, path: string): Response {
    const [, repository, kind, version] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path) ??
      [];
    if (kind === "manifests") {
      const separator = version.startsWith("sha256:") ? "@" : ":";
      const found = this.manifests.get(`${repository}${separator}${version}`);
      if (found) return new Response(found.bytes, { headers: { "content-type": found.mediaType } });
      return errorReply(404, "MANIFEST_UNKNOWN", "manifest unknown");
    }
    const bytes = this.blobs.get(version);
    return bytes ? blobReply(request, bytes) : errorReply(404, "BLOB_UNKNOWN", "blob unknown");
  }
}

/** The distribution specification's form of an error. */
export function errorReply(
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): Response {
  return Response.json({ errors: [{ code, message }] }, { status, headers });
}

/** The honest answer, but the connection breaks after so many bytes. */
export function cut(honest: Response, after: number): Response {
  return replaceBody(honest, async function* (body) {
    yield (await body).subarray(0, after);
    throw new Error("cut");
  });
}

/** The honest answer, but after so many bytes nothing more comes. */
export async function stall(honest: Response, after: number): Promise<Response> {
  const { status, headers } = honest;
  const beginning = (await honest.bytes()).subarray(0, after);
  const body = new ReadableStream({ start: (controller) => controller.enqueue(beginning) });
  return new Response(body, { status, headers });
}

/** The honest answer, in pieces of this many bytes with a pause of so many milliseconds between. */
export function slowly(honest: Response, piece: number, milliseconds: number): Response {
  return replaceBody(honest, async function* (body) {
    const bytes = await body;
    for (let at = 0; at < bytes.length; at += piece) {
      yield bytes.subarray(at, at + piece);
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
    }
  });
}

/** A body that never ends; `sent` is told how much of it was taken. */
export function endless(sent: (bytes: number) => void): Response {
  let total = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent(total += 65536);
      controller.enqueue(new Uint8Array(65536));
    },
  });
  return new Response(body);
}

/**
 * Makes a registry ask for a token, which a second server hands out.
 *
 * @returns the token server, which is to be disposed of, and what it was asked
 */
export function requireToken(
  registry: FaultyRegistry,
  options: { login?: string; lifetime?: number } = {},
): AsyncDisposable & { realm: string; asked: { url: URL; headers: Headers; body: string }[] } {
  const asked: { url: URL; headers: Headers; body: string }[] = [];
  const tokens = new Set<string>();
  const ending = new AbortController();
  const { signal } = ending;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, signal, onListen() {} },
    async (request) => {
      asked.push({
        url: new URL(request.url),
        headers: request.headers,
        body: await request.text(),
      });
      const wanted = options.login && `Basic ${btoa(options.login)}`;
      if (wanted && request.headers.get("authorization") !== wanted) {
        return Response.json({ details: "incorrect username or password" }, { status: 401 });
      }
      const token = crypto.randomUUID();
      tokens.add(token);
      return Response.json({ token, expires_in: options.lifetime ?? 300 });
    },
  );
  const realm = `http://127.0.0.1:${server.addr.port}/token`;
  registry.fault("GET /v2/", (request, honest) => {
    const token = request.headers.get("authorization")?.replace("Bearer ", "") ?? "";
    if (tokens.has(token)) return honest;
    const scope = `repository:${
      new URL(request.url).pathname.split("/").slice(2, -2).join("/")
    }:pull`;
    return errorReply(401, "UNAUTHORIZED", "authentication required", {
      "www-authenticate": `Bearer realm="${realm}",service="test \\"registry\\"",scope="${scope}"`,
    });
  });
  return {
    realm,
    asked,
    async [Symbol.asyncDispose]() {
      ending.abort();
      await server.finished;
    },
  };
}

function blobReply(request: Request, bytes: Uint8Array<ArrayBuffer>): Response {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? NaN);
  if (Number.isNaN(from)) return new Response(bytes, { headers: length(bytes) });
  if (from >= bytes.length) return errorReply(416, "RANGE_INVALID", "range invalid");
  const rest = bytes.subarray(from);
  const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
  return new Response(rest, { status: 206, headers: { ...length(rest), "content-range": range } });
}

/** A streamed body has no length unless told; and one that is cut shall have announced the whole. */
function length(bytes: Uint8Array): Record<string, string> {
  return { "content-length": String(bytes.length) };
}

function replaceBody(
  honest: Response,
  make: (body: Promise<Uint8Array<ArrayBuffer>>) => AsyncGenerator<Uint8Array<ArrayBuffer>>,
): Response {
  const { status, headers } = honest;
  return new Response(ReadableStream.from(make(honest.bytes())), { status, headers });
}
