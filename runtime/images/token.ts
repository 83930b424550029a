/**
 * Answers to a registry's challenge: a password, or a token that another server gives for it.
 *
 * The token flow: distribution.github.io/distribution/spec/auth/token, and oauth (refresh tokens).
 *
 * @module
 */

import type { Credentials } from "./auth.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { type HttpRequest, send } from "./http.ts";
import { quoteForeign, RegistryError } from "./registry_error.ts";

/** A token server's answer is a few kilobytes; this is the most that is read of it. */
const MAX_ANSWER = 1024 * 1024;

/** How long a token is good for if its server does not say, in seconds (the specification's). */
const DEFAULT_LIFETIME = 60;

/** What the token servers are asked with: a request's signal, patience and ear for retries. */
export type AskOptions = Pick<HttpRequest, "signal" | "patience" | "onRetry">;

/** The Authorization headers for one registry, as they are found out. */
export class Authorizer {
  readonly #known = new Map<string, { header: string; expires: number }>();
  readonly #asking = new Map<string, Promise<string>>();
  #credentials?: Promise<Credentials | undefined>;

  /**
   * Nothing known yet.
   *
   * @param registry the registry's own URL
   * @param find looks credentials up; asked only when the registry has said that it wants some
   */
  constructor(
    private readonly registry: URL,
    private readonly find: () => Promise<Credentials | undefined>,
  ) {}

  /** The header to send for `scope`, as `repository:library/alpine:pull`, if one is known. */
  current(scope: string): string | undefined {
    const found = this.#known.get(scope) ?? this.#known.get("");
    return found && found.expires > Date.now() ? found.header : undefined;
  }

  /**
   * The header that answers a 401.
   *
   * @param challenge the WWW-Authenticate header
   * @param scope what is wanted, where the challenge does not say
   * @param refused the header that was refused, if one was sent
   * @throws {RegistryError} `unauthorized` if there is nothing (more) to answer with
   */
  async answer(
    challenge: string,
    scope: string,
    refused: string | undefined,
    options: AskOptions,
  ): Promise<string> {
    // Layers are fetched side by side: the first that is refused asks for all of them.
    const renewed = this.current(scope);
    if (renewed !== undefined && renewed !== refused) return renewed;
    const asking = this.#asking.get(scope) ?? this.#ask(challenge, scope, options);
    this.#asking.set(scope, asking);
    try {
      return await asking;
    } finally {
      this.#asking.delete(scope);
    }
  }

  async #ask(header: string, scope: string, options: AskOptions): Promise<string> {
    const challenges = parseChallenges(header);
    const bearer = challenges.find((each) => each.scheme === "bearer");
    this.#credentials ??= this.find();
    const credentials = await this.#credentials;
    if (bearer) {
      const token = credentials && "accessToken" in credentials
        ? { header: `Bearer ${credentials.accessToken}`, expires: Infinity }
        : await this.#askTokenServer(bearer, scope, credentials, options);
      this.#known.set(scope, token);
      return token.header;
    }
    if (challenges.some((each) => each.scheme === "basic")) {
      if (credentials && "username" in credentials) {
        const answer = { header: basic(credentials), expires: Infinity };
        this.#known.set("", answer);
        return answer.header;
      }
      throw this.#unauthorized("it wants a name and a password", "log in to it first");
    }
    throw this.#unauthorized(
      `it wants ${quoteForeign(header) || "credentials of a kind that it does not name"}`,
      "Tiffin can answer Bearer and Basic",
    );
  }

  async #askTokenServer(
    { parameters }: Challenge,
    scope: string,
    credentials: Credentials | undefined,
    options: AskOptions,
  ): Promise<{ header: string; expires: number }> {
    const url = this.#realm(parameters.realm);
    const wanted = { service: parameters.service ?? "", scope: parameters.scope ?? scope };
    const asked = `a token for ${wanted.scope}`;
    const reply = credentials && "identityToken" in credentials
      ? await send({
        ...options,
        url,
        asked,
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams({
          ...wanted,
          grant_type: "refresh_token",
          client_id: "tiffin",
          refresh_token: credentials.identityToken,
        }).toString(),
      })
      : await send({
        ...options,
        url: withQuery(url, wanted),
        asked,
        authorization: credentials && "username" in credentials ? basic(credentials) : undefined,
      });
    const { status } = reply;
    if (status !== 200) {
      await reply.cancel();
      if (status === 429) throw rateLimited(reply.url.host, asked, reply.header("retry-after"));
      if (status === 400 || status === 401 || status === 403) {
        const hint = credentials
          ? "log in again"
          : "check the name; if it is private, log in first";
        throw this.#unauthorized(`${url.host} answered ${status} to a request for ${asked}`, hint);
      }
      throw new RegistryError("server", url.host, asked, `it answered ${status}`, {
        hint: "try again later",
      });
    }
    return this.#readToken(await reply.bytes(MAX_ANSWER), url, asked);
  }

  #readToken(
    bytes: Uint8Array,
    url: URL,
    asked: string,
  ): { header: string; expires: number } {
    const wrong = (came: string) => new RegistryError("server", url.host, asked, came);
    let answer: Record<string, unknown>;
    try {
      answer = JSON.parse(new TextDecoder().decode(bytes)) ?? {};
    } catch {
      throw wrong("something else than JSON came");
    }
    const token = answer.token ?? answer.access_token;
    if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) throw wrong("no token came");
    const lifetime = typeof answer.expires_in === "number" ? answer.expires_in : DEFAULT_LIFETIME;
    // A token that ends while a request is on its way costs one more 401, no more than that.
    return { header: `Bearer ${token}`, expires: Date.now() + lifetime * 900 };
  }

  /** Where the tokens are: never a file, and never plain HTTP for a registry that has TLS. */
  #realm(text: string | undefined): URL {
    const url = URL.parse(text ?? "");
    const encrypted = url?.protocol === "https:";
    if (url && (encrypted || (url.protocol === "http:" && this.registry.protocol === "http:"))) {
      url.username = url.password = "";
      return url;
    }
    throw this.#unauthorized(
      `it sends us for a token to ${JSON.stringify(quoteForeign(text ?? ""))}`,
      "no password goes there",
    );
  }

  #unauthorized(came: string, hint: string): RegistryError {
    return new RegistryError("unauthorized", this.registry.host, "access", came, { hint });
  }
}

/** The error for a server that has had enough of us, with its own word on how long. */
export function rateLimited(host: string, asked: string, retryAfter?: string): RegistryError {
  const pause = retryAfter ? ` (Retry-After: ${quoteForeign(retryAfter)})` : "";
  return new RegistryError("rate-limited", host, asked, `it has had too many requests${pause}`, {
    hint: "wait, or log in: most registries allow more to those they know",
  });
}

function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${new TextEncoder().encode(`${username}:${password}`).toBase64()}`;
}

function withQuery(url: URL, query: Record<string, string>): URL {
  const result = new URL(url);
  for (const [key, value] of Object.entries(query)) {
    // Several scopes, as for a blob from another repository, are a parameter each.
    const values = key === "scope" ? value.split(" ") : [value];
    for (const each of values) if (each) result.searchParams.append(key, each);
  }
  return result;
}
