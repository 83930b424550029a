/**
 * A plain start: every module that `run IMAGE COMMAND` needs, side by side.
 *
 * Deno finds out what a module imports by reading it, and reads a module twice that leads on to
 * others; along the chains of a start that takes longer than with all of them in one list. A test
 * keeps the list equal to what is really loaded: whoever adds a module to a start adds it here, and
 * knows that each costs every start a tenth of a millisecond and more.
 *
 * @module
 */

import "../ffi/calls.ts";
import "../ffi/constants.ts";
import "../ffi/errno.ts";
import "../ffi/libc.ts";
import "../ffi/machine.ts";
import "../ffi/memory.ts";
import "../ffi/messages.ts";
import "../ffi/native.ts";
import "../ffi/program.ts";
import "../ffi/signatures.ts";
import "../ffi/structs.ts";
import "./birth/birth.ts";
import "./birth/cgroup.ts";
import "./birth/devices.ts";
import "./birth/executable.ts";
import "./birth/files.ts";
import "./birth/identity.ts";
import "./birth/launch.ts";
import "./birth/line.ts";
import "./birth/mount_options.ts";
import "./birth/mounts.ts";
import "./birth/namespaces.ts";
import "./birth/paths.ts";
import "./birth/process.ts";
import "./birth/rootfs.ts";
import "./capabilities.ts";
import "./cgroups/devices.ts";
import "./cgroups/host.ts";
import "./cgroups/plan.ts";
import "./cgroups/planner.ts";
import "./cgroups/tree.ts";
import "./host_files.ts";
import "./image_config.ts";
import "./image_config/mounts.ts";
import "./image_config/namespaces.ts";
import "./image_config/process.ts";
import "./images/digest.ts";
import "./images/store.ts";
import "./known_user.ts";
import "./network/request.ts";
import "./processes.ts";
import "./records.ts";
import "./remove_directory.ts";
import "./seccomp/bpf.ts";
import "./seccomp/load.ts";
import "./words.ts";

export { type Container, start } from "./container.ts";
export { type ContainerRequest, prepare } from "./prepare.ts";
export { findImage, type PullObserver } from "./images/find.ts";
