/**
 * pivot_root(2) has many rules and one errno for most of them: which one was broken?
 *
 * The rules are those of path_pivot_root() in the kernel's fs/namespace.c.
 *
 * @module
 */

import { type Cases, each, either, type Finder, named } from "./scene.ts";

const BIND_FIRST = "bind it onto itself first: mount(dir, dir, NULL, MS_BIND|MS_REC, NULL)";
const MAKE_PRIVATE = 'cut it off first: mount(NULL, "/", NULL, MS_REC|MS_PRIVATE, NULL)';

/** Which mounts the call is about: that of the present root, and the one that shall take its place. */
function mountsOf(scene: Parameters<Finder>[0]) {
  const path = scene.absolute(scene.text(0));
  const place = scene.way(scene.text(0)).end;
  const rootPlace = scene.tree.walk("/").end;
  const mount = place && scene.mountOf(place);
  const root = rootPlace && scene.mountOf(rootPlace);
  const parent = scene.mounts.find((each) => each.id === mount?.parent && each !== mount);
  return { path, mount, root, parent };
}

const sharedMount: Finder = (scene) => {
  const { mount, parent, root } = mountsOf(scene);
  const shared = [mount, parent, root].find((each) => each?.isShared);
  return shared && {
    cause:
      `the mount at ${named(shared.point)} is shared, and the exchange of roots would travel ` +
      "to other mount namespaces",
    advice: MAKE_PRIVATE,
  };
};

const initialRoot: Finder = (scene) => {
  const { root } = mountsOf(scene);
  if (!root || (root.type !== "rootfs" && root.parent !== root.id)) return;
  return {
    cause: "the present root is the kernel's own initial file system, which cannot be exchanged",
    advice: "boot into another root first, as switch_root(8) does",
  };
};

const chrootedRoot: Finder = (scene) => {
  if (!scene.isChrooted) return;
  return {
    cause: "the present root directory is not a mount point, as in a chroot",
    advice: "run this outside of the chroot, or make its directory a mount point before entering",
  };
};

const newRootIsNoMount: Finder = (scene) => {
  const { path, mount } = mountsOf(scene);
  if (!mount || mount.point === path) return;
  return { cause: `the new root ${named(path)} is not a mount point`, advice: BIND_FIRST };
};

const outsideOfEachOther: Finder = (scene) => {
  const [fresh, old] = [scene.absolute(scene.text(0)), scene.absolute(scene.text(1))];
  if (old === fresh || old.startsWith(`${fresh === "/" ? "" : fresh}/`)) return;
  return {
    cause: `the place for the old root, ${named(old)}, is not below the new root ${named(fresh)}`,
    advice: 'make a directory for it in the new root, or use pivot_root(".", ".")',
  };
};

const sameMount: Finder = (scene) => ({
  cause: `the new root ${named(mountsOf(scene).path)}, or the place for the old one, is in the ` +
    "very mount that is the present root",
  advice: "choose another directory, and bind it onto itself",
});

const notADirectory: Finder = (scene) => {
  const path = [0, 1].map((i) => scene.absolute(scene.text(i)))
    .find((path) => !isDirectory(scene.tree.walk(path).end?.mode));
  return path === undefined ? undefined : { cause: `${named(path)} is not a directory` };
};

function isDirectory(mode = 0): boolean {
  return (mode & 0o170000) === 0o040000;
}

/** What to look for when the root cannot be exchanged. */
export const PIVOT: Cases = {
  pivot_root: {
    EINVAL: either(sharedMount, initialRoot, chrootedRoot, newRootIsNoMount, outsideOfEachOther),
    // a plain directory of the root's own file system is in the root's mount as well
    EBUSY: either(newRootIsNoMount, sameMount),
    ...each("ENOTDIR ENOENT", notADirectory),
  },
};
