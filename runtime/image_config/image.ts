/**
 * The types of an image's config: the JSON blob that says what a container of the image runs.
 *
 * It is the author's word, and the author is a stranger: no field here has been checked.
 *
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md, and the fields that Docker
 * adds (https://github.com/moby/docker-image-spec/blob/main/spec.md).
 *
 * @module
 */

/** A whole image config. */
export interface ImageConfig {
  /** When the image was made, RFC 3339. */
  created?: string;
  /** Who made it. */
  author?: string;
  /** The processor that the programs are for, as Go names it: "amd64", "arm64". */
  architecture: string;
  /** The kernel that they are for: "linux". */
  os: string;
  /** The processor's variant: "v8" of arm64. */
  variant?: string;
  /** What containers of the image start with. */
  config?: ImageDefaults | null;
  /** The layers. */
  rootfs: ImageRootfs;
  /** How each layer came about. */
  history?: ImageHistory[] | null;
}

/** What a container of the image starts with, where `run` is told nothing else. */
export interface ImageDefaults {
  /** `user`, `user:group`, names or numbers; resolved in the image's own passwd and group. */
  User?: string | null;
  /** Keys `PORT/tcp` or `PORT/udp`; the values mean nothing. */
  ExposedPorts?: Record<string, unknown> | null;
  /** `KEY=value` strings. */
  Env?: string[] | null;
  /** The front of the argument vector, which a command given to `run` does not replace. */
  Entrypoint?: string[] | null;
  /** The rest of it, which such a command does replace. */
  Cmd?: string[] | null;
  /** Keys: directories that get a volume of their own; the values mean nothing. */
  Volumes?: Record<string, unknown> | null;
  /** The working directory; `/` where it is empty. */
  WorkingDir?: string | null;
  /** Free text by key. */
  Labels?: Record<string, string> | null;
  /** What `stop` sends first, "SIGQUIT" or a number; SIGTERM where it is empty. */
  StopSignal?: string | null;
  /** How to find out whether the program is well. Docker's, not OCI's. */
  Healthcheck?: ImageHealthcheck | null;
  /** The shell of a Dockerfile's RUN. Docker's, not OCI's. */
  Shell?: string[] | null;
}

/** Docker's HEALTHCHECK. Times are in nanoseconds; 0 stands for Docker's default. */
export interface ImageHealthcheck {
  /** `["NONE"]`, `["CMD", program, …]` or `["CMD-SHELL", text]`; empty: inherit. */
  Test?: string[] | null;
  /** Nanoseconds between two checks; default 30 s. */
  Interval?: number;
  /** Nanoseconds after which a check has failed; default 30 s. */
  Timeout?: number;
  /** Nanoseconds from the start in which a failure does not count; default 0. */
  StartPeriod?: number;
  /** Nanoseconds between two checks in that time; default 5 s. */
  StartInterval?: number;
  /** Failures in a row that make it unhealthy; default 3. */
  Retries?: number;
}

/** The image's layers, from the lowest up. */
export interface ImageRootfs {
  /** Always "layers". */
  type: string;
  /** Digests of the layers' uncompressed tar archives. */
  diff_ids: string[];
}

/** One step of the image's making. */
export interface ImageHistory {
  /** When, RFC 3339. */
  created?: string;
  /** The Dockerfile's line, or what ran for it. */
  created_by?: string;
  /** Who. */
  author?: string;
  /** Free text. */
  comment?: string;
  /** The step made no layer. */
  empty_layer?: boolean;
}
