/**
 * A kernel for a virtual machine: found on this machine, with its modules, and packed files for it
 * to start with.
 *
 * @module
 */

import { concatenate } from "../ffi/structs.ts";
import { readHostFile } from "../runtime/host_files.ts";

/** A kernel that QEMU can start. */
export interface Kernel {
  /** its file */
  image: string;
  /** its modules' directory */
  modules: string;
  /** its name, as `uname -r` prints it */
  version: string;
}

/** The newest kernel that may be read: one unpacked by tests/guest/kernel, or one in /boot. */
export function findKernel(): Kernel | undefined {
  const { env } = Deno;
  const cache = `${env.get("XDG_CACHE_HOME") ?? `${env.get("HOME")}/.cache`}/tiffin-guest/kernel`;
  const unpacked = readHostFile(`${cache}/version`)?.trim();
  const kernels: Kernel[] = unpacked
    ? [{
      image: `${cache}/vmlinux`,
      modules: `${cache}/lib/modules/${unpacked}`,
      version: unpacked,
    }]
    : [];
  for (const name of names("/boot").sort().toReversed()) {
    const version = /^vmlinuz-(.+)$/.exec(name)?.[1];
    if (version === undefined) continue;
    kernels.push({ image: `/boot/${name}`, modules: `/lib/modules/${version}`, version });
  }
  return kernels.find(({ image, modules }) =>
    canRead(image) && readHostFile(`${modules}/modules.dep`) !== undefined
  );
}

function names(directory: string): string[] {
  try {
    return Array.from(Deno.readDirSync(directory), ({ name }) => name);
  } catch {
    return [];
  }
}

function canRead(path: string): boolean {
  try {
    Deno.openSync(path).close();
    return true;
  } catch {
    return false;
  }
}

/**
 * The files of modules and of those that they need, in the order in which they are to be loaded;
 * none of what is built into the kernel. modules.dep(5).
 */
export function moduleFiles({ modules }: Kernel, wanted: readonly string[]): string[] {
  const lines = readHostFile(`${modules}/modules.dep`)?.split("\n") ?? [];
  const files: string[] = [];
  for (const name of wanted) {
    const line = lines.find((line) => line.split(":")[0].includes(`/${name}.ko`));
    const [file, needed] = line?.split(":") ?? [];
    if (file === undefined) continue;
    files.push(...needed.split(" ").filter(Boolean).toReversed(), file);
  }
  return [...new Set(files)].map((file) => `${modules}/${file}`);
}

/** Something in a file tree that a kernel starts with. */
interface Entry {
  name: string;
  mode: number;
  content: Uint8Array;
}

/**
 * Packs a directory as an initramfs, the file tree that a kernel is handed at its start: a cpio
 * archive, Documentation/driver-api/early-userspace/buffer-format.rst.
 */
export function packInitramfs(directory: string): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const [i, entry] of [...walk(directory, ""), TRAILER].entries()) {
    const name = new TextEncoder().encode(`${entry.name}\0`);
    const { length } = entry.content;
    // inode, mode, owner, group, links, time, size, device, device of a node, name's length, sum
    const fields = [i + 1, entry.mode, 0, 0, 1, 0, length, 0, 0, 0, 0, name.length, 0];
    const hex = fields.map((field) => field.toString(16).padStart(8, "0")).join("");
    pieces.push(padded(concatenate([new TextEncoder().encode(`070701${hex}`), name])));
    pieces.push(padded(entry.content));
  }
  return concatenate(pieces);
}

const TRAILER: Entry = { name: "TRAILER!!!", mode: 0, content: new Uint8Array() };

function* walk(directory: string, prefix: string): Generator<Entry> {
  for (const { name } of Deno.readDirSync(directory)) {
    const [path, inside] = [`${directory}/${name}`, `${prefix}${name}`];
    const { isSymlink, isDirectory, mode } = Deno.lstatSync(path);
    const content = isSymlink
      ? new TextEncoder().encode(Deno.readLinkSync(path))
      : isDirectory
      ? new Uint8Array()
      : Deno.readFileSync(path);
    yield { name: inside, mode: mode!, content };
    if (isDirectory) yield* walk(path, `${inside}/`);
  }
}

/** Everything in the archive begins at a multiple of four. */
function padded(bytes: Uint8Array): Uint8Array {
  return concatenate([bytes, new Uint8Array((4 - bytes.length % 4) % 4)]);
}
