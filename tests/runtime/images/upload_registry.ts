/**
 * A registry of the tests' own that takes uploads, honest until it is told how to misbehave.
 *
 * @module
 */

import { digestOf } from "../../../runtime/images/digest.ts";
import { errorReply } from "../../helpers/faulty_registry.ts";

/** Answers a request in the registry's place, or lets it be. */
export type Fault = (request: Request) => Response | undefined | Promise<Response | undefined>;

/** A registry on a free port of 127.0.0.1; `await using` ends it. */
export class UploadRegistry implements AsyncDisposable {
  /** What it was asked, as `PUT /v2/a/manifests/1`, in order. */
  readonly asked: string[] = [];
  /** The blobs by `repository@digest`. */
  readonly blobs = new Map<string, Uint8Array<ArrayBuffer>>();
  /** The manifests by `repository:tag`. */
  readonly manifests = new Map<string, { bytes: Uint8Array<ArrayBuffer>; mediaType: string }>();
  /** What is tried before the honest answer. */
  fault: Fault = () => undefined;
  readonly #uploads = new Map<string, Uint8Array<ArrayBuffer>[]>();
  readonly #ending = new AbortController();
  readonly #server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    signal: this.#ending.signal,
    onListen() {},
    onError: () => new Response("the test's registry failed", { status: 500 }),
  }, (request) => this.#answer(request));

  /** Host and port. */
  get host(): string {
    return `127.0.0.1:${this.#server.addr.port}`;
  }

  /** Takes so many bytes of an upload's request, as a connection does that breaks then. */
  async takePart(request: Request, length: number): Promise<void> {
    const parts = this.#uploads.get(new URL(request.url).pathname.split("/").at(-1)!)!;
    for await (const piece of request.body!) {
      parts.push(piece);
      if ((length -= piece.length) <= 0) return;
    }
  }

  /** How many requests had a line that begins so. */
  count(prefix: string): number {
    return this.asked.filter((line) => line.startsWith(prefix)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#server.finished;
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, searchParams: query } = new URL(request.url);
    this.asked.push(`${request.method} ${pathname}${query.size > 0 ? `?${query}` : ""}`);
    const wrong = await this.fault(request);
    if (wrong) return wrong;
    const [, repository, kind, rest] = /^\/v2\/(.+)\/(blobs\/uploads|blobs|manifests)\/(.*)$/
      .exec(pathname) ?? [];
    if (kind === "manifests") {
      const bytes = await request.bytes();
      const mediaType = request.headers.get("content-type") ?? "";
      this.manifests.set(`${repository}:${rest}`, { bytes, mediaType });
      const digest = await digestOf(bytes);
      return new Response(null, { status: 201, headers: { "docker-content-digest": digest } });
    }
    if (kind === "blobs") {
      const found = this.blobs.has(`${repository}@${rest}`);
      return found ? new Response(null) : errorReply(404, "BLOB_UNKNOWN", "blob unknown");
    }
    if (kind === "blobs/uploads") return await this.#upload(request, repository, rest, query);
    return errorReply(404, "UNSUPPORTED", "not here");
  }

  async #upload(
    request: Request,
    repository: string,
    id: string,
    query: URLSearchParams,
  ): Promise<Response> {
    const at = (status: number, id: string) => {
      const length = new Blob(this.#uploads.get(id)).size;
      const location = `/v2/${repository}/blobs/uploads/${id}?state=${length}`;
      return new Response(null, { status, headers: { location, range: `0-${length - 1}` } });
    };
    if (request.method === "POST") {
      const [digest, from] = [query.get("mount"), query.get("from")];
      const mounted = this.blobs.get(`${from}@${digest}`);
      if (mounted) {
        this.blobs.set(`${repository}@${digest}`, mounted);
        return new Response(null, { status: 201 });
      }
      const fresh = crypto.randomUUID();
      this.#uploads.set(fresh, []);
      return at(202, fresh);
    }
    const parts = this.#uploads.get(id);
    if (!parts) return errorReply(404, "BLOB_UPLOAD_UNKNOWN", "upload unknown");
    if (request.method === "GET") return at(204, id);
    for await (const piece of request.body ?? []) parts.push(piece);
    if (request.method === "PATCH") return at(202, id);
    const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
    const digest = query.get("digest")!;
    if (await digestOf(bytes) !== digest) return errorReply(400, "DIGEST_INVALID", "other bytes");
    this.blobs.set(`${repository}@${digest}`, bytes);
    return new Response(null, { status: 201 });
  }
}
