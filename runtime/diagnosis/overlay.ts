/**
 * overlayfs refuses its layers: which directory is missing, or on what does the upper one lie?
 *
 * The kernel's Documentation/filesystems/overlayfs.rst and fs/overlayfs/super.c.
 *
 * @module
 */

import { kindOf } from "../merged_tree.ts";
import { brokenWay, either, type Finder, named, type Scene } from "./scene.ts";

const DATA = 4;
/** OVL_MAX_STACK. */
const MOST_LAYERS = 500;

/** The directories of an overlay, from its options. */
function directories(scene: Scene): { lower: string[]; upper?: string; work?: string } {
  const options = new Map(
    scene.text(DATA).split(",").map((option): [string, string] => {
      const at = option.indexOf("=");
      return at < 0 ? [option, ""] : [option.slice(0, at), option.slice(at + 1)];
    }),
  );
  return {
    lower: (options.get("lowerdir") ?? "").split(":").filter(Boolean),
    upper: options.get("upperdir"),
    work: options.get("workdir"),
  };
}

function all(scene: Scene): { path: string; role: string }[] {
  const { lower, upper, work } = directories(scene);
  return [
    ...lower.map((path) => ({ path, role: "a layer of the image" })),
    ...upper ? [{ path: upper, role: "the directory for changes" }] : [],
    ...work ? [{ path: work, role: "overlayfs's own scratch directory" }] : [],
  ];
}

const missingDirectory: Finder = (scene) => {
  for (const { path, role } of all(scene)) {
    const way = scene.way(path);
    const isLayer = role.includes("layer");
    const cause = way.end && kindOf(way.end) !== "directory"
      ? `${named(way.end.path)} is a ${kindOf(way.end)}, not a directory`
      : brokenWay(way, scene.absolute(path));
    if (cause) {
      return {
        cause: `${cause}: it should be ${role}`,
        advice: isLayer ? "pull or load the image again" : undefined,
      };
    }
  }
};

/** File systems that cannot take an overlay's changes. */
const NO_UPPER = [
  "overlay",
  "nfs",
  "nfs4",
  "vfat",
  "exfat",
  "ntfs3",
  "fuseblk",
  "9p",
  "cifs",
  "iso9660",
];

const wrongUpper: Finder = (scene) => {
  const { upper } = directories(scene);
  const place = upper ? scene.way(upper).end : undefined;
  const mount = place && scene.mountOf(place);
  if (!mount || !NO_UPPER.includes(mount.type)) return;
  const isContainer = mount.type === "overlay";
  return {
    cause: `${named(place.path)} lies on ${mount.type} (mounted at ${named(mount.point)}), which ` +
      "cannot take an overlay's changes" + (isContainer ? ": this seems to be a container" : ""),
    advice: "put --root on another file system" +
      (isContainer
        ? ", such as a volume or a tmpfs of the outer container"
        : ", such as ext4 or xfs"),
  };
};

const workElsewhere: Finder = (scene) => {
  const { upper, work } = directories(scene);
  const places = [upper, work].map((path) => path && scene.way(path).end);
  if (!places[0] || !places[1]) return;
  const [first, second] = [places[0], places[1]].map((place) => scene.mountOf(place));
  if (!first || !second || first === second) return;
  return {
    cause: `${named(places[0].path)} and ${named(places[1].path)} lie in different mounts, and ` +
      "overlayfs moves files from one to the other",
    advice: "put both in one file system",
  };
};

const usedBefore: Finder = (scene) => {
  const { work } = directories(scene);
  if (!work) return;
  const { end } = scene.way(`${work}/work/incompat/volatile`);
  return end && {
    cause: `${named(end.path)} shows that this overlay was mounted before, with the option ` +
      "volatile: what is in it may be half written",
    advice: "remove the container, and make it anew",
  };
};

const tooManyLayers: Finder = (scene) => {
  const { lower } = directories(scene);
  if (lower.length <= MOST_LAYERS) return;
  return {
    cause: `the image has ${lower.length} layers, and overlayfs takes ${MOST_LAYERS}`,
    advice: "squash the image",
  };
};

/** Options that kernels learnt late. */
const SINCE: Record<string, [number, number]> = { volatile: [5, 10], userxattr: [5, 11] };

const oldKernel: Finder = (scene) => {
  const words = scene.text(DATA).split(",");
  const option = Object.keys(SINCE).find((word) =>
    words.includes(word) && !scene.hasKernel(SINCE[word])
  );
  if (option === undefined) return;
  return {
    cause: `overlayfs has the option ${option} since Linux ${SINCE[option].join(".")}, and this ` +
      `is ${scene.kernel}`,
    advice: option === "userxattr" ? "use a newer kernel, or run as root" : "use a newer kernel",
  };
};

const overlapping: Finder = (scene) => ({
  cause: `one of the overlay's directories lies in another: ${
    all(scene).map(({ path }) => named(path)).join(", ")
  }`,
});

const otherLayers: Finder = (scene) => ({
  cause: `${named(directories(scene).upper ?? "the upper directory")} was used with other layers ` +
    "before, and overlayfs's index remembers them",
  advice: "remove the container, and make it anew",
});

const inUse: Finder = (scene) => ({
  cause: `${named(directories(scene).upper ?? "the upper directory")}, or its work directory, is ` +
    "in use by another overlay",
  advice: "only one container may have it: stop the other one",
});

const readOnlyUpper: Finder = (scene) => {
  const { upper } = directories(scene);
  const place = upper ? scene.way(upper).end : undefined;
  const mount = place && scene.mountOf(place);
  if (!mount?.isReadOnly) return;
  return {
    cause: `${named(place!.path)} lies on a file system that cannot be written, mounted at ` +
      named(mount.point),
    advice: "put --root where there is one that can",
  };
};

const unnamed: Finder = () => ({
  cause: "overlayfs does not take these directories together",
  advice: "the kernel's log says why: dmesg | grep overlayfs",
});

/** What to look for when an overlay cannot be mounted, by errno. */
export const OVERLAY: Record<
  "EPERM" | "EINVAL" | "ENOENT" | "ENOTDIR" | "ESTALE" | "ELOOP" | "EBUSY" | "EROFS",
  Finder
> = {
  EPERM: either(oldKernel, wrongUpper),
  EINVAL: either(
    missingDirectory,
    usedBefore,
    readOnlyUpper,
    wrongUpper,
    workElsewhere,
    tooManyLayers,
    oldKernel,
    unnamed,
  ),
  ENOENT: missingDirectory,
  ENOTDIR: missingDirectory,
  ESTALE: otherLayers,
  ELOOP: overlapping,
  EBUSY: inUse,
  EROFS: readOnlyUpper,
};
