/**
 * Who runs in a container: the words of `--user` or of an image's User, looked up in the image's own
 * /etc/passwd and /etc/group (passwd(5), group(5)).
 *
 * The rules are Docker's: a number needs no entry, but takes group and home from one that is there;
 * without a group the user has all those that list it, with one it has no other.
 *
 * @module
 */

import type { ResolvedUser } from "./image_config/options.ts";
import { MergedTree } from "./merged_tree.ts";

/** Docker's, and that of programs which keep ids in a signed int; the kernel could count further. */
const LARGEST_ID = 2 ** 31 - 1;
/** The most bytes that are read of passwd or group. */
const LARGEST_FILE = 1 << 20;
/** NGROUPS_MAX, getgroups(2). */
const MOST_GROUPS = 65536;

/** A user or group that cannot be had; the message says which, and what to do. */
export class UserError extends Error {
  /** The class's name, for messages. */
  override name = "UserError";
}

/** A line of passwd or group: its fields, which the image's author may have got wrong. */
type Line = string[];

/**
 * Looks up a user and further groups in an image.
 *
 * @param layers directories of the image's unpacked layers, topmost first; or one whole root
 * @param user `""` for root, a name or a number, and a group's after a colon
 * @param groupAdd names or numbers of further groups
 * @throws {UserError} for a name that the image does not know, and a number that is no id
 * @throws {ImageFileError} for a passwd or group that is no sensible file
 */
export function resolveUser(
  layers: readonly string[],
  user: string,
  groupAdd: readonly string[] = [],
): { user: ResolvedUser; groupAdd: number[] } {
  using tree = new MergedTree(layers);
  const [userWord, groupWord = "", ...rest] = user.split(":");
  if (rest.length > 0) {
    throw new UserError(`user ${JSON.stringify(user)}: expected NAME or UID, then :GROUP at most`);
  }
  const files = new AccountFiles(tree);
  const { name, ...found } = findUser(files, userWord);
  if (groupWord !== "") found.gid = findGroup(files, groupWord);
  else if (name !== undefined) found.additionalGids = groupsOf(files, name);
  return { user: found, groupAdd: groupAdd.map((word) => findGroup(files, word)) };
}

/** The image's two files, each read when it is first wanted. */
class AccountFiles {
  #passwd?: Line[];
  #group?: Line[];
  constructor(private readonly tree: MergedTree) {}

  /** `name:password:uid:gid:comment:home:shell` */
  get passwd(): Line[] {
    return this.#passwd ??= this.#read("/etc/passwd", 4);
  }

  /** `name:password:gid:members` */
  get group(): Line[] {
    return this.#group ??= this.#read("/etc/group", 3);
  }

  /** The lines with at least so many fields; a file that is not there has none. */
  #read(path: string, fields: number): Line[] {
    const bytes = this.tree.readFile(path, LARGEST_FILE);
    if (!bytes) return [];
    if (bytes.includes(0)) throw new UserError(`the image's ${path} holds NUL: it is no text file`);
    const lines = new TextDecoder().decode(bytes).split("\n");
    // a line that is cut short must not pass for one with zeros, which would be root's
    return lines.map((line) => line.trim().split(":")).filter((line) => line.length >= fields);
  }
}

/** A user, with the name by which groups list it. */
function findUser(files: AccountFiles, word: string): ResolvedUser & { name?: string } {
  const uid = word === "" ? 0 : idOf(word, "user");
  const entry = files.passwd.find((line) =>
    uid === undefined ? line[0] === word : isId(line[2]) && Number(line[2]) === uid
  );
  if (entry) {
    const [name, , uidField, gidField, , home] = entry;
    return {
      name,
      uid: uid ?? idIn("/etc/passwd", name, "user", uidField),
      gid: idIn("/etc/passwd", name, "group", gidField),
      additionalGids: [],
      home: home || "/",
    };
  }
  if (uid === undefined) throw unknown("user", word, "/etc/passwd", files.passwd);
  return { uid, gid: 0, additionalGids: [], home: "/" };
}

/** The groups that list a user as a member. */
function groupsOf(files: AccountFiles, user: string): number[] {
  const lists = files.group.filter(([, , , members = ""]) => members.split(",").includes(user));
  const gids = new Set(lists.map(([name, , gid]) => idIn("/etc/group", name, "group", gid)));
  if (gids.size <= MOST_GROUPS) return [...gids];
  throw new UserError(
    `the image's /etc/group lists ${user} in ${gids.size} groups, the kernel allows ${MOST_GROUPS}`,
  );
}

function findGroup(files: AccountFiles, word: string): number {
  const gid = idOf(word, "group");
  if (gid !== undefined) return gid;
  const entry = files.group.find(([name]) => name === word);
  if (!entry) throw unknown("group", word, "/etc/group", files.group);
  return idIn("/etc/group", word, "group", entry[2]);
}

/** A number that was given; undefined for what is a name. */
function idOf(word: string, kind: "user" | "group"): number | undefined {
  // what looks like a number is never a name: an image could give the name 1000 to root
  if (!/^-?\d+$/.test(word)) return undefined;
  if (isId(word)) return Number(word);
  throw new UserError(`${kind} ${word}: ids are numbers from 0 to ${LARGEST_ID}`);
}

/** A number that stands in the image. */
function idIn(file: string, name: string, kind: "user" | "group", field: string): number {
  if (isId(field)) return Number(field);
  throw new UserError(
    `the image's ${file} gives ${JSON.stringify(name)} the ${kind} id ${JSON.stringify(field)}: ` +
      `ids are numbers from 0 to ${LARGEST_ID}; give the numbers with --user UID:GID`,
  );
}

function isId(text: string): boolean {
  return /^\d+$/.test(text) && Number(text) <= LARGEST_ID;
}

function unknown(kind: string, word: string, file: string, lines: Line[]): UserError {
  const shown = (name: string) => JSON.stringify(name.slice(0, 32)).slice(1, -1);
  const names = lines.slice(0, 8).map(([name]) => shown(name)).join(", ");
  const reason = lines.length === 0 ? "which has none" : `which begins with ${names}`;
  return new UserError(
    `unable to find ${kind} ${
      shown(word)
    }: no matching entries in the image's ${file}, ${reason}; ` +
      "a number needs no entry",
  );
}
