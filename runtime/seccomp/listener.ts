/**
 * The listener of a filter: who is asked about system calls with SCMP_ACT_NOTIFY.
 *
 * The filter is put on by the container's process, which cannot send its descriptor itself: that
 * takes calls that it may have to ask for. So the runtime fetches it, pidfd_getfd(2), and sends it
 * with the process's state to the socket that the spec names (runtime-spec, config-linux.md,
 * "The Container Process State").
 *
 * @module
 */

import { AF, SOCK } from "../../ffi/constants.ts";
import { attempt, libc } from "../../ffi/libc.ts";
import { sendBytes } from "../../ffi/messages.ts";
import { unixAddress } from "../unix_address.ts";
import type { LinuxSeccomp } from "../spec/seccomp.ts";
import type { ContainerProcessState, State } from "../spec/state.ts";

/** What the specification calls the descriptor, in the list of those that come along. */
const NAME = "seccompFd";

/** What is sent along with the descriptor. */
export function processState(
  { listenerMetadata }: LinuxSeccomp,
  state: State,
): ContainerProcessState {
  return {
    ociVersion: state.ociVersion,
    fds: [NAME],
    pid: state.pid!,
    ...(listenerMetadata === undefined ? {} : { metadata: listenerMetadata }),
    state,
  };
}

/**
 * Sends a filter's descriptor to the profile's listener.
 *
 * @param state the container, with the pid of the process that the filter is on
 * @param descriptor its number in that process
 * @throws {Error} where nobody listens there
 */
export function sendListener(profile: LinuxSeccomp, state: State, descriptor: number): void {
  const path = profile.listenerPath ?? "";
  const text = new TextEncoder().encode(JSON.stringify(processState(profile, state)));
  const process = libc.pidfd_open(state.pid!, 0);
  const opened = [process];
  try {
    const filter = libc.pidfd_getfd(process, descriptor, 0);
    opened.push(filter);
    const socket = libc.socket(AF.UNIX, SOCK.STREAM | SOCK.CLOEXEC, 0);
    opened.push(socket);
    const address = unixAddress(path);
    libc.connect(socket, address, address.length);
    sendBytes(socket, text, filter);
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`linux.seccomp.listenerPath: ${path}: ${message}`, { cause: error });
  } finally {
    for (const fd of opened) attempt.close(fd);
  }
}
