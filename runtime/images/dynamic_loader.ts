/**
 * Finds the files that a program needs to run, as the dynamic loader would, without running anything.
 *
 * The order is that of ld.so(8): DT_RPATH, DT_RUNPATH, /etc/ld.so.cache, the default directories;
 * musl has a list of directories of its own. Left out are LD_LIBRARY_PATH and the directories for
 * special processors, which only hold faster copies.
 *
 * @module
 */

import { type Elf, ElfError, machineName, readElf } from "./elf.ts";
import { readLoaderCache, readLoaderConfig } from "./loader_cache.ts";

/** A file that a program needs and that is not to be found. */
export class MissingLibraryError extends Error {
  /** The class's name, for messages. */
  override name = "MissingLibraryError";

  /** `library` is missing, and `needer` is the file that names it. */
  constructor(readonly library: string, readonly needer: string) {
    super(`${needer} needs ${library}, which is not on this machine`);
  }
}

/** A file in the chain of who loads whom. */
interface Loaded {
  path: string;
  elf: Elf;
  by?: Loaded;
}

/** musl takes these for itself: its C library is the loader. */
const MUSL_ITSELF = /^lib(c|pthread|rt|m|dl|util|xnet)\./;

/** A finder that remembers what it has read: good for many programs of one machine. */
export class DynamicLoader {
  readonly #elves = new Map<string, Elf | undefined>();
  #cache?: Map<string, string[]>;

  /**
   * The files that must be there for the program to start: its loader, its libraries, theirs, and
   * for a script the interpreter and what that needs. Paths as the loader opens them, which can be
   * symbolic links. The program itself is not among them.
   *
   * @throws {MissingLibraryError} naming the library that is not there
   * @throws {ElfError} if the program is neither a script nor an ELF file
   */
  neededFiles(program: string): string[] {
    const script = interpreterOfScript(program);
    if (script) return [...new Set(script.flatMap((file) => [file, ...this.neededFiles(file)]))];
    const elf = this.#read(program);
    if (!elf) throw new ElfError(`${program}: neither an ELF file nor a script`);
    const found = new Map<string, string>();
    if (elf.interpreter) {
      if (!this.#read(elf.interpreter)) throw new MissingLibraryError(elf.interpreter, program);
      found.set(nameOf(elf.interpreter), elf.interpreter);
    }
    const isMusl = nameOf(elf.interpreter ?? "").startsWith("ld-musl-");
    const queue: Loaded[] = [{ path: program, elf }];
    for (const file of queue) {
      for (const name of file.elf.needed) {
        if (found.has(name) || (isMusl && MUSL_ITSELF.test(name))) continue;
        const path = this.#find(name, file, isMusl);
        found.set(name, path);
        queue.push({ path, elf: this.#read(path)!, by: file });
      }
    }
    return [...new Set(found.values())];
  }

  #find(name: string, needer: Loaded, isMusl: boolean): string {
    const candidates = name.includes("/")
      ? [expand(name, needer)]
      : this.#candidates(name, needer, isMusl);
    for (const path of candidates) {
      const elf = this.#read(path);
      // Both kinds can lie in one directory; the loader passes over the wrong one too.
      if (elf?.machine === needer.elf.machine && elf.class === needer.elf.class) return path;
    }
    throw new MissingLibraryError(name, needer.path);
  }

  *#candidates(name: string, needer: Loaded, isMusl: boolean): Generator<string> {
    const { runpath } = needer.elf;
    if (runpath.length === 0 || isMusl) {
      for (let file: Loaded | undefined = needer; file; file = file.by) {
        if (file.elf.runpath.length > 0 && !isMusl) continue;
        for (const path of file.elf.rpath) yield `${expand(path, file)}/${name}`;
      }
    }
    for (const path of runpath) yield `${expand(path, needer)}/${name}`;
    if (!isMusl) {
      this.#cache ??= readLoaderCache();
      yield* this.#cache.get(name) ?? [];
    }
    const directories = isMusl ? muslDirectories(needer.elf) : glibcDirectories(needer.elf);
    for (const directory of directories) yield `${directory}/${name}`;
  }

  /** The file's ELF facts; nothing if it is not there or is something else. */
  #read(path: string): Elf | undefined {
    if (!this.#elves.has(path)) this.#elves.set(path, tryReadElf(path));
    return this.#elves.get(path);
  }
}

/**
 * The files that a program needs; see {@linkcode DynamicLoader.neededFiles}.
 *
 * @throws {MissingLibraryError} naming the library that is not there
 * @throws {ElfError} if the program is neither a script nor an ELF file
 */
export function neededFiles(program: string): string[] {
  return new DynamicLoader().neededFiles(program);
}

/**
 * The directories that this machine's glibc searches without being told. Debian and what comes from
 * it name them after the machine, others after its bits.
 */
export function glibcDirectories({ machine, class: bits }: Elf): string[] {
  const triplet = `${machineName(machine).replace("-", "_")}-linux-gnu`;
  const names = [`lib/${triplet}`, bits === 64 ? "lib64" : "lib32", "lib"];
  return [...names.flatMap((name) => [`/${name}`, `/usr/${name}`]), ...readLoaderConfig()];
}

function muslDirectories({ machine }: Elf): string[] {
  const name = machineName(machine).replace("-", "_");
  try {
    const text = Deno.readTextFileSync(`/etc/ld-musl-${name}.path`);
    return text.split(/[:\n]/).filter(Boolean);
  } catch {
    return ["/lib", "/usr/local/lib", "/usr/lib"];
  }
}

/** `#!/bin/sh`: the shell; `#!/usr/bin/env awk -f`: env and awk. Nothing if it is no script. */
function interpreterOfScript(program: string): string[] | undefined {
  const start = new Uint8Array(256);
  using file = Deno.openSync(program);
  const text = new TextDecoder().decode(start.subarray(0, file.readSync(start) ?? 0));
  const [, interpreter, argument] = /^#!\s*(\S+)(?:[ \t]+(\S+))?/.exec(text) ?? [];
  if (!interpreter) return undefined;
  if (nameOf(interpreter) !== "env" || !argument || argument.startsWith("-")) return [interpreter];
  const command = ["/usr/bin", "/bin"].map((directory) => `${directory}/${argument}`).find(exists);
  if (!command) throw new MissingLibraryError(argument, program);
  return [interpreter, command];
}

/** A path with `$ORIGIN`, the directory of the file that it stands in, and `$LIB`, put in. */
function expand(path: string, { path: file, elf }: Loaded): string {
  let real = file;
  try {
    real = Deno.realPathSync(file);
  } catch {
    // It was read a moment ago; without its real path its name does.
  }
  const origin = real.slice(0, Math.max(real.lastIndexOf("/"), 0)) || "/";
  const lib = elf.class === 64 ? "lib64" : "lib";
  return path.replace(/\$ORIGIN|\$\{ORIGIN\}/g, origin).replace(/\$LIB|\$\{LIB\}/g, lib);
}

function tryReadElf(path: string): Elf | undefined {
  try {
    return readElf(path);
  } catch {
    return undefined;
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
