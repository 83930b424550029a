/**
 * The WWW-Authenticate header: what a server wants to see before it answers.
 *
 * ```text
 * Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull"
 * ```
 *
 * RFC 9110, 11.6.1. A header can hold several challenges, parted by the same comma that parts the
 * parameters of one.
 *
 * @module
 */

/** One way to authenticate that the server takes. */
export interface Challenge {
  /** `basic`, `bearer`, …: in lower case. */
  scheme: string;
  /** The parameters, their names in lower case. */
  parameters: Record<string, string>;
}

/** A longer header is not read: no honest challenge comes near. */
const MAX_HEADER = 8192;

/** The challenges of a header, as far as it follows the grammar. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  if (header.length > MAX_HEADER) return challenges;
  const token = "[\\w!#$%&'*+.^`|~-]+";
  const parameter = new RegExp(
    `[\\s,]*(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))`,
    "y",
  );
  const scheme = new RegExp(
    `[\\s,]*(${token})(?=[\\s,]|$)(?:[ \\t]+[\\w.~+/-]+=*(?=\\s*(?:,|$)))?`,
    "y",
  );

  for (let at = 0; at < header.length;) {
    parameter.lastIndex = scheme.lastIndex = at;
    const found = challenges.length > 0 ? parameter.exec(header) : null;
    if (found) {
      const value = found[3] ?? found[2].replace(/\\(.)/g, "$1");
      challenges.at(-1)!.parameters[found[1].toLowerCase()] = value;
      at = parameter.lastIndex;
      continue;
    }
    const next = scheme.exec(header);
    if (!next) break;
    challenges.push({ scheme: next[1].toLowerCase(), parameters: Object.create(null) });
    at = scheme.lastIndex;
  }
  return challenges;
}
