/**
 * A plain create: every module that `oci create` of an engine's bundle needs, side by side.
 *
 * Why one list, and what a module costs, is said in ../plain_start.ts; a test keeps this one too.
 *
 * @module
 */

import "../../ffi/calls.ts";
import "../../ffi/constants.ts";
import "../../ffi/errno.ts";
import "../../ffi/libc.ts";
import "../../ffi/machine.ts";
import "../../ffi/memory.ts";
import "../../ffi/messages.ts";
import "../../ffi/native.ts";
import "../../ffi/program.ts";
import "../../ffi/signatures.ts";
import "../../ffi/structs.ts";
import "../birth/birth.ts";
import "../birth/cgroup.ts";
import "../birth/chapters.ts";
import "../birth/devices.ts";
import "../birth/executable.ts";
import "../birth/files.ts";
import "../birth/gate.ts";
import "../birth/identity.ts";
import "../birth/launch.ts";
import "../birth/line.ts";
import "../birth/mount_options.ts";
import "../birth/mounts.ts";
import "../birth/namespaces.ts";
import "../birth/paths.ts";
import "../birth/process.ts";
import "../birth/rootfs.ts";
import "../bundle.ts";
import "../capabilities.ts";
import "../cgroups/devices.ts";
import "../cgroups/host.ts";
import "../cgroups/plan.ts";
import "../cgroups/planner.ts";
import "../cgroups/tree.ts";
import "../later.ts";
import "../merged_tree.ts";
import "../processes.ts";
import "../seccomp/bpf.ts";
import "../seccomp/load.ts";
import "../unix_address.ts";
import "../unsupported.ts";
import "../users.ts";
import "../validate.ts";
import "../validate/checks.ts";
import "../validate/limits.ts";
import "../validate/shape.ts";
import "../words.ts";
import "./console_socket.ts";
import "./container.ts";
import "./pid_file.ts";

export { createContainer } from "./create.ts";
