/**
 * `--tmpfs`, and the options that a tmpfs takes: tmpfs(5)'s own and those that every mount has.
 *
 * @module
 */

import { wrongValue } from "./grammar.ts";
import { mountPoint, type Storage } from "./storage_kinds.ts";

/** Reads `DEST[:OPTIONS]`. */
export function readTmpfs(text: string): Storage {
  const colon = text.indexOf(":");
  const target = colon < 0 ? text : text.slice(0, colon);
  const options = colon < 0 ? [] : text.slice(colon + 1).split(",").filter((word) => word !== "");
  for (const word of options) checkTmpfsOption("tmpfs", text, word);
  return { kind: "tmpfs", destination: mountPoint("tmpfs", target), options };
}

const WORDS = [
  "rw",
  "ro",
  "exec",
  "noexec",
  "suid",
  "nosuid",
  "dev",
  "nodev",
  "sync",
  "async",
  "dirsync",
  "atime",
  "noatime",
  "diratime",
  "nodiratime",
  "relatime",
  "norelatime",
  "strictatime",
  "nostrictatime",
];

const VALUES: Readonly<Record<string, RegExp>> = {
  size: /^\d+(\.\d+)?[kmg%]?$/i,
  mode: /^[0-7]{1,4}$/,
  uid: /^\d+$/,
  gid: /^\d+$/,
  nr_inodes: /^\d+[kmg]?$/i,
  nr_blocks: /^\d+[kmg]?$/i,
  huge: /^(never|always|within_size|advise)$/,
  mpol: /^[\w:=,-]+$/,
};

/**
 * Refuses a word that the kernel would refuse when the container is half made.
 *
 * @throws {UsageError} naming the word
 */
export function checkTmpfsOption(flag: string, text: string, word: string): void {
  const equals = word.indexOf("=");
  const key = equals < 0 ? word : word.slice(0, equals);
  if (equals < 0 && WORDS.includes(word)) return;
  if (!Object.hasOwn(VALUES, key)) {
    throw wrongValue(
      flag,
      text,
      `has the unknown option "${word}"; size=64m and mode=1777 are two`,
    );
  }
  if (equals < 0 || !VALUES[key].test(word.slice(equals + 1))) {
    throw wrongValue(flag, text, `has "${word}", which is no value for ${key}`);
  }
}
