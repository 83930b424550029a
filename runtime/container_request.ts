/**
 * What is asked for when a container is made: all that its command line said.
 *
 * It is kept in the container's record as it is, so that the container can be started again.
 *
 * @module
 */

import type { MonitorRequest } from "./birth/monitor.ts";
import type { RunOptions } from "./image_config.ts";
import type { Image } from "./images/store.ts";
import type { NetworkRequest } from "./network/request.ts";
import type { ConditionalProfile } from "./seccomp/profile.ts";

/** `--restart`, in Docker's words. */
export interface RestartPolicy {
  /** whether it is started again: after a failure, always, or until somebody stops it */
  name: "on-failure" | "always" | "unless-stopped";
  /** for `on-failure`: after so many times no more; 0: without end */
  limit: number;
}

/** `--health-cmd` and its like; times are in milliseconds, as far as they were said. */
export interface HealthRequest {
  /** that there is none, whatever the image says */
  isOff?: boolean;
  /** a command for the container's shell; unless given, the image's check */
  command?: string;
  /** between two checks */
  interval?: number;
  /** a check that takes longer has failed */
  timeout?: number;
  /** so many failures in a row make it unhealthy */
  retries?: number;
  /** from the start, in which failures do not count */
  startPeriod?: number;
  /** between two checks in that time */
  startInterval?: number;
}

/** How what a detached container writes is kept: `--log-driver` and `--log-opt`. */
export interface LogRequest {
  /** `none` keeps nothing; the others are Docker's names for the one way that there is */
  driver?: "local" | "json-file" | "none";
  /** bytes of a file, at most; -1: without end. Unless given, 20 MB */
  size?: number;
  /** how many files there are, at most; unless given, 5 */
  files?: number;
}

/** What a container is made from. */
export interface ContainerRequest {
  /** where images, layers and containers are kept */
  dataRoot: string;
  /** an image whose layers are unpacked, or an absolute path of a directory that is the root */
  from: Omit<Image, "manifest"> | string;
  /** its id; unless given, a new one */
  id?: string;
  /** whether it has been made before, and is only started again */
  isAgain?: boolean;
  /** `--name`, or the one that it was given */
  name?: string;
  /** whether it stays when it has ended, or its start was killed: to be looked at, and started again */
  keep?: boolean;
  /** whether it is removed when it has ended, although it was made to stay until then */
  rm?: boolean;
  /** Docker's `--user`: names or numbers; unless given, the image's */
  user?: string;
  /** further groups, names or numbers */
  groups?: string[];
  /** its network; unless given, the default one. Not with `options.network` */
  network?: NetworkRequest;
  /** lines `address name` for /etc/hosts */
  extraHosts?: string[];
  /** system calls: unless given, Docker's default profile for the container's capabilities */
  seccomp?: ConditionalProfile | "unconfined";
  /** the cgroup below which the container's own is made, under its id */
  cgroupParent?: string;
  /** free text by key, kept in the record */
  labels?: Record<string, string>;
  /** volumes: named ones are kept below the data root, others go with the container */
  volumes?: { name?: string; destination: string; options: string[]; nocopy?: true }[];
  /** directories of the host's that are made when the container starts, if they are missing */
  makeDirectories?: string[];
  /** false: standard input is /dev/null. Unless given, it is this process's own */
  hasInput?: boolean;
  /** whether the limit on swap was not asked for: it goes where the host cannot count swap */
  swapIsDefault?: boolean;
  /** what is done when it ends by itself; unless given, nothing */
  restart?: RestartPolicy;
  /** how is found out whether it is well: what was said, over what its image says */
  health?: HealthRequest;
  /** how its output is kept when it is detached */
  log?: LogRequest;
  /** seconds between the signal that `stop` sends and SIGKILL; unless given, 10 */
  stopTimeout?: number;
  /** starts it apart from this process, under a monitor: see birth/monitor.ts */
  detach?: Pick<MonitorRequest, "keepsInput" | "afterwards" | "log">;
  /** everything else */
  options: Omit<RunOptions, "id" | "rootfs" | "resolvedUser" | "seccomp" | "groupAdd">;
}
