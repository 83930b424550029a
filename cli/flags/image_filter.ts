/**
 * `--filter` of `images` and of `image prune`: which images are meant, in Docker's words.
 *
 * @module
 */

import type { Image } from "../../runtime/images/store.ts";
import { madeAt } from "../known_images.ts";
import { wrongValue } from "./grammar.ts";
import { parseMoment } from "./times.ts";
import { hasLabel, parsePair, parseWord } from "./values.ts";

/** A name in the store, and its image unless that is damaged. */
export interface NamedImage {
  /** the name's parts, as the table shows them */
  repository: string;
  /** `<none>` for a name without one */
  tag: string;
  /** the image */
  image?: Image;
}

/** Whether an image is meant. */
export type ImageFilter = (named: NamedImage) => boolean;

/** Tells when the image of this name was made. */
export type MadeOf = (name: string) => Promise<number>;

/** A filter's reader: it gets the value, and the whole for errors. */
type Reader = (value: string, text: string, madeOf: MadeOf) => ImageFilter | Promise<ImageFilter>;

const byLabel = (isWanted: boolean): Reader => (value) => ({ image }) =>
  image !== undefined && hasLabel(image.config.config?.Labels ?? {}, value) === isWanted;

const FILTERS: Readonly<Record<string, Reader>> = {
  reference: (value) => {
    const fits = pattern(value);
    return ({ repository, tag }) => fits.test(repository) || fits.test(`${repository}:${tag}`);
  },
  label: byLabel(true),
  "label!": byLabel(false),
  until: (value, text) => {
    const limit = parseMoment(text, value);
    // One that does not say when it was made is not taken for an old one.
    return ({ image }) => madeAt(image) > 0 && madeAt(image) < limit;
  },
  before: async (value, _, madeOf) => {
    const limit = await madeOf(value);
    return ({ image }) => madeAt(image) < limit;
  },
  since: async (value, _, madeOf) => {
    const limit = await madeOf(value);
    return ({ image }) => madeAt(image) > limit;
  },
  dangling: (value) => {
    const wanted = parseWord("filter dangling", value, ["true", "false"]) === "true";
    return ({ repository, tag }) => (tag === "<none>" && repository !== "local") === wanted;
  },
};

/**
 * Reads filters; all have to fit.
 *
 * @param keys which there are
 * @param madeOf tells when an image was made
 */
export async function imageFilter(
  texts: readonly string[] | undefined,
  keys: readonly string[],
  madeOf: MadeOf = () => Promise.resolve(0),
): Promise<ImageFilter> {
  const filters = await Promise.all((texts ?? []).map((text) => {
    const [key, value] = parsePair("filter", text);
    if (keys.includes(key)) return FILTERS[key](value, text, madeOf);
    throw wrongValue("filter", text, `is none of ${keys.map((each) => `${each}=…`).join(", ")}`);
  }));
  return (named) => filters.every((fits) => fits(named));
}

/** A shell's pattern for names, whose stars stop at a slash. */
function pattern(text: string): RegExp {
  const parts = text.replace(/[.+^$(){}|\\[\]]/g, "\\$&").replaceAll("*", "[^/]*").replaceAll(
    "?",
    "[^/]",
  );
  return new RegExp(`^${parts}$`);
}
