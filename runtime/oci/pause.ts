/**
 * A container held still, and let go on.
 *
 * @module
 */

import { freeze, thaw } from "../cgroups/lifecycle.ts";
import { type OciContainer, OciError } from "./container.ts";

/** Holds every process of a container. @throws {OciError} where it does not run */
export async function pauseContainer({ record, status }: OciContainer): Promise<void> {
  if (status !== "running" && status !== "created") {
    throw new OciError(`container not running: ${status}`);
  }
  await freeze(groupOf(record));
}

/** Lets a paused container go on. @throws {OciError} where it is not paused */
export async function resumeContainer({ record, status }: OciContainer): Promise<void> {
  if (status !== "paused") throw new OciError(`container not paused: ${status}`);
  await thaw(groupOf(record));
}

function groupOf({ cgroup }: OciContainer["record"]) {
  if (cgroup) return cgroup;
  throw new OciError("the container has no control group of its own, which could hold it");
}
