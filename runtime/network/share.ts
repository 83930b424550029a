/**
 * A container that shares another one's network: its interfaces, its ports, its loopback, its name.
 *
 * @module
 */

import { findContainer } from "../containers.ts";
import { readHostFile } from "../host_files.ts";
import type { ContainerNetwork } from "./choice.ts";
import { NetworkError } from "./request.ts";

/**
 * Finds the network of a container that runs.
 *
 * @param word its name, its id, or the beginning of that
 * @throws {NetworkError} for one that does not run
 */
export async function shareNetwork(dataRoot: string, word: string): Promise<ContainerNetwork> {
  const { process, directory } = await findContainer(dataRoot, word);
  if (!process) {
    throw new NetworkError(
      `the container ${word} does not run: it has no network that could be shared; ` +
        `tiffin start ${word} starts it`,
    );
  }
  return {
    joins: `/proc/${process.pid}/ns/net`,
    hostname: readHostFile(`${directory}/hostname`)?.trim(),
    lines: { copyOf: directory },
  };
}
