/**
 * overlayfs, with layers that it does not take; each mount is really tried.
 *
 * @module
 */

import { MS } from "../../../ffi/constants.ts";
import type { Program } from "../../../ffi/program.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { elsewhere, type Ground, provoke } from "./held.ts";
import { assertRefused } from "./refusals.ts";

const DIRECTORIES = ["lower", "upper", "work", "merged"];

/** The mount that a container's root is, from a directory that has the others in it. */
function mountOverlay(program: Program, options: string): void {
  program.call("").mount("overlay", "merged", "overlay", 0, options);
}

/** As root, on a tmpfs of the child's own, so that it does not matter what /tmp lies on. */
function refuses(
  name: string,
  write: (program: Program, root: string) => void,
  says: string[],
  ground: Ground = {},
): void {
  Deno.test({
    ...needs(`overlay: ${name}`, { root: true }),
    async fn() {
      await using root = await tempRoot();
      const error = await provoke((program) => {
        program.call("").mount("tmpfs", root.path, "tmpfs", 0, null);
        program.call("").chdir(root.path);
        for (const directory of DIRECTORIES) program.call("").mkdir(directory, 0o755);
        write(program, root.path);
      }, ground);
      assertRefused(error, says, { ROOT: root.path });
    },
  });
}

refuses(
  "a layer is missing",
  (program) => mountOverlay(program, "lowerdir=lower:gone,upperdir=upper,workdir=work"),
  ["ENOENT", "ROOT/gone is not there: it should be a layer of the image; pull or load the image"],
);
refuses(
  "the work directory is missing",
  (program) => mountOverlay(program, "lowerdir=lower,upperdir=upper,workdir=gone"),
  ["ROOT/gone is not there: it should be overlayfs's own scratch directory"],
);
refuses(
  "a layer is a file",
  (program) => {
    program.call("").mknod("file", 0o100644, 0);
    mountOverlay(program, "lowerdir=file,upperdir=upper,workdir=work");
  },
  ["ROOT/file is a regular file, not a directory: it should be a layer of the image"],
);
refuses(
  "changes shall go to an overlay, as in a container",
  (program) => {
    mountOverlay(program, "lowerdir=lower,upperdir=upper,workdir=work");
    program.call("").mkdir("merged/upper", 0o755);
    program.call("").mkdir("merged/work", 0o755);
    program.call("").mkdir("again", 0o755);
    program.call("").mount(
      "overlay",
      "again",
      "overlay",
      0,
      "lowerdir=lower,upperdir=merged/upper,workdir=merged/work",
    );
  },
  [
    "EINVAL",
    "ROOT/merged/upper lies on overlay (mounted at ROOT/merged), which cannot take an overlay's " +
    "changes: this seems to be a container; put --root on another file system, such as a volume",
  ],
);
refuses(
  "work and changes lie in different mounts",
  (program) => {
    program.call("").mount("tmpfs", "work", "tmpfs", 0, null);
    mountOverlay(program, "lowerdir=lower,upperdir=upper,workdir=work");
  },
  ["EINVAL", "ROOT/upper and ROOT/work lie in different mounts"],
);
refuses(
  "it was mounted before, with volatile",
  (program) => {
    mountOverlay(program, "lowerdir=lower,upperdir=upper,workdir=work,volatile");
    program.call("").umount2("merged", 0);
    mountOverlay(program, "lowerdir=lower,upperdir=upper,workdir=work");
  },
  ["EINVAL", "ROOT/work/work/incompat/volatile shows that this overlay was mounted before"],
);
refuses(
  "one directory lies in another",
  (program) => {
    program.call("").mkdir("upper/work", 0o755);
    mountOverlay(program, "lowerdir=lower,upperdir=upper,workdir=upper/work");
  },
  ["overlayfs does not take these directories together; the kernel's log says why"],
);
refuses(
  "too many layers",
  (program) => {
    const lower = Array.from({ length: 501 }, (_, i) => `l${i}`);
    for (const directory of lower) program.call("").mkdir(directory, 0o755);
    mountOverlay(program, `lowerdir=${lower.join(":")},upperdir=upper,workdir=work`);
  },
  ["EINVAL", "the image has 501 layers, and overlayfs takes 500; squash the image"],
);
refuses(
  "longer options than mount(2) reads",
  (program) => {
    const lower = Array.from({ length: 30 }, (_, i) => `${"l".repeat(150)}${i}`);
    for (const directory of lower) program.call("").mkdir(directory, 0o755);
    mountOverlay(program, `lowerdir=${lower.join(":")},upperdir=upper,workdir=work`);
  },
  [
    'lllllllllllllllllllll29,upperdir=upper,workdir=work"): E',
    "the options have 4616 bytes, and mount(2) reads 4095 of them; use fewer layers",
  ],
);
refuses(
  "changes shall go where nothing can be written",
  (program) => {
    program.call("").mount(null, ".", null, MS.REMOUNT | MS.RDONLY, null);
    mountOverlay(program, "lowerdir=lower,upperdir=upper,workdir=work");
  },
  ["ROOT/upper lies on a file system that cannot be written"],
);
refuses(
  "an option that this kernel does not have yet",
  (program) => mountOverlay(program, "lowerdir=lower,upperdir=upper,workdir=work,userxattr,no"),
  ["overlayfs has the option userxattr since Linux 5.11, and this is 5.4; use a newer kernel, or"],
  { read: elsewhere({ "/proc/sys/kernel/osrelease": "5.4.0-1\n" }) },
);
