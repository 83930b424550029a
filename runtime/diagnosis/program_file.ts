/**
 * A file that may be executed, but that the kernel cannot start: what is in it, and what it names.
 *
 * execve(2), "Interpreter scripts"; the kernel's fs/binfmt_script.c and fs/binfmt_elf.c.
 *
 * @module
 */

import { ElfError, machineName, readElf } from "../images/elf.ts";
import type { Place } from "../merged_tree.ts";
import { permissionFault } from "./permissions.ts";
import { brokenWay, type Finding, named, type Scene } from "./scene.ts";

/** As much of a file as the kernel looks at to see what it is (BINPRM_BUF_SIZE). */
const HEAD = 256;
/** As deep as scripts may have scripts for interpreters. */
const MOST_INTERPRETERS = 5;
const ELF_RELOCATABLE = 1;

/** What keeps a program from being started; undefined where nothing does. */
export function programFault(
  scene: Scene,
  place: Place,
  path: string,
  depth = 0,
): Finding | undefined {
  return permissionFault(scene, place) ?? contentFault(scene, place, path, depth);
}

function contentFault(
  scene: Scene,
  place: Place,
  path: string,
  depth: number,
): Finding | undefined {
  const head = scene.tree.read(place, HEAD);
  const text = new TextDecoder("latin1").decode(head);
  if (head.length === 0) return { cause: `${named(path)} is an empty file` };
  if (text.startsWith("#!")) return scriptFault(scene, path, text, depth);
  if (text.startsWith("\x7fELF")) return elfFault(scene, place, path);
  const foreign = FOREIGN.find(([magic]) => text.startsWith(magic));
  if (foreign) {
    return {
      cause: `${named(path)} is a program for ${foreign[1]}, not for Linux`,
      advice: "use the build for Linux",
    };
  }
  if (/^[\t\n\r -~\x80-\xff]+$/.test(text)) {
    return {
      cause: `${named(path)} is text without a first line such as #!/bin/sh, and the kernel does ` +
        "not guess who shall read it, as a shell does",
      advice: `add that line, or run it as: sh ${named(path)}`,
    };
  }
  return { cause: `${named(path)} is neither an ELF program nor a script` };
}

/** How programs of other systems begin. */
const FOREIGN: [string, string][] = [
  ["MZ", "Windows"],
  ["\xcf\xfa\xed\xfe", "macOS"],
  ["\xca\xfe\xba\xbe", "macOS or Java"],
];

/** A script: the program in its first line has to be there, and to be a program itself. */
function scriptFault(
  scene: Scene,
  path: string,
  head: string,
  depth: number,
): Finding | undefined {
  const [line] = head.slice(2).split("\n", 1);
  const interpreter = line.trimStart().split(/[ \t\0]/, 1)[0];
  const script = named(path);
  if (interpreter.replace("\r", "") === "") {
    return { cause: `the first line of ${script} names no interpreter`, advice: "write #!/bin/sh" };
  }
  if (depth >= MOST_INTERPRETERS) {
    return { cause: `${script} is a script whose interpreter is a script, and so on, too often` };
  }
  const way = scene.way(interpreter);
  if (way.end) {
    const fault = programFault(scene, way.end, interpreter, depth + 1);
    return fault && { ...fault, cause: `${script} is a script, and ${fault.cause}` };
  }
  if (interpreter.endsWith("\r")) {
    return {
      cause: `the first line of ${script} ends with a carriage return, as on Windows, so the ` +
        `kernel looks for an interpreter called ${JSON.stringify(interpreter)}`,
      advice: `take them out where the image is made: sed -i 's/\\r$//' ${script}`,
    };
  }
  return {
    cause: `${script} is a script for ${named(interpreter)}, and ${
      brokenWay(way, scene.absolute(interpreter))
    }`,
    advice: "install the interpreter in the image, or change the script's first line",
  };
}

/** An ELF program: for this machine, whole, and with its loader. */
function elfFault(scene: Scene, place: Place, path: string): Finding | undefined {
  const program = named(path);
  try {
    const { machine, interpreter } = readElf(`/proc/self/fd/${place.fd}`);
    const theirs = machineName(machine);
    if (!canRun(theirs)) {
      const platform = Deno.build.arch === "x86_64" ? "linux/amd64" : "linux/arm64";
      return {
        cause: `${program} is a program for ${theirs}, and this machine is ${Deno.build.arch}`,
        advice: `pull the image for this machine with --platform ${platform}, or install ` +
          "qemu-user-static, which lets the kernel run it",
      };
    }
    const type = scene.tree.read(place, 18)[16];
    if (type === ELF_RELOCATABLE) {
      return { cause: `${program} is an object file`, advice: "link it into a program first" };
    }
    return interpreter === undefined ? undefined : loaderFault(scene, program, interpreter);
  } catch (error) {
    if (!(error instanceof ElfError)) throw error;
    return { cause: `${program} is a damaged ELF file: ${error.message}` };
  }
}

function canRun(machine: string): boolean {
  return Deno.build.arch === "x86_64"
    ? ["x86-64", "i386"].includes(machine)
    : ["aarch64", "arm"].includes(machine);
}

/** The loader that an ELF program names has to be there: it belongs to a C library. */
function loaderFault(scene: Scene, program: string, loader: string): Finding | undefined {
  const way = scene.way(loader);
  if (way.end) {
    if (way.end.mode & 0o111) return;
    return { cause: `${named(loader)}, the loader that ${program} needs, is not executable` };
  }
  const wanted = libraryOf(loader);
  const there = LOADERS.filter((path) => scene.way(path).end).map(libraryOf)
    .find((library) => library !== wanted);
  const cause =
    `${program} needs the loader ${named(loader)}${wanted ? `, which is ${wanted}'s` : ""}` +
    `, and ${brokenWay(way, loader)}`;
  return {
    cause: there ? `${cause}: the container's C library is ${there}` : cause,
    advice: wanted
      ? `use a program that is built for ${there ?? "what the image has"} or linked statically, ` +
        `or an image with ${wanted}${wanted === "glibc" ? " such as debian" : " such as alpine"}`
      : "install the loader in the image, or link the program statically",
  };
}

const LOADERS = [
  "/lib/ld-musl-x86_64.so.1",
  "/lib/ld-musl-aarch64.so.1",
  "/lib64/ld-linux-x86-64.so.2",
  "/lib/ld-linux-aarch64.so.1",
];

/** Which C library a loader belongs to. */
function libraryOf(loader: string): "musl" | "glibc" | undefined {
  return loader.includes("ld-musl-")
    ? "musl"
    : /\/ld(-linux|64)/.test(loader)
    ? "glibc"
    : undefined;
}
