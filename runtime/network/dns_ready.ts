/**
 * Waiting for a name server that the keeper is just starting.
 *
 * @module
 */

import { keeperProblem } from "../keeper.ts";
import { NetworkError } from "./request.ts";

/** How long it may take, in milliseconds: a Deno has to start. */
const PATIENCE = 10_000;
/** How long is waited between two tries, in milliseconds. */
const PAUSE = 5;

/**
 * Waits until a name server takes connections.
 *
 * @throws {NetworkError} where none has come in time, or the keeper says that none can come
 */
export async function waitForServer(dataRoot: string, hostname: string): Promise<void> {
  for (const deadline = Date.now() + PATIENCE; !await isThere(hostname);) {
    const problem = keeperProblem(dataRoot);
    if (problem !== undefined || Date.now() > deadline) {
      const why = problem ?? "tiffin keeper would be it, and says why when it is started by hand";
      throw new NetworkError(`no name server answers on ${hostname} port 53: ${why}`);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

async function isThere(hostname: string): Promise<boolean> {
  try {
    (await Deno.connect({ hostname, port: 53 })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}
