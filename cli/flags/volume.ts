/**
 * `--volume`: a directory of the host's or a named volume, in Docker's short words.
 *
 * @module
 */

import { type UsageError, wrongValue } from "./grammar.ts";
import { hostPath, statOf } from "./paths.ts";
import { bind, mountPoint, PROPAGATIONS, type Storage, volume } from "./storage_kinds.ts";

/** Reads `SOURCE:DEST[:OPTIONS]`, or `DEST` for a volume that is the container's alone. */
export function readVolume(text: string): Storage {
  const wrong = (problem: string) => wrongValue("volume", text, problem);
  const parts = text.split(":");
  if (parts.length > 3 || parts.includes("")) {
    throw wrong("is not SOURCE:DEST or SOURCE:DEST:OPTIONS");
  }
  const [source, target, words] = parts.length === 1 ? [undefined, parts[0]] : parts;
  const destination = mountPoint("volume", target);
  const said = words?.split(",") ?? [];
  const options = mountOptions(said, wrong);
  if (source === undefined || !/^[/.]/.test(source)) {
    return volume("volume", source, destination, options, said.includes("nocopy"));
  }
  const path = hostPath(source);
  return { ...bind(path, destination, options), missing: statOf(path) ? undefined : path };
}

/** Words that change nothing of a mount on Linux, in Docker too. */
const EMPTY_WORDS = ["rw", "nocopy", "consistent", "cached", "delegated"];

/** The words behind the second colon, as options of a mount. */
function mountOptions(words: string[], wrong: (problem: string) => UsageError): string[] {
  const options: string[] = [];
  for (const word of words) {
    if (word === "z" || word === "Z") refuseRelabelling(wrong);
    // What is mounted below the source is read-only too, as in Docker since version 25.
    else if (word === "ro") options.push("rro");
    else if (PROPAGATIONS.includes(word)) options.push(word);
    else if (!EMPTY_WORDS.includes(word)) {
      throw wrong(`has the unknown option "${word}"; there are ro, rw, rslave, rshared, rprivate`);
    }
  }
  if (words.includes("ro") && words.includes("rw")) throw wrong("is both ro and rw");
  if (options.filter((word) => PROPAGATIONS.includes(word)).length > 1) {
    throw wrong("says twice how mounts travel");
  }
  return options;
}

/** `z` and `Z` change labels that only SELinux has; without it there is nothing to change. */
function refuseRelabelling(wrong: (problem: string) => UsageError): void {
  if (!statOf("/sys/fs/selinux/enforce")) return;
  throw wrong("asks for new SELinux labels, which are not set here: use chcon");
}
