/**
 * Image names, as Docker understands them: `alpine` is short for `docker.io/library/alpine:latest`.
 *
 * ```text
 * [host[:port]/]path[/path…][:tag][@sha256:<64 hex digits>]
 * ```
 *
 * The first part is a host if it has a dot or a colon or is `localhost`; otherwise the name is
 * one on Docker Hub. Grammar: github.com/distribution/reference, and OCI distribution-spec v1.1,
 * "Pulling manifests".
 *
 * @module
 */

/** An image name, taken apart and completed. A name has a tag, a digest or both. */
export interface Reference {
  /** The registry's host with its port if one was given; `docker.io` for Docker Hub. */
  registry: string;
  /** The path in the registry, as `library/alpine`. */
  repository: string;
  /** The name that the registry may move to another image. */
  tag?: string;
  /** The name that can only ever mean one image. It wins over the tag. */
  digest?: string;
}

/** An image name that is not one; the message says which rule it breaks. */
export class ImageNameError extends Error {
  /** The class's name, for messages. */
  override name = "ImageNameError";

  /**
   * An error about a whole name.
   *
   * @param text the name as it was typed
   * @param problem the rule that it breaks
   */
  constructor(readonly text: string, problem: string) {
    super(`image name ${JSON.stringify(text)}: ${problem}`);
  }
}

const HUB = "docker.io";
const PATH_PART = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?";
const HOST = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9A-Fa-f:]+\\])(?::(\\d{1,5}))?$`);
/** What a tag is made of. */
export const TAG = /^\w[\w.-]{0,127}$/;

/**
 * Takes an image name apart and fills in what Docker's habit leaves out.
 *
 * @throws {ImageNameError} naming the rule that the name breaks
 */
export function parseReference(text: string): Reference {
  const wrong = (problem: string) => new ImageNameError(text, problem);
  if (text === "") throw wrong("it is empty");
  if (text.includes("://")) throw wrong("leave the protocol off: host/path:tag");
  if (/^[0-9a-f]{64}$/.test(text)) throw wrong("64 hex digits are an image ID, not a name");
  if (text.startsWith("sha256:")) {
    throw wrong("what begins with sha256: is an image ID, not a name");
  }

  const [named, digest, ...more] = text.split("@");
  if (more.length > 0) throw wrong("it has more than one @");
  if (digest !== undefined && !/^sha256:[0-9a-f]{64}$/.test(digest)) {
    throw wrong("after the @ comes a digest: sha256: and 64 hex digits (0 to 9, a to f)");
  }
  const { host, rest } = splitHost(named);
  const colon = rest.indexOf(":");
  const path = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);

  const port = host === undefined ? undefined : HOST.exec(host);
  if (port === null || Number(port?.[1] ?? 0) > 65535) {
    throw wrong(`${JSON.stringify(host)} is not a host with an optional port`);
  }
  if (path === "") throw wrong("the path is missing: [host/]path[:tag]");
  if (path.length > 255) throw wrong(`the path has ${path.length} characters, 255 are allowed`);
  for (const part of path.split("/")) checkPart(part, wrong);
  if (tag !== undefined && !TAG.test(tag)) {
    const rule = "letters, digits, _ . and -, at most 128, not beginning with . or -";
    throw wrong(`${JSON.stringify(tag)} is not a tag: ${rule}`);
  }
  const lower = host?.toLowerCase() ?? HUB;
  const registry = lower === `index.${HUB}` ? HUB : lower;
  const repository = registry === HUB && !path.includes("/") ? `library/${path}` : path;
  const version = tag ?? (digest === undefined ? "latest" : undefined);
  return {
    registry,
    repository,
    ...(version === undefined ? {} : { tag: version }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/**
 * The one spelling of a name that the store keeps: `docker.io/library/alpine:latest`, or, where
 * there is a digest, without the tag: `docker.io/library/alpine@sha256:…`.
 */
export function canonicalName({ registry, repository, tag, digest }: Reference): string {
  const version = digest === undefined ? `:${tag ?? "latest"}` : `@${digest}`;
  return `${registry}/${repository}${version}`;
}

/** The shortest spelling, as a person would type it: `alpine:latest`, `user/app:1`. */
export function familiarName({ registry, repository, tag, digest }: Reference): string {
  const path = registry === HUB
    ? repository.replace(/^library\/(?=[^/]+$)/, "")
    : `${registry}/${repository}`;
  return path + (tag === undefined ? "" : `:${tag}`) + (digest === undefined ? "" : `@${digest}`);
}

function splitHost(named: string): { host?: string; rest: string } {
  const slash = named.indexOf("/");
  const first = named.slice(0, Math.max(slash, 0));
  const isHost = /[.:]/.test(first) || first.toLowerCase() === "localhost";
  return isHost ? { host: first, rest: named.slice(slash + 1) } : { rest: named };
}

function checkPart(part: string, wrong: (problem: string) => Error): void {
  if (PATH_PART.test(part)) return;
  if (part === "") {
    throw wrong("a part of the path is empty: no slash at the ends, no two in a row");
  }
  const shown = JSON.stringify(part);
  const stranger = /[^a-zA-Z0-9._-]/u.exec(part);
  if (stranger) {
    const character = JSON.stringify(stranger[0]);
    throw wrong(`${character} is not allowed: a path has lower-case letters, digits, . _ and -`);
  }
  if (/[A-Z]/.test(part)) {
    throw wrong(`${shown} has a capital: a path is lower case, only a tag may have capitals`);
  }
  throw wrong(
    `${shown}: a part begins and ends with a letter or digit, and between two of them stands ` +
      "one . or one _ or two _ or any number of -",
  );
}
