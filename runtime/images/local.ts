/**
 * The image `local`: this machine's own shell, core utilities and what else a lesson wants, with the
 * libraries that they need. It is there where no registry is.
 *
 * It is an ordinary image, one layer of it, and is made at first use. What it holds is copied: later
 * updates of the machine change it only when it is made again.
 *
 * @module
 */

import { writeJson } from "./archive_blobs.ts";
import { LOCAL } from "./find.ts";
import { DynamicLoader, glibcDirectories, MissingLibraryError } from "./dynamic_loader.ts";
import { type Elf, ElfError, readElf } from "./elf.ts";
import { HostFiles } from "./host_files.ts";
import { LOCAL_PROGRAMS, TERMINALS } from "./local_programs.ts";
import { type Descriptor, type Manifest, MEDIA_TYPE } from "./manifest.ts";
import { hostPlatform } from "./platform.ts";
import type { Image, ImageStore } from "./store.ts";
import { unpackLayer } from "./unpack.ts";

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Where programs are, by the places that every distribution has; the last two are NixOS's and Nix's. */
const PROGRAM_DIRECTORIES = [
  "/usr/bin",
  "/bin",
  "/usr/sbin",
  "/sbin",
  "/run/current-system/sw/bin",
  "/nix/var/nix/profiles/default/bin",
];

const TERMINFO_DIRECTORIES = ["/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo"];

/**
 * The image `local`, made now if it is not there, and unpacked.
 *
 * @throws {Error} if this machine has no shell that can be copied
 */
export async function ensureLocalImage(store: ImageStore): Promise<Image> {
  const image = await store.image(LOCAL);
  if (!image) return await remakeLocalImage(store);
  for (const layer of image.layers) await unpackLayer(store, layer);
  return image;
}

/**
 * Makes the image `local` from the programs as they are now, and unpacks it. An earlier one loses
 * the name; containers that run on it keep its layer.
 *
 * @throws {Error} if this machine has no shell that can be copied
 */
export async function remakeLocalImage(store: ImageStore): Promise<Image> {
  using _lease = await store.lease();
  const files = gather();
  const layer: Descriptor = {
    mediaType: MEDIA_TYPE.OCI_LAYER,
    ...await store.writeBlob(ReadableStream.from(files.archive())),
  };
  const created = new Date(files.newest * 1000).toISOString();
  const config = {
    created,
    ...hostPlatform(),
    config: { Env: [`PATH=${PATH}`], Cmd: ["sh"] },
    rootfs: { type: "layers", diff_ids: [layer.digest] },
    history: [{ created, created_by: "this machine's own programs" }],
  };
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.OCI_MANIFEST,
    config: await writeJson(store, MEDIA_TYPE.OCI_CONFIG, config),
    layers: [layer],
  };
  await unpackLayer(store, { descriptor: layer, diffId: layer.digest });
  await store.tag(LOCAL, await writeJson(store, manifest.mediaType, manifest));
  return (await store.image(LOCAL))!;
}

/** The files of the image. */
function gather(): HostFiles {
  const files = new HostFiles();
  const loader = new DynamicLoader();
  addDirectories(files);
  for (const name of LOCAL_PROGRAMS) addProgram(files, loader, name);
  if (!["/bin/sh", "/usr/bin/sh"].some((path) => files.has(path))) {
    throw new Error("this machine has no shell to make the image local of: install dash or bash");
  }
  addNameService(files);
  addLoaderLists(files);
  for (const directory of TERMINFO_DIRECTORIES) {
    for (const name of TERMINALS) {
      // Some machines name the directories after the first letter, some after its code.
      const code = name.charCodeAt(0).toString(16);
      for (const letter of [name[0], code]) tryAdd(files, `${directory}/${letter}/${name}`);
    }
  }
  for (const [path, text] of Object.entries(configFiles())) {
    files.put(path, {
      type: "file",
      mode: 0o644,
      mtime: 0,
      content: new TextEncoder().encode(text),
    });
  }
  return files;
}

function addDirectories(files: HostFiles): void {
  const plain = ["dev", "etc", "home", "mnt", "opt", "proc", "run", "srv", "sys", "usr/bin"];
  const more = ["usr/local/bin", "usr/local/sbin", "usr/sbin", "usr/lib", "var/lib", "var/log"];
  for (const path of [...plain, ...more]) directory(`/${path}`, 0o755);
  // As this machine has them: directories, or links into /usr.
  for (const path of ["/bin", "/sbin", "/lib", "/lib64"]) tryAdd(files, path);
  directory("/root", 0o700);
  directory("/tmp", 0o1777);
  directory("/var/tmp", 0o1777);
  link("/var/run", "/run");
  link("/etc/mtab", "../proc/self/mounts");

  function directory(path: string, mode: number): void {
    if (!files.has(path)) files.put(path, { type: "directory", mode, mtime: 0 });
  }
  function link(path: string, target: string): void {
    files.put(path, { type: "symlink", mode: 0o777, mtime: 0, target });
  }
}

/** Adds a program and what it needs; one that this machine has not, or not whole, is left out. */
function addProgram(files: HostFiles, loader: DynamicLoader, name: string): void {
  const directory = PROGRAM_DIRECTORIES.find((directory) => isFile(`${directory}/${name}`));
  if (directory === undefined) return;
  // NixOS's directory is a link that a container has no use for: /usr/bin gets a link of its own.
  const isUsual = PATH.split(":").includes(directory);
  const path = isUsual ? `${directory}/${name}` : `${Deno.realPathSync(directory)}/${name}`;
  let needed: string[];
  try {
    needed = loader.neededFiles(path);
  } catch (error) {
    const isOurs = error instanceof MissingLibraryError || error instanceof ElfError;
    if (isOurs || error instanceof Deno.errors.PermissionDenied) return;
    throw error;
  }
  if (![path, ...needed].every((file) => tryAdd(files, file))) return;
  if (!isUsual) {
    files.put(`/usr/bin/${name}`, { type: "symlink", mode: 0o777, mtime: 0, target: path });
    // Scripts, and system(3), take the shell to be there.
    if (name === "sh" && !files.has("/bin/sh")) {
      files.put("/bin/sh", { type: "symlink", mode: 0o777, mtime: 0, target: path });
    }
  }
}

/** glibc loads these by name when somebody looks up a user or a host; no ELF header names them. */
function addNameService(files: HostFiles): void {
  for (const directory of libraryDirectories()) {
    if (!files.has(`${directory}/libc.so.6`)) continue;
    for (const name of ["libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"]) {
      tryAdd(files, `${directory}/${name}`);
    }
  }
}

/** Libraries outside the directories that the loader knows by itself are found by its lists alone. */
function addLoaderLists(files: HostFiles): void {
  tryAdd(files, "/etc/ld.so.cache");
  tryAdd(files, `/etc/ld-musl-${Deno.build.arch}.path`);
}

function libraryDirectories(): string[] {
  return [...new Set(glibcDirectories(shell()))];
}

function shell(): Elf {
  return readElf("/bin/sh");
}

function configFiles(): Record<string, string> {
  const release = hostRelease();
  return {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n" +
      "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n" +
      "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "/etc/group": "root:x:0:\ndaemon:x:1:\ntty:x:5:\nnogroup:x:65534:\n",
    "/etc/hosts": "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n",
    // each container's own are bound over these; where there is nothing, overlayfs has to copy /etc
    "/etc/hostname": "",
    "/etc/resolv.conf": "",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n" +
      "services: files\nprotocols: files\n",
    "/etc/shells": "/bin/sh\n/bin/bash\n",
    "/etc/os-release": `NAME="Tiffin local"\nID=tiffin-local\n` +
      `ID_LIKE="${release.ID ?? ""}"\nVERSION_ID="${release.VERSION_ID ?? ""}"\n` +
      `PRETTY_NAME="Tiffin's local image, of the programs of ${release.PRETTY_NAME ?? "Linux"}"\n`,
  };
}

/** os-release(5) of this machine. */
function hostRelease(): Record<string, string> {
  let text = "";
  try {
    text = Deno.readTextFileSync("/etc/os-release");
  } catch {
    // A machine may do without.
  }
  // What does not fit between quotes would be another line or a command to who sources the file.
  return Object.fromEntries(
    [...text.matchAll(/^([A-Z_]+)="?([^"\n\\$`]*)"?$/gm)].map(([, key, value]) => [key, value]),
  );
}

function tryAdd(files: HostFiles, path: string): boolean {
  try {
    files.add(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
