/**
 * What can go wrong with a registry, in kinds that a caller can act on.
 *
 * @module
 */

/**
 * - `unreachable`: no answer came: no network, no such host, connection refused, a stall
 * - `unauthorized`: the registry wants (other) credentials
 * - `denied`: the registry knows who asks and says no
 * - `not-found`: there is no such image, tag or platform
 * - `rate-limited`: too many requests
 * - `corrupt`: bytes came that are not what they were announced to be
 * - `server`: the registry failed, or broke the protocol
 */
export type RegistryErrorKind =
  | "unreachable"
  | "unauthorized"
  | "denied"
  | "not-found"
  | "rate-limited"
  | "corrupt"
  | "server";

/** A request that came to nothing: who was asked, for what, what came, what to try. */
export class RegistryError extends Error {
  /** The class's name, for messages. */
  override name = "RegistryError";
  /** Whether the same request, sent again, may well succeed. */
  readonly passing: boolean;

  /**
   * An error about one request.
   *
   * @param kind what the caller can act on
   * @param host who was asked
   * @param asked for what, as `the manifest of library/alpine:latest`
   * @param came what happened instead
   * @param more the next thing to try, what caused it, and whether it may pass by itself
   */
  constructor(
    readonly kind: RegistryErrorKind,
    readonly host: string,
    asked: string,
    came: string,
    more: { hint?: string; cause?: unknown; passing?: boolean } = {},
  ) {
    const hint = more.hint === undefined ? "" : `: ${more.hint}`;
    super(`${host}: asked for ${asked}, but ${came}${hint}`, { cause: more.cause });
    this.passing = more.passing ?? false;
  }
}

/** Text from a stranger inside a message of ours: one line, short, nothing that a terminal obeys. */
export function quoteForeign(text: string): string {
  // deno-lint-ignore no-control-regex
  const line = text.replace(/[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+/g, " ").trim();
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}
