/**
 * What ldconfig(8) knows: /etc/ld.so.cache, and where that is missing /etc/ld.so.conf.
 *
 * The cache is a header, entries of 24 bytes and the strings that they point to: `struct
 * cache_file_new` in glibc's sysdeps/generic/dl-cache.h. Older caches have another one before it.
 *
 * @module
 */

const MAGIC = "glibc-ld.so.cache1.1";
const HEADER = 48;
const ENTRY = 24;

/** Each library's paths by its name. Nothing where there is no cache, or one of another format. */
export function readLoaderCache(path = "/etc/ld.so.cache"): Map<string, string[]> {
  const libraries = new Map<string, string[]>();
  let file: Uint8Array;
  try {
    file = Deno.readFileSync(path);
  } catch {
    return libraries;
  }
  const text = (at: number) => {
    const end = file.indexOf(0, at);
    return String.fromCharCode(...file.subarray(at, end < 0 ? at : Math.min(end, at + 4096)));
  };
  const magic = Uint8Array.from(MAGIC, (character) => character.charCodeAt(0));
  const start = file.findIndex((_, i) => magic.every((byte, j) => file[i + j] === byte));
  if (start < 0 || start + HEADER > file.length) return libraries;
  const view = new DataView(file.buffer, file.byteOffset + start, file.length - start);
  // The cache is this machine's own, and written in its byte order.
  const little = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
  const count = Math.min(
    view.getUint32(20, little),
    Math.floor((view.byteLength - HEADER) / ENTRY),
  );
  for (let i = 0; i < count; i++) {
    const at = HEADER + i * ENTRY;
    // Copies for special processors; the one for all is there as well.
    if (view.getBigUint64(at + 16, little) !== 0n) continue;
    const name = text(start + view.getUint32(at + 4, little));
    const paths = libraries.get(name) ?? [];
    libraries.set(name, [...paths, text(start + view.getUint32(at + 8, little))]);
  }
  return libraries;
}

/** The directories of /etc/ld.so.conf, with the files that it includes. */
export function readLoaderConfig(path = "/etc/ld.so.conf"): string[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch {
    return [];
  }
  return text.split("\n").flatMap((line) => {
    const [word, argument] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (word === "include" && argument) {
      return matches(argument).flatMap((it) => readLoaderConfig(it));
    }
    return word.startsWith("/") ? [word] : [];
  });
}

/** The files that a pattern such as `/etc/ld.so.conf.d/*.conf` stands for. */
function matches(pattern: string): string[] {
  const slash = pattern.lastIndexOf("/");
  const directory = pattern.slice(0, slash);
  const [before, after] = pattern.slice(slash + 1).split("*");
  if (after === undefined) return [pattern];
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name)
      .filter((name) => name.startsWith(before) && name.endsWith(after))
      .sort().map((name) => `${directory}/${name}`);
  } catch {
    return [];
  }
}
