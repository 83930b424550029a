/**
 * Searching a registry, where it offers that: Docker Hub's search, which others speak too, or the
 * catalogue of all repositories.
 *
 * No specification has a search. `GET /v1/search` is left of Docker's first protocol, and answers
 * where registries want to be searched; `GET /v2/_catalog` is Docker Distribution's.
 *
 * @module
 */

import { type Credentials, findCredentials } from "./auth.ts";
import { type HttpReply, type HttpRequest, send } from "./http.ts";
import { endpoint } from "./registries.ts";
import { quoteForeign, RegistryError } from "./registry_error.ts";
import { Authorizer } from "./token.ts";

/** A repository that was found. */
export interface Found {
  /** Its name, as `pull` takes it. */
  name: string;
  /** What its owner says of it. */
  description: string;
  /** How many like it. */
  stars: number;
  /** Whether it is one of the registry's own. */
  isOfficial: boolean;
}

/** What {@linkcode searchRegistry} may be told. */
export interface SearchOptions extends Pick<HttpRequest, "signal" | "patience" | "onRetry"> {
  /** The most that are wanted; 25 unless told otherwise. */
  limit?: number;
  /** Looks credentials up; `~/.docker/config.json` and its helpers unless given. */
  credentials?: (registry: string) => Promise<Credentials | undefined>;
}

/** An answer has at most this many bytes. */
const MAX_ANSWER = 8 * 1024 * 1024;
/** The names of a catalogue come in pages of so many, and after so many pages it is enough. */
const PAGE = 1000;
const MAX_PAGES = 20;

/**
 * Looks for repositories with this in their name or description.
 *
 * @param registry the host with its port; `docker.io` for Docker Hub
 * @throws {RegistryError} if it offers no search, or does not answer
 */
export async function searchRegistry(
  registry: string,
  term: string,
  options: SearchOptions = {},
): Promise<Found[]> {
  const { limit = 25, signal, patience, onRetry } = options;
  const ask = { signal, patience, onRetry };
  const isHub = registry === "docker.io";
  const base = isHub ? new URL("https://index.docker.io/v2/") : endpoint(registry);
  const find = options.credentials ?? findCredentials;
  const authorizer = new Authorizer(base, () => find(registry));
  const get = async (path: string, asked: string) => {
    const request: HttpRequest = { ...ask, url: new URL(path, base), asked };
    const reply = await send(request);
    if (reply.status !== 401 || reply.url.origin !== base.origin) return reply;
    await reply.cancel();
    const challenge = reply.header("www-authenticate") ?? "";
    const scope = "registry:catalog:*";
    const authorization = await authorizer.answer(challenge, scope, undefined, ask);
    return await send({ ...request, authorization });
  };

  const query = new URLSearchParams({ q: term, n: String(limit) });
  const asked = `a search for ${JSON.stringify(term)}`;
  const reply = await get(`/v1/search?${query}`, asked);
  if (reply.status === 200) return (await readSearch(reply, asked, registry)).slice(0, limit);
  await reply.cancel();
  if (isHub || reply.status === 429 || reply.status >= 500) throw refused(reply, asked);
  return await searchCatalogue(registry, term, limit, get);
}

async function readSearch(reply: HttpReply, asked: string, registry: string): Promise<Found[]> {
  const { results } = await readJson(reply, asked);
  if (!Array.isArray(results)) throw strange(reply, asked);
  return results.filter((each) => typeof each?.name === "string").map((each) => ({
    name: registry === "docker.io" ? each.name : `${registry}/${each.name}`,
    description: typeof each.description === "string" ? each.description : "",
    stars: Number.isSafeInteger(each.star_count) ? each.star_count : 0,
    isOfficial: each.is_official === true,
  }));
}

/** Goes through the names of all repositories. */
async function searchCatalogue(
  registry: string,
  term: string,
  limit: number,
  get: (path: string, asked: string) => Promise<HttpReply>,
): Promise<Found[]> {
  const asked = "its catalogue of repositories";
  const found: Found[] = [];
  let last = "";
  for (let page = 0; page < MAX_PAGES && found.length < limit; page++) {
    const query = new URLSearchParams({ n: String(PAGE), ...(last === "" ? {} : { last }) });
    const reply = await get(`_catalog?${query}`, asked);
    if (reply.status !== 200) {
      await reply.cancel();
      throw refused(reply, asked);
    }
    const { repositories } = await readJson(reply, asked);
    if (!Array.isArray(repositories)) throw strange(reply, asked);
    const names = repositories.filter((name) => typeof name === "string");
    for (const name of names) {
      if (!name.includes(term)) continue;
      found.push({ name: `${registry}/${name}`, description: "", stars: 0, isOfficial: false });
    }
    const next = names.at(-1);
    if (!reply.header("link") || next === undefined || next === last) break;
    last = next;
  }
  return found.slice(0, limit);
}

async function readJson(reply: HttpReply, asked: string): Promise<Record<string, unknown>> {
  const bytes = await reply.bytes(MAX_ANSWER);
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch {
    throw strange(reply, asked);
  }
}

function strange({ url }: HttpReply, asked: string): RegistryError {
  return new RegistryError("server", url.host, asked, "something else than a list came");
}

function refused({ status, url }: HttpReply, asked: string): RegistryError {
  const came = `it answered ${status}`;
  if (status === 401 || status === 403) {
    return new RegistryError("denied", url.host, asked, came, {
      hint: "log in with an account that may see all of it; most registries let nobody search",
    });
  }
  const isMissing = status === 404 || status === 405 || status === 400;
  return new RegistryError(isMissing ? "not-found" : "server", url.host, asked, came, {
    hint: isMissing
      ? "this registry offers no search: look on its web site"
      : `try again later (${quoteForeign(url.pathname)})`,
  });
}
