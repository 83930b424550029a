/**
 * One HTTP exchange with a server that may be slow, busy, gone or hostile.
 *
 * `fetch` alone would wait for ever, follow a redirect anywhere (also to `file:`), and hand on a
 * body of any length. Here every wait has an end, a redirect takes no password along and never
 * leads from https to http, and what is read has a limit.
 *
 * @module
 */

import { clientFor } from "./connections.ts";
import { delay } from "./file_lock.ts";
import { quoteForeign, RegistryError } from "./registry_error.ts";

/** How long to wait and how often to try; every time in milliseconds. */
export interface Patience {
  /** No byte for so long, in the head or the body, is a stall. */
  stall: number;
  /** Tries in all, the first one included. */
  attempts: number;
  /** The pause before the second try; it doubles with each further one. */
  backoff: number;
  /** A server that asks for a longer pause than this is not waited for. */
  longestPause: number;
}

/** What is waited for a registry unless told otherwise. */
export const PATIENCE: Patience = {
  stall: 30_000,
  attempts: 5,
  backoff: 500,
  longestPause: 60_000,
};

/** One request. */
export interface HttpRequest {
  /** Where to. */
  url: URL;
  /** What is asked for, for error messages. */
  asked: string;
  /** GET unless given. Only GET and HEAD are redirected and tried again. */
  method?: string;
  /** Headers beside those that every request has. */
  headers?: Record<string, string>;
  /** What is sent along: whole, or in pieces that can be had again for another try. */
  body?: string | Uint8Array<ArrayBuffer> | (() => AsyncIterable<Uint8Array>);
  /** The Authorization header: for this URL's origin alone. */
  authorization?: string;
  /** Gives up when it fires, also while the body is read. */
  signal?: AbortSignal;
  /** How long to wait and how often to try. */
  patience?: Patience;
  /** Told before each further try: why, and after how many milliseconds. */
  onRetry?: (reason: string, pause: number) => void;
}

/** An answer, of which the head has come. Its body must be read to the end or cancelled. */
export class HttpReply {
  /** What fetch gave, and where it came from in the end. */
  constructor(
    private readonly response: Response,
    readonly url: URL,
    private readonly asked: string,
    private readonly watchdog: Watchdog,
  ) {}

  /** The status code. */
  get status(): number {
    return this.response.status;
  }

  /** A header's value. */
  header(name: string): string | undefined {
    return this.response.headers.get(name) ?? undefined;
  }

  /**
   * The body, piece by piece.
   *
   * @throws {RegistryError} `unreachable` if it stalls or is cut
   */
  async *pieces(): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    try {
      for await (const bytes of this.response.body ?? []) {
        this.watchdog.feed();
        yield bytes;
      }
    } catch (error) {
      throw this.watchdog.explain(error, this.url, this.asked, true);
    } finally {
      this.watchdog.stop();
    }
  }

  /**
   * The whole body.
   *
   * @param limit the most bytes to take
   * @throws {RegistryError} `corrupt` if there are more
   */
  async bytes(limit: number): Promise<Uint8Array<ArrayBuffer>> {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    for await (const piece of this.pieces()) {
      pieces.push(piece);
      length += piece.length;
      if (length > limit) {
        throw new RegistryError(
          "corrupt",
          this.url.host,
          this.asked,
          `more than ${limit} bytes came, which is the most allowed`,
        );
      }
    }
    return new Uint8Array(await new Blob(pieces).arrayBuffer());
  }

  /** Gives the body up. */
  async cancel(): Promise<void> {
    this.watchdog.stop();
    await this.response.body?.cancel().catch(() => {});
  }
}

/**
 * Sends a request, follows redirects, and tries again what may pass: 429, 5xx, a cut connection.
 *
 * @returns the last answer, whatever its status
 * @throws {RegistryError} `unreachable` if there is none, `server` for a redirect that is refused
 */
export async function send(request: HttpRequest): Promise<HttpReply> {
  const { attempts, backoff, longestPause } = request.patience ?? PATIENCE;
  const repeatable = request.method === undefined || /^(GET|HEAD)$/.test(request.method);
  for (let attempt = 1;; attempt++) {
    const last = attempt >= attempts || !repeatable;
    let pause = backoff * 2 ** (attempt - 1);
    let reason: string;
    try {
      const reply = await follow(request);
      if (last || !isPassing(reply.status)) return reply;
      pause = Math.max(pause, retryAfter(reply.header("retry-after")));
      if (pause > longestPause) return reply;
      reason = `${reply.url.host} answered ${reply.status}`;
      await reply.cancel();
    } catch (error) {
      if (last || !(error instanceof RegistryError && error.passing)) throw error;
      reason = error.message;
    }
    request.onRetry?.(reason, pause);
    await delay(pause, request.signal);
  }
}

/** A Retry-After header's pause in milliseconds (RFC 9110, 10.2.3): seconds or a date; 0 if none. */
export function retryAfter(value: string | undefined, now = Date.now()): number {
  if (value === undefined) return 0;
  const pause = /^\s*\d+\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(pause) ? 0 : Math.max(0, pause);
}

function isPassing(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501);
}

async function follow(request: HttpRequest): Promise<HttpReply> {
  let { url, authorization } = request;
  for (let hops = 0; hops <= 10; hops++) {
    const reply = await once(request, url, authorization);
    const location = reply.header("location");
    const redirects = [301, 302, 303, 307, 308].includes(reply.status) && location !== undefined;
    if (!redirects || !/^(GET|HEAD)$/.test(request.method ?? "GET")) return reply;
    await reply.cancel();
    const next = redirectTarget(location, url, request.asked);
    // The password is for the one who asked for it: a blob's storage is somebody else.
    if (next.origin !== url.origin) authorization = undefined;
    url = next;
  }
  throw new RegistryError(
    "server",
    url.host,
    request.asked,
    "it was redirected more than 10 times",
  );
}

/**
 * Where a redirect leads, if it may: nowhere but http and https, and never down from https.
 *
 * @throws {RegistryError} `server` if it may not
 */
export function redirectTarget(location: string, from: URL, asked: string): URL {
  const refuse = (why: string) => {
    const came = `was redirected to ${quoteForeign(location)}, ${why}`;
    return new RegistryError("server", from.host, asked, came);
  };
  const next = URL.parse(location, from.href);
  if (next === null) throw refuse("which is not a URL");
  if (next.protocol !== "http:" && next.protocol !== "https:") throw refuse("which is not HTTP");
  if (from.protocol === "https:" && next.protocol === "http:") {
    throw refuse("out of the encrypted connection");
  }
  next.username = next.password = "";
  return next;
}

async function once(request: HttpRequest, url: URL, authorization?: string): Promise<HttpReply> {
  const watchdog = new Watchdog((request.patience ?? PATIENCE).stall, request.signal);
  const headers: Record<string, string> = {
    "user-agent": "tiffin",
    // Digests are of the bytes as stored: no server shall pack them for the way.
    "accept-encoding": "identity",
    ...request.headers,
    ...(authorization === undefined ? {} : { authorization }),
  };
  try {
    const { method } = request;
    const { signal } = watchdog;
    const body = typeof request.body === "function"
      ? ReadableStream.from(watchdog.watch(request.body()))
      : request.body;
    const client = clientFor(url);
    const init = { method, body, headers, signal, client, redirect: "manual" } as const;
    const response = await fetch(url, init);
    watchdog.feed();
    return new HttpReply(response, url, request.asked, watchdog);
  } catch (error) {
    watchdog.stop();
    throw watchdog.explain(error, url, request.asked, false);
  }
}

/** Fires when nothing has come for too long, or when the caller's own signal does. */
class Watchdog {
  readonly signal: AbortSignal;
  private readonly stalled = new AbortController();
  private readonly timer: ReturnType<typeof setInterval>;
  private fed = performance.now();

  constructor(private readonly patience: number, private readonly callers?: AbortSignal) {
    this.signal = callers ? AbortSignal.any([callers, this.stalled.signal]) : this.stalled.signal;
    this.timer = setInterval(() => {
      if (performance.now() - this.fed > patience) this.stalled.abort();
    }, patience / 4);
  }

  feed(): void {
    this.fed = performance.now();
  }

  /** Hands pieces on; each that is asked for is a sign of life. */
  async *watch(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces) {
      this.feed();
      yield piece;
    }
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /**
   * What a failed fetch is to the caller.
   *
   * @param answering whether the server had begun to answer: one that never did is not asked again,
   *   for behind a network that swallows everything each try would take as long as the first
   */
  explain(error: unknown, { host }: URL, asked: string, answering: boolean): unknown {
    if (this.callers?.aborted) return this.callers.reason;
    if (this.stalled.signal.aborted) {
      const came = `nothing came for ${this.patience / 1000} s`;
      return new RegistryError("unreachable", host, asked, came, {
        passing: answering,
        hint: answering ? undefined : "check the host's name and this machine's network",
      });
    }
    // fetch reports everything that goes wrong on the network as a TypeError.
    if (!(error instanceof TypeError || error instanceof Deno.errors.Http)) return error;
    const detail = error.cause instanceof Error ? error.cause.message : error.message;
    const reason = quoteForeign(innermost(detail));
    // fetch refuses the ports of other protocols, and will the next time.
    const unconnected = /client error \(Connect\)|Requests to port \d+ are blocked/.test(detail);
    const came = unconnected
      ? `no connection could be made (${reason})`
      : `the connection broke (${reason})`;
    return new RegistryError("unreachable", host, asked, came, {
      cause: error,
      passing: !unconnected,
      hint: unconnected ? connectHint(reason) : undefined,
    });
  }
}

/** Of the reasons that fetch strings together, the innermost: the one that a person can use. */
function innermost(detail: string): string {
  return detail.replace(/^error sending request.*?: client error \(\w+\): /, "")
    .replace(/^(dns error|tcp connect error): /, "");
}

function connectHint(reason: string): string {
  if (/InvalidContentType/.test(reason)) {
    return "the server does not speak TLS there; plain HTTP is used with this machine's own addresses alone";
  }
  if (/certificate/.test(reason)) {
    return "if its certificate is of an authority of your own, name that one's file in DENO_CERT";
  }
  return "check the host's name and this machine's network";
}
