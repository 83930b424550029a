/**
 * A container's volumes: where they are, and what those that are new begin with.
 *
 * As Docker has it, that is what the image has in their places, unless it is told not to; and an
 * image can ask for volumes itself.
 *
 * @module
 */

import { isErrno } from "../ffi/errno.ts";
import type { Chapters } from "./birth/chapters.ts";
import { SAYS } from "./birth/line.ts";
import type { ContainerRequest } from "./container_request.ts";
import { later } from "./later.ts";
import { MergedTree } from "./merged_tree.ts";
import type { Mount } from "./spec.ts";

/** A container's volumes as its birth needs them. */
export interface ChosenVolumes {
  /** their mounts */
  mounts: Mount[];
  /** the filling of those that are new, where there are any */
  chapters?: Chapters;
}

/**
 * Works out the volumes of a container; nothing is touched.
 *
 * Named volumes outlive the container; one without a name is in the container's own directory.
 *
 * @param directory the container's
 * @param layers the directories that its root is made of, topmost first
 */
export function chooseVolumes(
  { volumes: asked = [], dataRoot, from, isAgain = false, options }: ContainerRequest,
  directory: string,
  layers: string[],
): ChosenVolumes {
  const others = [...asked, ...options.mounts ?? []].map(({ destination }) => destination);
  const taken = new Set([...others, ...Object.keys(options.tmpfs ?? {})]);
  const volumes: Volume[] = [...asked, ...volumesOfImage(from, taken)];
  const mounts: Mount[] = volumes.map(({ name, destination, options }, i) => ({
    destination,
    type: "bind",
    source: name ? `${dataRoot}/volumes/${name}/_data` : `${directory}/volume-${i}`,
    options,
  }));
  // A root directory is no image: what is in it belongs to somebody already.
  if (typeof from === "string") return { mounts };
  const fresh = mounts.filter(({ source, destination }, i) =>
    !volumes[i].nocopy && isNew(source!, isAgain) && hasDirectory(layers, destination)
  );
  if (fresh.length === 0) return { mounts };
  const fill = async () => {
    const { copyDirectory } = await later<typeof import("./images/container_tree.ts")>(
      import.meta,
      "./images/container_tree.ts",
    );
    for (const { source, destination } of fresh) {
      await copyDirectory({ root: dataRoot, layers, top: destination, into: source! });
    }
  };
  return { mounts, chapters: { fillsVolumes: true, answers: { [SAYS.volumes]: fill } } };
}

/** A volume as a request has it. */
type Volume = NonNullable<ContainerRequest["volumes"]>[number];

/** Places that are not an image's to give away. */
const NOT_THEIRS = new Set([undefined, "proc", "sys", "dev"]);

/** The volumes that the image asks for, where nothing else was asked for in their places. */
function volumesOfImage(from: ContainerRequest["from"], taken: ReadonlySet<string>): Volume[] {
  const named = typeof from === "string" ? [] : Object.keys(from.config.config?.Volumes ?? {});
  const paths = named.map((path) => path.split("/").filter((part) => part !== "" && part !== "."))
    .filter((parts) => !parts.includes("..") && !NOT_THEIRS.has(parts[0]))
    .map((parts) => `/${parts.join("/")}`);
  return [...new Set(paths).difference(taken)].sort()
    .map((destination) => ({ destination, options: ["rbind", "rprivate"] }));
}

/** Whether nobody has used it; what a container has emptied stays empty when it starts again. */
function isNew(directory: string, isAgain: boolean): boolean {
  try {
    for (const _ of Deno.readDirSync(directory)) return false;
    return !isAgain;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    // What only its owner may look into, another user of the container's has had.
    if (error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}

function hasDirectory(layers: readonly string[], path: string): boolean {
  using tree = new MergedTree(layers);
  try {
    return tree.walk(path).parts !== undefined;
  } catch (error) {
    // An ordinary user may not look everywhere; whoever copies may.
    if (isErrno(error, "EACCES")) return true;
    throw error;
  }
}
