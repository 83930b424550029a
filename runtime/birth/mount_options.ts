/**
 * The words of a mount's options, and what they are to the kernel.
 *
 * OCI's config.json uses those of mount(8); what is not in the table is the file system's own and
 * goes to it as data (runtime-spec, config.md, "Mounts").
 *
 * @module
 */

import { MOUNT_ATTR, MS } from "../../ffi/constants.ts";

/** Options of one mount, sorted by where they go. */
export interface MountOptions {
  /** MS flags for mount(2) */
  flags: number;
  /** MOUNT_ATTR flags that the words switch on, for the mount alone */
  set: number;
  /** MOUNT_ATTR flags that the words switch off */
  clear: number;
  /** the same for the mount and all below it: `rro` and its like */
  recursiveSet: number;
  /** MOUNT_ATTR flags to switch off for the mount and all below it */
  recursiveClear: number;
  /** MS propagation flags, each for a call of its own, in order */
  propagation: number[];
  /** bound from the host: 0, `MS_BIND`, or `MS_BIND|MS_REC` */
  bind: number;
  /** whether owners are mapped, for the mount alone or for all below it too */
  idmap?: "alone" | "recursive";
  /** whether a tmpfs begins with a copy of what the image has in its place */
  copyUp: boolean;
  /** what the file system itself is told */
  data: string;
}

/** Words that set or clear one attribute; the attribute's MS and MOUNT_ATTR bits. */
const ATTRIBUTES: Record<string, { set: boolean; ms: number; attribute: number }> = {
  ro: { set: true, ms: MS.RDONLY, attribute: MOUNT_ATTR.RDONLY },
  rw: { set: false, ms: MS.RDONLY, attribute: MOUNT_ATTR.RDONLY },
  nosuid: { set: true, ms: MS.NOSUID, attribute: MOUNT_ATTR.NOSUID },
  suid: { set: false, ms: MS.NOSUID, attribute: MOUNT_ATTR.NOSUID },
  nodev: { set: true, ms: MS.NODEV, attribute: MOUNT_ATTR.NODEV },
  dev: { set: false, ms: MS.NODEV, attribute: MOUNT_ATTR.NODEV },
  noexec: { set: true, ms: MS.NOEXEC, attribute: MOUNT_ATTR.NOEXEC },
  exec: { set: false, ms: MS.NOEXEC, attribute: MOUNT_ATTR.NOEXEC },
  noatime: { set: true, ms: MS.NOATIME, attribute: MOUNT_ATTR.NOATIME },
  atime: { set: false, ms: MS.NOATIME, attribute: MOUNT_ATTR._ATIME },
  nodiratime: { set: true, ms: MS.NODIRATIME, attribute: MOUNT_ATTR.NODIRATIME },
  diratime: { set: false, ms: MS.NODIRATIME, attribute: MOUNT_ATTR.NODIRATIME },
  relatime: { set: true, ms: MS.RELATIME, attribute: 0 },
  norelatime: { set: false, ms: MS.RELATIME, attribute: 0 },
  strictatime: { set: true, ms: MS.STRICTATIME, attribute: MOUNT_ATTR.STRICTATIME },
  nostrictatime: { set: false, ms: MS.STRICTATIME, attribute: MOUNT_ATTR._ATIME },
  nosymfollow: { set: true, ms: MS.NOSYMFOLLOW, attribute: MOUNT_ATTR.NOSYMFOLLOW },
  symfollow: { set: false, ms: MS.NOSYMFOLLOW, attribute: MOUNT_ATTR.NOSYMFOLLOW },
  sync: { set: true, ms: MS.SYNCHRONOUS, attribute: 0 },
  async: { set: false, ms: MS.SYNCHRONOUS, attribute: 0 },
  dirsync: { set: true, ms: MS.DIRSYNC, attribute: 0 },
  mand: { set: true, ms: MS.MANDLOCK, attribute: 0 },
  nomand: { set: false, ms: MS.MANDLOCK, attribute: 0 },
  silent: { set: true, ms: MS.SILENT, attribute: 0 },
  loud: { set: false, ms: MS.SILENT, attribute: 0 },
  lazytime: { set: true, ms: MS.LAZYTIME, attribute: 0 },
  nolazytime: { set: false, ms: MS.LAZYTIME, attribute: 0 },
  iversion: { set: true, ms: MS.I_VERSION, attribute: 0 },
  noiversion: { set: false, ms: MS.I_VERSION, attribute: 0 },
  remount: { set: true, ms: MS.REMOUNT, attribute: 0 },
  defaults: { set: true, ms: 0, attribute: 0 },
};

/** Words that say how mounts travel to and from copies of this one, mount_namespaces(7). */
export const PROPAGATION: Record<string, number> = {
  private: MS.PRIVATE,
  rprivate: MS.PRIVATE | MS.REC,
  slave: MS.SLAVE,
  rslave: MS.SLAVE | MS.REC,
  shared: MS.SHARED,
  rshared: MS.SHARED | MS.REC,
  unbindable: MS.UNBINDABLE,
  runbindable: MS.UNBINDABLE | MS.REC,
};

/** Every word that is understood here, in the order of the alphabet. */
export function mountOptionWords(): string[] {
  const recursive = Object.keys(ATTRIBUTES).filter(isAttribute).map((word) => `r${word}`);
  const others = ["bind", "rbind", "idmap", "ridmap", "tmpcopyup"];
  return [...Object.keys(ATTRIBUTES), ...Object.keys(PROPAGATION), ...recursive, ...others].sort();
}

/** Sorts the words of a mount's `options`. */
export function parseMountOptions(words: readonly string[] = []): MountOptions {
  const parsed: MountOptions = {
    flags: 0,
    set: 0,
    clear: 0,
    recursiveSet: 0,
    recursiveClear: 0,
    propagation: [],
    bind: 0,
    copyUp: false,
    data: "",
  };
  const data: string[] = [];
  for (const word of words) {
    if (word === "bind") parsed.bind |= MS.BIND;
    else if (word === "rbind") parsed.bind |= MS.BIND | MS.REC;
    else if (word === "idmap") parsed.idmap ??= "alone";
    else if (word === "ridmap") parsed.idmap = "recursive";
    else if (word === "tmpcopyup") parsed.copyUp = true;
    else if (Object.hasOwn(PROPAGATION, word)) parsed.propagation.push(PROPAGATION[word]);
    else if (Object.hasOwn(ATTRIBUTES, word)) applyAttribute(parsed, word);
    else if (word[0] === "r" && isAttribute(word.slice(1))) {
      applyRecursively(parsed, word.slice(1));
    } else data.push(word);
  }
  parsed.data = data.join(",");
  return parsed;
}

/** Whether a word is about something that mount_setattr(2) can change. */
function isAttribute(word: string): boolean {
  return ATTRIBUTES[word]?.attribute > 0 || word === "relatime" || word === "norelatime";
}

function applyAttribute(parsed: MountOptions, word: string): void {
  const { set, ms, attribute } = ATTRIBUTES[word];
  // relatime is no bit, but that no other kind of access time is set: MOUNT_ATTR_RELATIME is 0
  if (word === "relatime") parsed.clear |= MOUNT_ATTR._ATIME;
  if (set) {
    parsed.flags |= ms;
    parsed.set |= attribute;
    parsed.clear &= ~attribute;
  } else {
    parsed.flags &= ~ms;
    parsed.set &= ~attribute;
    parsed.clear |= attribute;
  }
}

function applyRecursively(parsed: MountOptions, word: string): void {
  const { set, attribute } = ATTRIBUTES[word];
  if (word === "relatime") parsed.recursiveClear |= MOUNT_ATTR._ATIME;
  if (set) parsed.recursiveSet |= attribute;
  else parsed.recursiveClear |= attribute;
}
