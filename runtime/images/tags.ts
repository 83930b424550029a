/**
 * The tags of a repository, asked of its registry page by page.
 *
 * OCI distribution-spec v1.1, "Listing Tags": a page may be shorter than was asked for, and a Link
 * header (RFC 8288) says where the next one is.
 *
 * @module
 */

import { Mirrored, type MirroredOptions } from "./mirrors.ts";
import { type Reference, TAG } from "./reference.ts";
import { quoteForeign, RegistryError } from "./registry_error.ts";

/** A page of so many tags is wanted; registries may send fewer. */
const PAGE = 1000;
/** What is read of a page. */
const MAX_PAGE = 4 * 1024 * 1024;
/** More tags than these are not a repository to take whole. */
const MOST = 10_000;

/**
 * All tags of the repository, in the registry's order.
 *
 * @throws {RegistryError} `server` if the registry sends something else than a list, or one that
 *   does not end
 */
export async function listTags(
  name: Pick<Reference, "registry" | "repository">,
  options: MirroredOptions = {},
): Promise<string[]> {
  const source = new Mirrored(name, options);
  const asked = `the tags of ${name.repository}`;
  const wrong = (came: string) =>
    new RegistryError("server", source.url.host, asked, came, {
      hint: "name the tags that are wanted instead",
    });
  const tags = new Set<string>();
  let next: string | undefined = `tags/list?n=${PAGE}`;
  while (next !== undefined) {
    const before = tags.size;
    const reply = await source.request(next, asked);
    const page = readPage(new TextDecoder().decode(await reply.bytes(MAX_PAGE)));
    if (!page) throw wrong("something else than a list came");
    for (const tag of page) {
      if (!TAG.test(tag)) throw wrong(`one of them is ${JSON.stringify(quoteForeign(tag))}`);
      tags.add(tag);
    }
    if (tags.size > MOST) throw wrong(`it has more than ${MOST}`);
    next = nextPage(reply.header("link"));
    if (next !== undefined && tags.size === before) throw wrong("its list does not end");
  }
  return [...tags];
}

/** The tags on a page; `null` stands for none. */
function readPage(text: string): string[] | undefined {
  try {
    const tags = JSON.parse(text).tags ?? [];
    return Array.isArray(tags) && tags.every((tag) => typeof tag === "string") ? tags : undefined;
  } catch {
    return undefined;
  }
}

/** What follows `tags/list` in the link to the next page, which is one in the same repository. */
function nextPage(link: string | undefined): string | undefined {
  const [, query] = /<[^>]*\/tags\/list(\?[^>#]*)>\s*;\s*rel="?next"?/.exec(link ?? "") ?? [];
  return query === undefined ? undefined : `tags/list${query}`;
}
