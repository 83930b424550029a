/**
 * What is said between a Deno that wants a container's files and the one that reads them in a user
 * namespace.
 *
 * @module
 */

import type { CopyJob } from "./copy_tree.ts";
import type { MetadataOptions } from "./file_metadata.ts";

/** The variable of the environment that holds the {@linkcode TreeJob} as JSON. */
export const TREE_JOB_VARIABLE = "TIFFIN_TREE_JOB";

/** What the second Deno is told. */
export type TreeJob =
  & {
    /** the file for its {@linkcode TreeAnswer} */
    answer: string;
  }
  & (TarJob | (CopyJob & Pick<MetadataOptions, "owners">));

/** Files wanted as a tar. */
export interface TarJob {
  /** the directories that overlayfs stacks, the topmost first */
  layers: string[];
  /** whether the changes of the topmost are wanted, and not all files */
  changes: boolean;
  /** whether names and metadata are enough */
  isBare?: boolean;
  /** the file for the tar */
  tar: string;
}

/** What it says. */
export interface TreeAnswer {
  /** what the tar does not hold as it is: names, and why */
  skipped?: [name: string, reason: string][];
  /** the message of the error, where there was one */
  failed?: string;
}
