/**
 * The specification's state of a container: what `state` prints, and what hooks read.
 *
 * https://github.com/opencontainers/runtime-spec/blob/v1.2.1/runtime.md#state
 *
 * @module
 */

/** Where a container is in its life. */
export type Status = "creating" | "created" | "running" | "stopped";

/** The state of a container. */
export interface State {
  /** The version of the specification that the state follows. */
  ociVersion: string;
  /** The container's id. */
  id: string;
  /** Where it is in its life. */
  status: Status;
  /** Its first process: as the host counts, but for hooks inside of the container as they count. */
  pid?: number;
  /** The bundle's directory, an absolute path. */
  bundle: string;
  /** The spec's own. */
  annotations?: Record<string, string>;
}

/** What a listener of seccomp(2) is told along with the descriptor, as the specification has it. */
export interface ContainerProcessState {
  /** The version of the specification that the state follows. */
  ociVersion: string;
  /** The names of the descriptors that come along, in their order. */
  fds: string[];
  /** The process that the filter is on, as the host counts. */
  pid: number;
  /** `linux.seccomp.listenerMetadata`. */
  metadata?: string;
  /** The container. */
  state: State;
}
