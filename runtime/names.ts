/**
 * The names of containers: each is a link whose text is the container's id, and behind that the
 * process that has taken the name: it is free again when that has ended and made no container.
 *
 * A lock on their directory lets one of two win that want the same name.
 *
 * @module
 */

import { containerDirectory } from "./records.ts";
import { identify, isAlive } from "./processes.ts";
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
  Deno.mkdirSync(namesDirectory(dataRoot), { recursive: true, mode: 0o700 });
  using _lock = lockNames(dataRoot);
  const path = nameFile(dataRoot, name);
  const holder = holderOf(path);
  if (holder?.id === id) return;
  if (holder && isTaken(dataRoot, holder)) {
    throw new NameInUseError(
      `the name ${name} is taken by the container ${holder.id.slice(0, 12)}: remove or rename ` +
        "that one, or use another name",
    );
  }
  // its container was removed, or never made
  removeFile(path);
  const { pid, start } = identify("self")!;
  Deno.symlinkSync([id, pid, start].join(SEPARATOR), path);
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
  using _lock = lockNames(dataRoot);
  if (idOf(dataRoot, name) === id) removeFile(nameFile(dataRoot, name));
}

/**
 * Gives back all names of a container, a `rename` that was killed can leave it two; and those that
 * killed commands have taken for containers that they never made.
 */
export function releaseAllNames(dataRoot: string, id: string): void {
  let names: string[];
  try {
    names = Array.from(Deno.readDirSync(namesDirectory(dataRoot)), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  using _lock = lockNames(dataRoot);
  for (const path of names.map((name) => nameFile(dataRoot, name))) {
    const holder = holderOf(path);
    if (holder?.id === id || holder && !isTaken(dataRoot, holder)) removeFile(path);
  }
}

/** The id of the container that has the name. */
export function idOf(dataRoot: string, name: string): string | undefined {
  return holderOf(nameFile(dataRoot, name))?.id;
}

function namesDirectory(dataRoot: string): string {
  return `${dataRoot}/names`;
}

function nameFile(dataRoot: string, name: string): string {
  return `${namesDirectory(dataRoot)}/${name}`;
}

/** Between a look at a link and its removal it must not become another's. */
function lockNames(dataRoot: string): Disposable {
  const directory = Deno.openSync(namesDirectory(dataRoot));
  directory.lockSync(true);
  return directory;
}

/** What stands between the parts of a link's text. */
const SEPARATOR = ":";

/** Who has a name: a container, and the process that has taken the name for it. */
interface Holder {
  id: string;
  pid: number;
  start: number;
}

function holderOf(path: string): Holder | undefined {
  try {
    const [id, pid, start] = Deno.readLinkSync(path).split(SEPARATOR);
    return { id, pid: Number(pid), start: Number(start) };
  } catch {
    return undefined;
  }
}

/** Whether the container is there, or whoever makes it. */
function isTaken(dataRoot: string, { id, pid, start }: Holder): boolean {
  try {
    Deno.statSync(containerDirectory(dataRoot, id));
    return true;
  } catch {
    return isAlive({ pid, start });
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
