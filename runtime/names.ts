/**
 * The names of containers: each is a link whose text is the container's id, so that taking a name
 * is one call that only one of two can win.
 *
 * @module
 */

import { containerDirectory } from "./records.ts";
import { removeFile } from "./remove_directory.ts";

/** A name that another container has. */
export class NameInUseError extends Error {
  /** always `"NameInUseError"` */
  override name = "NameInUseError";
}

/**
 * Takes a name for a container.
 *
 * @throws {NameInUseError} where another container has it
 */
export function takeName(dataRoot: string, name: string, id: string): void {
  const path = nameFile(dataRoot, name);
  Deno.mkdirSync(`${dataRoot}/names`, { recursive: true, mode: 0o700 });
  for (;;) {
    try {
      return Deno.symlinkSync(id, path);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    const holder = idOf(dataRoot, name);
    if (holder === id) return;
    if (holder !== undefined && isThere(dataRoot, holder, path)) {
      throw new NameInUseError(
        `the name ${name} is taken by the container ${holder.slice(0, 12)}: remove or rename ` +
          "that one, or use another name",
      );
    }
    // its container was removed, or never made
    removeFile(path);
  }
}

/** Takes a name that nobody has, made of two words that go with a tiffin. */
export function takeAnyName(dataRoot: string, id: string): string {
  for (let attempt = 0;; attempt++) {
    const words = [TASTES, DISHES].map((list) => list[Math.floor(Math.random() * list.length)]);
    const name = words.join("_") + (attempt < 3 ? "" : attempt);
    try {
      takeName(dataRoot, name, id);
      return name;
    } catch (error) {
      if (!(error instanceof NameInUseError)) throw error;
    }
  }
}

/** Gives a name back, unless it is another container's by now. */
export function releaseName(dataRoot: string, name: string, id: string): void {
  if (idOf(dataRoot, name) === id) removeFile(nameFile(dataRoot, name));
}

/** The id of the container that has the name. */
export function idOf(dataRoot: string, name: string): string | undefined {
  try {
    return Deno.readLinkSync(nameFile(dataRoot, name));
  } catch {
    return undefined;
  }
}

function nameFile(dataRoot: string, name: string): string {
  return `${dataRoot}/names/${name}`;
}

/** How old a name without a container may be, in milliseconds: its container is just being made. */
const GRACE = 10_000;

function isThere(dataRoot: string, id: string, link: string): boolean {
  try {
    Deno.statSync(containerDirectory(dataRoot, id));
    return true;
  } catch {
    try {
      return Date.now() - Deno.lstatSync(link).mtime!.getTime() < GRACE;
    } catch {
      return false;
    }
  }
}

const TASTES = [
  ...["amber", "brave", "brisk", "bright", "calm", "candied", "cheerful", "clever", "cosy"],
  ...["crisp", "dainty", "eager", "fluffy", "fresh", "friendly", "gentle", "glazed", "golden"],
  ...["happy", "hearty", "honest", "humble", "jolly", "juicy", "keen", "lively", "mellow"],
  ...["mild", "minty", "modest", "nimble", "nutty", "peppery", "plain", "plucky", "proud"],
  ...["quiet", "quick", "ripe", "roasted", "salty", "savoury", "sharp", "smoky", "spicy"],
  ...["steady", "sunny", "sweet", "tangy", "tender", "toasted", "warm", "witty", "zesty"],
];

const DISHES = [
  ...["aubergine", "bagel", "baozi", "barley", "bhaji", "biryani", "bonda", "cashew", "chapati"],
  ...["chutney", "congee", "coriander", "cumin", "curry", "dal", "dosa", "dumpling", "falafel"],
  ...["fennel", "ghee", "ginger", "halwa", "idli", "jalebi", "kebab", "kheer", "korma", "laddu"],
  ...["lassi", "lentil", "mango", "masala", "momo", "naan", "noodle", "okra", "pakora", "paneer"],
  ...["papaya", "pickle", "pilau", "poppadom", "puri", "raita", "roti", "saffron", "sambar"],
  ...["samosa", "sesame", "tamarind", "thali", "turmeric", "upma", "uttapam", "vada", "walnut"],
];
